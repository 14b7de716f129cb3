/* work.c - the deeds: what is written where. Who meets whom when: week.c. */
#include "work.h"
#include "base/err.h"
#include "check.h"
#include "model.h"
#include "net.h"
#include "replica/invite.h"
#include "replica/replica.h"
#include "shell/platform.h"

#include <stdio.h>
#include <string.h>

#define OWNER_MAX   40
#define LARGE_BYTES 30000

static const struct ward_field_def task_fields[] = {
    {TASK_TITLE, "title", WARD_TEXT, WARD_CONFLICT, 0},
    {TASK_TEXT, "text", WARD_TEXT, WARD_LATEST, 0},
    {TASK_LEVEL, "level", WARD_INT, WARD_MAX, 0},
    {TASK_DUE, "due", WARD_INT, WARD_CONFLICT, 0},
    {TASK_OWNER, "owner", WARD_TEXT, WARD_FIXED, OWNER_MAX},
    {TASK_TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0},
    {TASK_DONE, "done", WARD_INT, WARD_SUM, 0},
    {TASK_HELD, "held", WARD_BOOL, WARD_LATEST, 0},
};
static const struct ward_field_def note_fields[] = {{NOTE_TEXT, "text", WARD_TEXT, WARD_CONFLICT, 0}};
static const struct ward_kind_def kinds[] = {
    {KIND_TASK, "task", task_fields, sizeof task_fields / sizeof task_fields[0]},
    {KIND_NOTE, "note", note_fields, 1},
};
static const struct ward_index_def indexes[] = {
    {.kind = KIND_TASK, .by = {TASK_OWNER, TASK_LEVEL}, .or_by = TASK_TAGS},
    {.kind = KIND_TASK, .by = {WARD_BY_PROPOSED, TASK_TITLE}},
    {.kind = KIND_NOTE},
};
const struct ward_schema work_schema = {.kinds = kinds, .kind_count = 2, .version = 2, .indexes = indexes, .index_count = 3};
/* An older program: one kind, two fields. */
static const struct ward_kind_def few_kinds[] = {{KIND_TASK, "task", task_fields, 2}};
const struct ward_schema work_small_schema = {.kinds = few_kinds, .kind_count = 1, .version = 1};

/* ---------------------------------------------------------------- acts */

/* One act under way. */
struct act {
    struct device *d;
    struct dice *dice;
    ward_replica *r;
    ward_txn *t;
    struct ward_hash space;
    struct ward_error err;
};

static uint64_t own_heads(const ward_replica *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->dir.feed_count; i++)
        n += memcmp(r->dir.feeds[i].grant.b, r->self.b, 32) == 0 ? r->dir.feeds[i].head_seq : 0;
    return n;
}

/* A refused commit is refused whole. What a failed disk made of it shows when it is opened again. */
static int commit(struct act *a)
{
    struct ward_commit done;
    uint64_t before = own_heads(a->r);
    int rc = ward_commit(a->t, &done, &a->err);
    a->t = NULL;
    if (!rc) {
        deed(a->d->w, DEED_COMMIT);
        return rc;
    }
    deed(a->d->w, DEED_COMMIT_FAILED);
    check_error(a->d, &a->err);
    if (rc != WARD_ERR_IO && a->r->stamp != 0 && own_heads(a->r) != before)
        violated(a->d->w, "S2", "%s: a commit was refused (%s) and something of it stands", a->d->name, ward_error_name(rc));
    return rc;
}

static int begin(struct act *a)
{
    return ward_begin(a->r, &a->t, &a->err);
}

static int put(struct act *a, uint32_t kind, const struct ward_id *id, uint32_t field, const void *key, size_t key_len,
               struct ward_value value)
{
    return ward_put(a->t, &a->space, kind, id, field, key, key_len, &value, &a->err);
}

static int finish(struct act *a, int rc)
{
    if (!rc)
        return commit(a);
    ward_abort(a->t);
    a->t = NULL;
    return rc;
}

static struct ward_value words(struct act *a, char *buf, size_t size)
{
    static const char *const some[] = {"meeting", "plan", "report", "survey", "ph\xc6\xb0\xe1\xbb\x9dng", "road", "school", "budget"};
    snprintf(buf, size, "%s %u", some[dice_below(a->dice, 8)], (unsigned)dice_below(a->dice, 100));
    return ward_value_text(buf);
}

/* The circle of the own unit, or of it and another; operators also work in other units'. */
static int choose_space(struct act *a)
{
    struct world *w = a->d->w;
    struct ward_id circle[2] = {a->d->unit};
    if (a->d->role == WARD_ROLE_OPERATOR)
        circle[0] = w->d[dice_below(a->dice, w->count)].unit;
    bool joint = dice_chance(a->dice, 150);
    if (joint)
        circle[1] = w->d[dice_below(a->dice, w->count)].unit;
    if (joint)
        deed(w, DEED_JOINT);
    return ward_space_of_circle(a->r, &a->space, circle, joint ? 2 : 1, &a->err);
}

static int create(struct act *a)
{
    char buf[40];
    struct ward_id id;
    uint32_t kind = a->d->options.schema == &work_schema && dice_chance(a->dice, 250) ? KIND_NOTE : KIND_TASK;
    int rc = choose_space(a);
    if (!rc)
        rc = ward_new_id(a->r, &id, &a->err);
    if (!rc)
        rc = begin(a);
    if (rc)
        return rc;
    rc = put(a, kind, &id, TASK_TITLE, NULL, 0, words(a, buf, sizeof buf)); /* a note's text has the same number */
    if (!rc && kind == KIND_TASK && dice_chance(a->dice, 500))
        rc = put(a, kind, &id, TASK_TEXT, NULL, 0, words(a, buf, sizeof buf));
    return finish(a, rc);
}

static bool writes_there(const struct device *d, const struct model_space *s)
{
    if (s->is_ward || d->role == WARD_ROLE_HUB)
        return false;
    if (d->role == WARD_ROLE_OPERATOR)
        return true;
    for (size_t i = 0; i < s->unit_count; i++)
        if (memcmp(s->units[i].b, d->unit.b, 16) == 0)
            return true;
    return false;
}

/* A record of somebody's in a space where this device writes, the young ones more often. False: none was found. */
static bool choose_record(struct act *a, struct model_record *out)
{
    const struct model *m = a->d->w->model;
    for (int i = 0; i < 10 && m->record_count; i++) {
        size_t young = m->record_count < 12 || dice_chance(a->dice, 300) ? m->record_count : 12;
        const struct model_record *r = &m->records[m->record_count - 1 - dice_below(a->dice, young)];
        const struct model_space *s = &m->spaces[r->space];
        if (!writes_there(a->d, s) || !ward_directory_space_by_id(&a->r->dir, &s->id))
            continue;
        *out = *r;
        a->space = s->id;
        return true;
    }
    return false;
}

static int edit(struct act *a, enum deed what)
{
    static const char *const tags[] = {"urgent", "road", "youth"};
    struct model_record rec;
    char buf[40];
    if (!choose_record(a, &rec) || (rec.kind == KIND_NOTE && what != DEED_EDIT && what != DEED_DELETE))
        return WARD_ERR_NOTHING;
    uint32_t text = rec.kind == KIND_TASK && dice_chance(a->dice, 300) ? TASK_TEXT : TASK_TITLE;
    uint32_t governed = dice_chance(a->dice, 700) ? TASK_DUE : TASK_HELD;
    const char *tag = tags[dice_below(a->dice, 3)];
    int64_t number = dice_between(a->dice, 0, 9);
    bool yes = dice_chance(a->dice, 600);
    int rc = begin(a);
    if (rc)
        return rc;
    switch (what) {
    case DEED_EDIT:
        rc = put(a, rec.kind, &rec.entity, text, NULL, 0, words(a, buf, sizeof buf));
        break;
    case DEED_GOVERN:
        rc = put(a, rec.kind, &rec.entity, governed, NULL, 0, governed == TASK_DUE ? ward_value_int(number) : ward_value_bool(yes));
        break;
    case DEED_MEMBER:
        rc = put(a, rec.kind, &rec.entity, TASK_TAGS, tag, strlen(tag), ward_value_bool(yes));
        if (!rc && yes)
            rc = put(a, rec.kind, &rec.entity, TASK_LEVEL, NULL, 0, ward_value_int(number));
        break;
    case DEED_ADD:
        rc = put(a, rec.kind, &rec.entity, TASK_DONE, NULL, 0, ward_value_int(number - 2));
        if (!rc && number == 3)
            rc = put(a, rec.kind, &rec.entity, TASK_OWNER, NULL, 0, ward_value_text(a->d->name));
        break;
    case DEED_DELETE:
        rc = ward_delete(a->t, &a->space, rec.kind, &rec.entity, &a->err);
        break;
    default:
        rc = put(a, rec.kind, &rec.entity, WARD_FIELD_PRESENCE, NULL, 0, ward_value_bool(true));
        break;
    }
    return finish(a, rc);
}

/* Values of a size that fill frames. */
static int large(struct act *a)
{
    static uint8_t bytes[LARGE_BYTES];
    struct model_record rec;
    if (!choose_record(a, &rec) || rec.kind != KIND_TASK || a->d->options.schema != &work_schema)
        return WARD_ERR_NOTHING;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)('a' + dice_below(a->dice, 26));
    struct ward_value v = {.type = WARD_TEXT, .p = bytes, .len = sizeof bytes - dice_below(a->dice, 20000)};
    int rc = begin(a);
    return rc ? rc : finish(a, put(a, rec.kind, &rec.entity, TASK_TEXT, NULL, 0, v));
}

struct chosen {
    struct dice *dice;
    size_t seen;
    struct ward_id id;
    size_t values;
};

static int choose_conflict(void *ctx, const struct ward_conflict *c)
{
    struct chosen *chosen = ctx;
    if (dice_below(chosen->dice, ++chosen->seen) == 0) {
        chosen->id = c->id;
        chosen->values = c->value_count;
    }
    return 0;
}

static int resolve(struct act *a)
{
    struct chosen c = {.dice = a->dice};
    int rc = ward_conflicts(a->r, choose_conflict, &c, &a->err);
    if (rc || !c.seen)
        return rc ? rc : WARD_ERR_NOTHING;
    uint64_t before = own_heads(a->r);
    rc = ward_resolve(a->r, &c.id, c.values, dice_below(a->dice, c.values), NULL, "talked it over", &a->err);
    if (rc && rc != WARD_ERR_IO && a->r->stamp != 0 && own_heads(a->r) != before)
        violated(a->d->w, "S2", "%s: a resolution was refused (%s) and something of it stands", a->d->name, ward_error_name(rc));
    return rc;
}

struct set_aside {
    struct dice *dice;
    size_t seen;
    struct ward_hash head;
};

static int choose_aside(void *ctx, const struct ward_aside *aside)
{
    struct set_aside *s = ctx;
    if (aside->released < aside->last && dice_below(s->dice, ++s->seen) == 0)
        s->head = aside->head;
    return 0;
}

/* An operator has looked at what lies beyond a cut, and finds it good. */
static int release(struct act *a)
{
    struct set_aside s = {.dice = a->dice};
    size_t changes;
    int rc = a->d->role == WARD_ROLE_OPERATOR ? ward_asides(a->r, choose_aside, &s, &a->err) : WARD_ERR_NOTHING;
    if (rc || !s.seen)
        return rc ? rc : WARD_ERR_NOTHING;
    return ward_aside_release(a->r, &s.head, "looked through", &changes, &a->err);
}

static int backup(struct act *a)
{
    char path[64];
    snprintf(path, sizeof path, "%s/copy.db", a->d->mount);
    int rc = ward_backup(a->r, path, &a->err);
    ward_file_remove(path);
    return rc;
}

static int choose_and_do(struct act *a, enum deed *what)
{
    static const struct {
        enum deed deed;
        unsigned weight;
    } table[] = {{DEED_CREATE, 25}, {DEED_EDIT, 30},    {DEED_GOVERN, 10}, {DEED_MEMBER, 10}, {DEED_ADD, 10},    {DEED_DELETE, 4},
                 {DEED_RESTORE, 4}, {DEED_RESOLVE, 10}, {DEED_LARGE, 1},   {DEED_BACKUP, 1},  {DEED_RELEASE, 15}};
    uint64_t at = dice_below(a->dice, a->d->role == WARD_ROLE_OPERATOR ? 120 : 105);
    size_t i = 0;
    for (; at >= table[i].weight; i++)
        at -= table[i].weight;
    *what = table[i].deed;
    switch (*what) {
    case DEED_CREATE:
        return create(a);
    case DEED_RESOLVE:
        return resolve(a);
    case DEED_LARGE:
        return large(a);
    case DEED_BACKUP:
        return backup(a);
    case DEED_RELEASE:
        return release(a);
    default:
        return edit(a, *what);
    }
}

bool work_may_act(const struct device *d)
{
    return d->joined && device_is_up(d) && !d->must_meet && !d->hostile && !d->keys_open;
}

void work_end_act(struct device *d, const char *what, int rc, const struct ward_error *err)
{
    faults_after_act(d);
    check_error(d, err);
    device_done(d, rc);
    trace(d->w, d, "%s: %s", what, rc ? ward_error_name(rc) : "done");
    if (rc == WARD_ERR_CORRUPT || rc == WARD_ERR_INTERNAL || (rc == WARD_ERR_ARGUMENT && !d->w->failed))
        violated(d->w, "S17", "%s: %s: %d %s", d->name, what, rc, err->detail);
    if (!device_fell(d) && !rc && d->serving) {
        d->serving->kick = true;
        proc_wake(d->serving);
    }
}

static void end_act(struct act *a, const char *what, int rc)
{
    work_end_act(a->d, what, rc, &a->err);
}

void work_act(struct device *d)
{
    struct act a = {.d = d, .dice = &d->w->work_dice};
    enum deed what = DEED_CREATE;
    if (!work_may_act(d))
        return;
    faults_before_act(d);
    int rc = device_app(d, &a.r, &a.err);
    if (!rc)
        rc = ward_replica_refresh(a.r, &a.err);
    if (!rc)
        rc = choose_and_do(&a, &what);
    if (!rc)
        deed(d->w, what);
    end_act(&a, deed_name(what), rc);
}

/* ---------------------------------------------------------------- by hand, for stories */

static int by_hand(struct device *d, int (*fn)(struct act *a, const void *p, const struct ward_id *id), const char *what, const void *p,
                   const struct ward_id *id)
{
    struct act a = {.d = d, .dice = &d->w->work_dice};
    faults_before_act(d);
    int rc = device_app(d, &a.r, &a.err);
    if (!rc)
        rc = ward_replica_refresh(a.r, &a.err);
    if (!rc)
        rc = ward_space_of_circle(a.r, &a.space, &d->unit, 1, &a.err);
    if (!rc && id)
        ward_space_of_record(a.r, &a.space, KIND_TASK, id, &a.err);
    if (!rc)
        rc = fn(&a, p, id);
    end_act(&a, what, rc);
    return rc;
}

static int write_title(struct act *a, const void *p, const struct ward_id *id)
{
    int rc = begin(a);
    return rc ? rc : finish(a, put(a, KIND_TASK, id, TASK_TITLE, NULL, 0, ward_value_text(p)));
}

static int write_due(struct act *a, const void *p, const struct ward_id *id)
{
    int rc = begin(a);
    return rc ? rc : finish(a, put(a, KIND_TASK, id, TASK_DUE, NULL, 0, ward_value_int(*(const int64_t *)p)));
}

int work_create(struct device *d, const char *title, struct ward_id *out)
{
    char what[80];
    dice_fill(&d->w->work_dice, out->b, sizeof out->b);
    snprintf(what, sizeof what, "creates \"%s\"", title);
    return by_hand(d, write_title, what, title, out);
}

int work_edit(struct device *d, const struct ward_id *id, const char *title)
{
    char what[80];
    snprintf(what, sizeof what, "names it \"%s\"", title);
    return by_hand(d, write_title, what, title, id);
}

int work_due(struct device *d, const struct ward_id *id, int64_t due)
{
    char what[80];
    snprintf(what, sizeof what, "wants it by day %d", (int)due);
    return by_hand(d, write_due, what, &due, id);
}

bool work_shows(struct device *d, const struct ward_id *id, const char *title)
{
    ward_replica *r;
    ward_record *rec;
    if (device_open(d, &r, NULL))
        return false;
    bool shows = ward_get(r, KIND_TASK, id, false, &rec, NULL) == WARD_OK;
    if (shows) {
        struct ward_value v = ward_record_value(rec, TASK_TITLE);
        shows = v.type == WARD_TEXT && v.len == strlen(title) && memcmp(v.p, title, v.len) == 0;
        ward_record_free(rec);
    }
    ward_close(r);
    return shows;
}

/* ---------------------------------------------------------------- devices */

/* Where it stands in a code, as spelt. */
static void keep_secret_of(struct world *w, const char *code)
{
    check_keep_secret(w, code + 4 + 90, 24);
}

static bool invite(struct device *by, const char *name, char unit, enum ward_role role, char code[WARD_INVITE_MAX])
{
    struct world *w = by->w;
    struct act a = {.d = by};
    bool hubs = role == WARD_ROLE_CELL || by == w->hub; /* a hub apart lets in cells alone, others come to the operator */
    const char *addresses[] = {hubs ? w->hub->address : by->address, role != WARD_ROLE_HUB && w->hub2 ? w->hub2->address : NULL};
    struct ward_id unit_id;
    if (!work_may_act(by))
        return false;
    memset(unit_id.b, unit, sizeof unit_id.b);
    faults_before_act(by);
    int rc = device_app(by, &a.r, &a.err);
    if (!rc)
        rc = ward_invite(a.r, &unit_id, role, addresses, hubs && addresses[1] ? 2 : 1, 30 * DAY_MS, code, WARD_INVITE_MAX, &a.err);
    char what[60];
    snprintf(what, sizeof what, "invites %s", name);
    end_act(&a, what, rc);
    if (rc)
        return false;
    deed(w, DEED_INVITE);
    keep_secret_of(w, code);
    return true;
}

static void take_code(struct device *d, const char *code)
{
    struct ward_invitation v;
    snprintf(d->code, sizeof d->code, "%s", code);
    if (ward_invitation_parse(&v, code, NULL) == WARD_OK)
        memcpy(d->invited.b, v.link_pk, sizeof d->invited.b);
}

bool work_code_is_good(const struct device *d)
{
    struct ward_invitation v;
    if (ward_invitation_parse(&v, d->code, NULL))
        return true;
    const struct world *w = d->w;
    const struct device *at[] = {w->hub, w->hub2, d->role == WARD_ROLE_CELL ? NULL : &w->d[0]}; /* as invite chooses the addresses */
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        if (at[i] && !at[i]->revoked && memcmp(at[i]->link_pk, v.hub_link_pk, sizeof v.hub_link_pk) == 0)
            return true;
    return false;
}

struct device *work_invite(struct device *by, const char *name, char unit, enum ward_role role)
{
    char code[WARD_INVITE_MAX];
    if (by->w->count == DEVICES_MAX || !invite(by, name, unit, role, code))
        return NULL;
    struct device *d = world_device(by->w, name, unit, role);
    take_code(d, code);
    return d;
}

bool work_invite_again(struct device *by, struct device *d)
{
    char code[WARD_INVITE_MAX];
    if (!invite(by, d->name, (char)d->unit.b[0], d->role, code))
        return false;
    if (!d->joined) { /* this one says nothing of whose place it takes */
        d->replaces = NULL;
        memcpy(d->called, d->name, sizeof d->called);
    }
    take_code(d, code);
    work_sync(by, NULL); /* the hub must hear of it */
    return true;
}

/* Its twin, too; after a failing disk it may stand all the same. */
static void note_revoked(const struct device *whom, int rc)
{
    struct world *w = whom->w;
    for (size_t i = 0; i < w->count; i++)
        w->d[i].revoked |=
            (!rc || rc == WARD_ERR_IO || rc == WARD_ERR_DISK_FULL) && memcmp(w->d[i].grant.b, whom->grant.b, sizeof whom->grant.b) == 0;
}

struct device *work_replace(struct device *by, struct device *lost, const char *name)
{
    struct world *w = by->w;
    struct act a = {.d = by};
    const char *addresses[] = {w->hub->address, w->hub2 ? w->hub2->address : NULL};
    char code[WARD_INVITE_MAX], what[60];
    if (!work_may_act(by) || w->count == DEVICES_MAX)
        return NULL;
    faults_before_act(by);
    int rc = device_app(by, &a.r, &a.err);
    if (!rc)
        rc = ward_replace(a.r, &lost->grant, "it was stolen", addresses, w->hub2 ? 2 : 1, 30 * DAY_MS, code, sizeof code, &a.err);
    snprintf(what, sizeof what, "replaces %s", lost->name);
    note_revoked(lost, rc);
    end_act(&a, what, rc);
    if (rc)
        return NULL;
    deed(w, DEED_REPLACE);
    keep_secret_of(w, code);
    struct device *d = world_device(w, name, (char)lost->unit.b[0], lost->role);
    take_code(d, code);
    d->replaces = lost;
    memcpy(d->called, lost->called, sizeof d->called);
    memcpy(d->place_name, lost->called, sizeof d->place_name);
    d->lost = lost->grant;
    return d;
}

static int revoke(struct device *by, const struct ward_hash *grant, const char *why, const char *what)
{
    struct act a = {.d = by};
    faults_before_act(by);
    int rc = device_app(by, &a.r, &a.err);
    if (!rc)
        rc = ward_revoke(a.r, grant, why, &a.err);
    end_act(&a, what, rc);
    return rc;
}

int work_revoke(struct device *by, struct device *whom)
{
    char what[60];
    if (!work_may_act(by))
        return WARD_ERR_NOTHING;
    snprintf(what, sizeof what, "revokes %s", whom->name);
    int rc = revoke(by, &whom->grant, "the laptop is lost", what);
    note_revoked(whom, rc);
    if (!rc)
        deed(by->w, DEED_CUT);
    return rc;
}

int work_end_keys(struct device *by, struct device *whose, const struct ward_hash *grant)
{
    char what[60];
    if (!work_may_act(by))
        return WARD_ERR_NOTHING;
    snprintf(what, sizeof what, "ends lost keys of %s", whose->name);
    return revoke(by, grant, "these keys are not in use any more", what);
}

/* ---------------------------------------------------------------- bundles */

static const char *const stick = "stick.wsb";

static int write_bundle(struct device *from, struct device *to, const char *path, bool whole)
{
    struct act a = {.d = from};
    struct dice *dice = &from->w->work_dice;
    struct ward_bundle_options options = {.for_grant = dice_chance(dice, 800) ? &to->grant : NULL, .since_last = dice_chance(dice, 300)};
    struct ward_bundle_info info;
    if (whole) /* it is to arrive: for one whom its writer does not know it is written for all */
        options = (struct ward_bundle_options){.for_grant = model_knows(from->w->model, from, to) ? options.for_grant : NULL};
    faults_before_act(from);
    int rc = device_app(from, &a.r, &a.err);
    if (!rc)
        rc = ward_bundle_write(a.r, path, &options, &info, &a.err);
    end_act(&a, "writes a bundle", rc);
    if (!rc)
        deed(from->w, DEED_BUNDLE_WRITE);
    return rc;
}

static int read_bundle(struct device *to, const char *path, struct ward_bundle_info *info)
{
    struct act a = {.d = to};
    faults_before_act(to);
    int rc = device_app(to, &a.r, &a.err);
    if (!rc)
        rc = ward_bundle_read(a.r, path, NULL, NULL, info, &a.err);
    end_act(&a, "reads a bundle", rc);
    if (!rc)
        deed(to->w, DEED_BUNDLE_READ);
    return rc;
}

static void S7_twice_is_once(struct device *to, const char *path, const struct ward_bundle_info *first)
{
    struct ward_bundle_info again = {0};
    if (to->restored) /* what it takes back for one run may stand in another, which it had passed over as its own */
        return;
    if (first->refused == 0 && read_bundle(to, path, &again) == WARD_OK && again.applied)
        violated(to->w, "S7", "%s takes %llu changes from a bundle that it has read", to->name, (unsigned long long)again.applied);
}

static void carry(struct device *from, struct device *to, bool whole)
{
    char there[64], here[64];
    size_t len;
    struct ward_bundle_info info = {0};
    bool able = !from->keys_open && !to->keys_open && from->joined && to->joined && device_is_up(from) && device_is_up(to) &&
                !from->hostile && !to->hostile;
    if (!able || from == to)
        return;
    snprintf(there, sizeof there, "%s/%s", from->mount, stick);
    snprintf(here, sizeof here, "%s/%s", to->mount, stick);
    if (write_bundle(from, to, there, whole))
        return;
    const uint8_t *p = disk_file(from->disk, there, &len);
    disk_set_file(to->disk, here, p, len, 0644);
    trace(from->w, from, "carries a bundle to %s", to->name);
    bool bent = fault_on(from->w, FAULT_FLIP) && dice_chance(&from->w->fault_dice, 200);
    if (bent) {
        disk_flip(to->disk, here, dice_below(&from->w->fault_dice, len), 1);
        fault_note(from->w, FAULT_FLIP);
    }
    int rc = read_bundle(to, here, &info);
    if (bent && !rc)
        violated(to->w, "S5", "%s takes a bundle with a bit turned over", to->name);
    if (!rc)
        S7_twice_is_once(to, here, &info);
    work_met(to);
}

void work_carry(struct device *from, struct device *to)
{
    carry(from, to, false);
}

void work_carry_all(struct device *from, struct device *to)
{
    carry(from, to, true);
}
