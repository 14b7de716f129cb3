/* Admission by files, new keys, another device in one's place: from the request to the first word under the new grant, interrupted and done
 * again, forged, mixed up; with no hub; with the root gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>

#include "../vectors.h"
#include "replica/admit.h"
#include "replica/identity.h"
#include "replicas.h"
#include "values/feed.h"
#include "values/fingerprint.h"

#define DAY_MS 86400000ll

static char code[WARD_INVITE_MAX];

struct files {
    char request[300], answer[300], other[300];
};

static struct files files_of(const struct world *w)
{
    struct files f;
    snprintf(f.request, sizeof f.request, "%s/request", w->dir);
    snprintf(f.answer, sizeof f.answer, "%s/answer", w->dir);
    snprintf(f.other, sizeof f.other, "%s/other", w->dir);
    return f;
}

static void invite(struct world *w, size_t by, char unit, enum ward_role role)
{
    struct ward_id id = unit_id(unit);
    OK(w, ward_invite(w->d[by].r, &id, role, NULL, 0, DAY_MS, code, sizeof code, &w->err));
}

/* A device that joins by files, by the word of device `by`. */
static size_t join_by_files(struct world *w, size_t by, char unit, enum ward_role role, uint64_t seed)
{
    struct files f = files_of(w);
    size_t i = w->count;
    struct device *d = &w->d[i];
    char words[WARD_FINGERPRINT];
    invite(w, by, unit, role);
    device_init(w, i, seed);
    OK(w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w->err));
    OK(w, ward_admit(w->d[by].r, f.request, f.answer, &d->grant, &w->err));
    OK(w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w->err));
    d->unit = unit_id(unit);
    d->role = role;
    w->count++;
    return i;
}

static int write_item(struct world *w, size_t i, char unit, const char *title)
{
    struct ward_hash space;
    struct ward_id id, circle = unit_id(unit);
    struct ward_value text = ward_value_text(title);
    ward_txn *t;
    w->err = (struct ward_error){0};
    int rc = ward_space_of_circle(w->d[i].r, &space, &circle, 1, &w->err);
    if (!rc)
        rc = ward_new_id(w->d[i].r, &id, &w->err);
    if (!rc)
        rc = ward_begin(w->d[i].r, &t, &w->err);
    if (rc)
        return rc;
    rc = ward_put(t, &space, KIND_ITEM, &id, TITLE, NULL, 0, &text, &w->err);
    if (!rc)
        return ward_commit(t, NULL, &w->err);
    ward_abort(t);
    return rc;
}

static int count_item(void *ctx, const ward_record *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return 0;
}

static size_t items(struct world *w, size_t i)
{
    size_t n = 0;
    OK(w, ward_each(w->d[i].r, KIND_ITEM, count_item, &n, &w->err));
    return n;
}

static void reopen(struct world *w, size_t i)
{
    ward_close(w->d[i].r);
    w->d[i].r = NULL;
    OK(w, ward_open(&w->d[i].r, w->d[i].home, &w->d[i].options, &w->err));
}

static bool there(const struct world *w, size_t i, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", w->d[i].home, name);
    return access(path, F_OK) == 0;
}

/* ---- files */

static void joins_by_files(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 1);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    assert_int_equal(write_item(&w, a, 'a', "at once, and no hub was met"), WARD_OK);
    assert_false(there(&w, a, WARD_ASKED));
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 1);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Each step twice and more: the same bytes, the same device. */
static void each_step_again(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash first, again;
    struct ward_request_info info;
    char words[2][WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 2);
    f = files_of(&w);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    device_init(&w, 1, 2);
    struct device *d = &w.d[1];
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words[0], &w.err));
    OK(&w, ward_join_request(d->home, code, "tablet", f.other, &d->options, words[1], &w.err));
    assert_string_equal(words[0], words[1]);
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_string_equal(info.words, words[0]);
    assert_false(info.granted || info.replaces_keys);
    assert_string_equal(info.name, "tablet");
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &first, &w.err));
    uint64_t changes = w.d[0].r->dir.spaces[0].changes;
    OK(&w, ward_admit(w.d[0].r, f.other, f.answer, &again, &w.err));
    assert_hash_equal(&first, &again);
    assert_int_equal(w.d[0].r->dir.spaces[0].changes, changes);
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_true(info.granted);
    for (int i = 0; i < 3; i++) {
        struct ward_self self;
        OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
        OK(&w, ward_self(d->r, &self, &w.err));
        assert_hash_equal(&self.grant, &first);
        assert_string_equal(self.words, words[0]);
        ward_close(d->r);
    }
    d->r = NULL;
    world_close(&w);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_true(byte != EOF);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
}

/* Whatever was altered on the way, or is of another, changes nothing on either side. */
static void files_that_will_not_do(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT];
    ward_replica *r = NULL;
    (void)state;
    world_found(&w, 3);
    f = files_of(&w);
    device_init(&w, 1, 3);
    device_init(&w, 2, 4);
    struct device *d = &w.d[1], *other = &w.d[2];
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    uint64_t changes = w.d[0].r->dir.spaces[0].changes;
    struct stat st;
    assert_int_equal(stat(f.request, &st), 0);
    for (long at = 0; at < st.st_size; at++) {
        flip(f.request, at);
        int rc = ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err);
        if (rc != WARD_ERR_REQUEST && rc != WARD_ERR_VERSION && rc != WARD_ERR_SESSION_WARD && rc != WARD_ERR_INVITE_UNKNOWN &&
            rc != WARD_ERR_GRANT_UNKNOWN)
            fail_msg("byte %ld: %d %s", at, rc, w.err.detail);
        flip(f.request, at);
    }
    assert_int_equal(w.d[0].r->dir.spaces[0].changes, changes);
    assert_int_equal(ward_admit(w.d[0].r, w.dir, f.answer, &grant, &w.err) != WARD_OK, true);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));

    assert_int_equal(ward_join_accept(&r, other->home, f.answer, &other->options, &w.err), WARD_ERR_NOT_ASKED);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(other->home, code, "tablet", f.other, &other->options, words, &w.err));
    assert_int_equal(ward_join_accept(&r, other->home, f.answer, &other->options, &w.err), WARD_ERR_ANSWER_FOREIGN);
    assert_int_equal(ward_join_accept(&r, d->home, f.request, &d->options, &w.err), WARD_ERR_ANSWER);
    for (long at = -1; at > -3000; at -= 97) {
        if (stat(f.answer, &st) || st.st_size + at < 0)
            break;
        flip(f.answer, at);
        int rc = ward_join_accept(&r, d->home, f.answer, &d->options, &w.err);
        if (rc != WARD_ERR_ANSWER && rc != WARD_ERR_ANSWER_FOREIGN && rc != WARD_ERR_VERSION)
            fail_msg("byte %ld from the end: %d %s", at, rc, w.err.detail);
        flip(f.answer, at);
    }
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    w.count = 2;
    world_close(&w);
}

/* The invitation counts for files as it does on a link. */
static void invitations_that_will_not_do(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    struct ward_id id;
    struct ward_invitation v;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 4);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 4), cell = admit(&w, 'a', WARD_ROLE_CELL, 5);
    device_init(&w, 3, 6);
    device_init(&w, 4, 7);
    struct device *d = &w.d[3], *e = &w.d[4];
    invite(&w, 0, 'a', WARD_ROLE_OPERATOR);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_UNKNOWN);
    meet_all(&w);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_admit(w.d[cell].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    OK(&w, ward_invitation_parse(&v, code, &w.err));
    memcpy(id.b, v.link_pk, sizeof id.b);
    OK(&w, ward_invite_withdraw(w.d[0].r, &id, &w.err));
    assert_int_equal(ward_invite_withdraw(w.d[0].r, &id, &w.err), WARD_ERR_NOTHING);
    assert_int_equal(ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_WITHDRAWN);

    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err)); /* another code: other keys */
    OK(&w, ward_join_request(e->home, code, "tablet", f.other, &e->options, words, &w.err));
    w.d[0].outside.now_ms += 2 * DAY_MS;
    assert_int_equal(ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_EXPIRED);
    meet_all(&w);
    OK(&w, ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err)); /* by the hub's clock it has not */
    assert_int_equal(ward_admit(w.d[hub].r, f.other, f.answer, &grant, &w.err), WARD_ERR_INVITE_USED);
    OK(&w, ward_invitation_parse(&v, code, &w.err));
    memcpy(id.b, v.link_pk, sizeof id.b);
    assert_int_equal(ward_invite_withdraw(w.d[hub].r, &id, &w.err), WARD_ERR_INVITE_USED);
    w.count = 3;
    world_close(&w);
}

/* Who asks an ended hub is told that it is the hub which has no rights, and can ask elsewhere with the same code or request. */
static void who_is_ended_lets_nobody_in(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 15);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1), cell = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    device_init(&w, 3, 3);
    OK(&w, ward_join_request(w.d[3].home, code, "tablet", f.request, &w.d[3].options, words, &w.err));
    OK(&w, ward_rotate_request(w.d[cell].r, f.other, &w.d[cell].options, words, &w.err));
    meet_all(&w);
    OK(&w, ward_revoke(w.d[0].r, &w.d[hub].grant, "sold", &w.err));
    give(&w, 0, hub);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_admit(w.d[hub].r, f.other, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err));
    world_close(&w);
}

/* Two cells, no hub, no operator: what one of them learns of the other's rights it learns by itself. */
static void two_cells_and_no_hub(void **state)
{
    struct world w;
    struct ward_bundle_info info;
    (void)state;
    world_found(&w, 5);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1), b = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2);
    ward_close(w.d[0].r); /* nobody else is there from now on */
    w.d[0].r = NULL;
    assert_int_equal(write_item(&w, b, 'a', "of a device that a has never heard of"), WARD_OK);
    assert_int_equal(give_bundle(&w, b, a, false, &info), WARD_OK);
    assert_int_equal(info.refused, 0);
    assert_int_equal(items(&w, a), 1);
    assert_true(ward_grant_effective(&w.d[a].r->dir, &w.d[b].grant));

    /* A device that gave itself its rights, to begin with. */
    struct ward_grant g = {.unit = unit_id('a'), .role = WARD_ROLE_CELL}, forged;
    struct ward_keys *keys = ward_keys_new();
    struct ward_buf body;
    size_t c = w.count++;
    device_init(&w, c, 9);
    OK(&w, ward_keys_generate(keys, &w.d[c].outside.env, &w.err));
    memcpy(g.sign_pk, keys->sign.pk, 32);
    memcpy(g.link_pk, keys->link_pk, 32);
    ward_buf_init(&body, &w.d[c].outside.env);
    ward_grant_write(&body, &g);
    OK(&w, ward_grant_parse(&forged, body.p, body.len, &w.err));
    w.d[c].grant = forged.id;
    assert_int_equal(mkdir(w.d[c].home, 0700), 0);
    OK(&w, ward_home_create(&w.d[c].r, w.d[c].home, &w.d[c].options, keys, &w.d[a].r->ward, w.d[a].r->root_pk, &forged.id, &w.err));
    OK(&w, ward_home_keep_grant(w.d[c].r, body.p, body.len, &w.err));
    assert_int_equal(write_item(&w, c, 'a', "by nobody's leave"), WARD_ERR_GRANT_UNKNOWN);
    assert_int_equal(give_bundle(&w, c, a, false, &info) == WARD_OK, false);
    assert_int_equal(items(&w, a), 1);
    ward_buf_free(&body);
    ward_keys_free(keys);
    world_close(&w);
}

/* ---- a home goes on */

static void goes_on_where_it_was_cut(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old;
    const struct ward_hash *former;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 6);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "delivered"), WARD_OK);
    give(&w, a, 0);
    old = d->grant;
    OK(&w, ward_replace(w.d[0].r, &old, "broken", NULL, 0, DAY_MS, code, sizeof code, &w.err));
    give(&w, 0, a);
    assert_int_equal(write_item(&w, a, 'a', "too late"), WARD_ERR_CUT);
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_request(d->home, code, "another name", f.request, &d->options, words, &w.err));
    reopen(&w, a); /* asking changes nothing yet */
    assert_hash_equal(&d->r->self, &old);
    assert_true(there(&w, a, WARD_NEXT_KEY));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_false(there(&w, a, WARD_NEXT_KEY) || there(&w, a, WARD_ASKED));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_int_equal(ward_replica_former(d->r, &former), 1);
    assert_hash_equal(former, &old);
    assert_int_equal(items(&w, a), 1);
    assert_int_equal(write_item(&w, a, 'a', "goes on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 2);
    struct ward_self self;
    OK(&w, ward_self(d->r, &self, &w.err));
    assert_string_equal(self.device_name, "tablet"); /* the name goes on too */
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Two copies of one home, an invitation each. */
static void clones_go_on_each_on_its_own(void **state)
{
    struct world w;
    struct files f;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 7);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1), b = w.count++;
    assert_int_equal(write_item(&w, a, 'a', "of both"), WARD_OK);
    give(&w, a, 0);
    ward_close(w.d[a].r);
    device_init(&w, b, 2);
    copy_home(w.d[a].home, w.d[b].home);
    w.d[b].unit = w.d[a].unit;
    w.d[b].role = w.d[a].role;
    for (size_t i = a; i <= b; i++) {
        struct device *d = &w.d[i];
        invite(&w, 0, 'a', WARD_ROLE_CELL);
        OK(&w, ward_join_request(d->home, code, i == a ? "one" : "two", f.request, &d->options, words, &w.err));
        OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
        OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
        assert_int_equal(write_item(&w, i, 'a', "of one"), WARD_OK);
    }
    assert_true(ward_hash_compare(&w.d[a].grant, &w.d[b].grant) != 0);
    meet_all(&w);
    meet_all(&w);
    assert_int_equal(items(&w, 0), 3);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static void keeps_what_it_may_not_leave(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash before;
    char words[WARD_FINGERPRINT];
    ward_replica *r = NULL;
    (void)state;
    world_found(&w, 8);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "of unit a"), WARD_OK);
    before = d->r->self;
    ward_close(d->r);
    d->r = NULL;
    invite(&w, 0, 'b', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    assert_int_equal(ward_join_accept(&r, d->home, f.answer, &d->options, &w.err), WARD_ERR_HOME_HOLDS_MORE);
    reopen(&w, a);
    assert_hash_equal(&d->r->self, &before);
    invite(&w, 0, 'a', WARD_ROLE_INSPECTOR); /* who may read more */
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    world_close(&w);
}

/* The power went between the transaction and the file, or before the transaction: the home opens, as the one or the other. */
static void opens_as_one_or_the_other(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old;
    char words[WARD_FINGERPRINT], next[400], key[400], kept[400];
    (void)state;
    world_found(&w, 9);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    snprintf(next, sizeof next, "%s/" WARD_NEXT_KEY, d->home);
    snprintf(key, sizeof key, "%s/" WARD_DEVICE_KEY, d->home);
    snprintf(kept, sizeof kept, "%s/kept", w.dir);
    old = d->grant;
    copy_file(key, kept);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    reopen(&w, a);
    assert_hash_equal(&d->r->self, &old);
    ward_close(d->r);
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    ward_close(d->r);
    d->r = NULL;
    assert_int_equal(rename(key, next), 0); /* as it was right after the transaction */
    copy_file(kept, key);
    struct ward_options look = d->options;
    look.read_only = true;
    OK(&w, ward_open(&d->r, d->home, &look, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_true(there(&w, a, WARD_NEXT_KEY)); /* who only looks moves nothing */
    ward_close(d->r);
    OK(&w, ward_open(&d->r, d->home, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_false(there(&w, a, WARD_NEXT_KEY));
    assert_int_equal(write_item(&w, a, 'a', "under the new keys"), WARD_OK);
    ward_close(d->r);
    d->r = NULL;
    copy_file(kept, key); /* keys that are not this device's are noticed before they seal anything */
    assert_int_equal(ward_open(&d->r, d->home, &d->options, &w.err), WARD_ERR_KEY_FILE);
    d->r = NULL;
    world_close(&w);
}

static int give_passphrase(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    (void)err;
    snprintf(out, WARD_PASSPHRASE_MAX, "%s", (const char *)ctx);
    return 0;
}

static void stays_sealed(void **state)
{
    struct world w;
    struct files f;
    struct ward_key_state keys;
    char words[WARD_FINGERPRINT], right[] = "cái khóa này", wrong[] = "một khóa khác";
    (void)state;
    world_found(&w, 10);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_key_passphrase(d->home, NULL, right, &d->options, &w.err));
    d->options.passphrase = give_passphrase;
    d->options.passphrase_ctx = wrong;
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    assert_int_equal(ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err), WARD_ERR_PASSPHRASE);
    assert_false(there(&w, a, WARD_NEXT_KEY));
    d->options.passphrase_ctx = right;
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    OK(&w, ward_key_state(d->home, &keys, &w.err));
    assert_true(keys.device_sealed);
    assert_int_equal(write_item(&w, a, 'a', "sealed and on"), WARD_OK);
    world_close(&w);
}

/* ---- new keys */

static bool is_cut(struct world *w, size_t at, const struct ward_hash *grant)
{
    OK(w, ward_replica_refresh(w->d[at].r, &w->err));
    return ward_grant_is_cut(&w->d[at].r->dir, grant);
}

static void operator_takes_new_keys(void **state)
{
    struct world w;
    struct ward_hash old;
    const struct ward_hash *former;
    (void)state;
    world_found(&w, 11);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    old = w.d[0].grant;
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err));
    w.d[0].grant = w.d[0].r->self;
    assert_true(ward_hash_compare(&old, &w.d[0].grant) != 0);
    assert_true(is_cut(&w, 0, &old));
    assert_true(ward_grant_effective(&w.d[0].r->dir, &w.d[0].grant));
    assert_true(ward_grant_effective(&w.d[0].r->dir, &w.d[a].grant)); /* what the old keys gave stays */
    assert_int_equal(ward_replica_former(w.d[0].r, &former), 1);
    assert_hash_equal(former, &old);
    assert_int_equal(write_item(&w, 0, 'a', "under the new ones"), WARD_OK);
    give(&w, 0, a);
    assert_int_equal(items(&w, a), 1);
    reopen(&w, 0);
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err)); /* and again */
    w.d[0].grant = w.d[0].r->self;
    assert_int_equal(ward_replica_former(w.d[0].r, &former), 2);
    give(&w, 0, a);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* A hub's keys: announced, heard by those who sync, and only then taken. */
static void announced_before_they_are_taken(void **state)
{
    struct world w;
    struct ward_hash old;
    struct ward_self self;
    char words[2][WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 17);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    old = w.d[0].grant;
    OK(&w, ward_rotate_announce(w.d[0].r, &w.d[0].options, words[0], &w.err));
    OK(&w, ward_rotate_announce(w.d[0].r, &w.d[0].options, words[1], &w.err)); /* the same again */
    assert_string_equal(words[0], words[1]);
    assert_int_equal(ward_rotate_announce(w.d[a].r, &w.d[a].options, words[1], &w.err), WARD_ERR_NOT_ENTITLED);
    assert_hash_equal(&w.d[0].r->self, &old);
    assert_int_equal(write_item(&w, 0, 'a', "under the old ones"), WARD_OK);
    give(&w, 0, a);
    reopen(&w, 0);
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err));
    OK(&w, ward_self(w.d[0].r, &self, &w.err));
    assert_string_equal(self.words, words[0]);
    w.d[0].grant = self.grant;
    assert_true(ward_grant_effective(&w.d[a].r->dir, &self.grant)); /* known there before it was met */
    assert_true(is_cut(&w, 0, &old));
    assert_int_equal(items(&w, 0), 1);
    give(&w, 0, a);
    assert_converged(&w);
    world_close(&w);
}

/* By files: what the device had not delivered comes with its request, so the cut of its old keys lies after it. */
static void cell_takes_new_keys_by_files(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, again;
    struct ward_request_info info;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 12);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    old = d->grant;
    assert_int_equal(write_item(&w, a, 'a', "not delivered"), WARD_OK);
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_true(info.replaces_keys);
    assert_string_equal(info.words, words);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &again, &w.err));
    assert_hash_equal(&again, &d->grant);
    assert_int_equal(items(&w, 0), 1);
    assert_true(is_cut(&w, 0, &old));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_int_equal(items(&w, a), 1); /* nothing fell */
    struct ward_status status;
    OK(&w, ward_status(d->r, &status, &w.err));
    assert_int_equal(status.unsent, 0); /* the answer tells that it has arrived */
    assert_int_equal(write_item(&w, a, 'a', "and on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 2);
    assert_converged(&w);
    world_close(&w);
}

/* An answer of before, and a code of before, while new keys are asked for: what was asked stays, and so do the keys that were granted. */
static void former_answers_forget_nothing(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 22);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.other, &grant, &w.err));
    ward_close(d->r);
    d->r = NULL;
    assert_int_equal(ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err), WARD_ERR_ANSWER_FOREIGN);
    assert_true(there(&w, a, WARD_NEXT_KEY) && there(&w, a, WARD_ASKED));
    OK(&w, ward_join(&d->r, d->home, code, "tablet", 1, &d->options, &w.err)); /* it is in: nobody is asked */
    assert_hash_equal(&d->r->self, &old);
    assert_true(there(&w, a, WARD_NEXT_KEY) && there(&w, a, WARD_ASKED));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.other, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &grant);
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.other, &d->options, &w.err)); /* the latest may be taken again */
    assert_false(there(&w, a, WARD_NEXT_KEY) || there(&w, a, WARD_ASKED));
    d->grant = grant;
    assert_int_equal(write_item(&w, a, 'a', "goes on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 1);
    assert_converged(&w);
    world_close(&w);
}

/* What a hub may not grant it notes; it may not cut either. */
static void hub_and_operator_share_the_work(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, grant;
    struct ward_request_info info;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 13);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1), cell = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2),
           inspector = join_by_files(&w, 0, 'k', WARD_ROLE_INSPECTOR, 3);
    meet_all(&w);
    struct device *d = &w.d[cell];
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[hub].r, f.request, f.answer, &d->grant, &w.err));
    assert_false(is_cut(&w, hub, &old)); /* left for an operator */
    assert_true(ward_grant_effective(&w.d[hub].r->dir, &d->grant));

    d = &w.d[inspector];
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_KEYS_WAIT);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_KEYS_WAIT);
    give(&w, hub, 0);
    OK(&w, ward_request_noted(w.d[0].r, &d->grant, &info, &w.err));
    assert_string_equal(info.words, words);
    assert_int_equal(ward_admit_noted(w.d[0].r, &w.d[cell].grant, NULL, &grant, &w.err), WARD_ERR_NOT_FOUND);
    OK(&w, ward_admit_noted(w.d[0].r, &d->grant, f.answer, &grant, &w.err));
    assert_false(is_cut(&w, 0, &d->grant)); /* what it has written may not have come to this operator yet */
    give(&w, 0, hub);
    OK(&w, ward_admit(w.d[hub].r, f.request, f.other, &old, &w.err)); /* asked again: it has been granted */
    assert_hash_equal(&old, &grant);
    world_close(&w);
}

/* The old keys name one set of new ones. Whoever comes with other new ones, or after the cut, or with another's name, is told so. */
static void old_keys_speak_once(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT], next[400];
    (void)state;
    world_found(&w, 14);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));
    snprintf(next, sizeof next, "%s/" WARD_NEXT_KEY, d->home);
    assert_int_equal(unlink(next), 0); /* lost, or a thief's copy of the home */
    OK(&w, ward_rotate_request(d->r, f.other, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err), WARD_ERR_KEYS_REPLACED);
    OK(&w, ward_revoke(w.d[0].r, &grant, "a thief's", &w.err));
    assert_int_equal(ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err), WARD_ERR_CUT);
    world_close(&w);
}

/* ---- where a cut lies */

static void keeps_the_first_changes(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 15);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(write_item(&w, a, 'a', i < 2 ? "its own" : "the thief's"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 4);
    assert_int_equal(ward_revoke_after(w.d[0].r, &w.d[a].grant, 5, "stolen", &w.err), WARD_ERR_RANGE);
    OK(&w, ward_revoke_after(w.d[0].r, &w.d[a].grant, 2, "stolen", &w.err));
    assert_int_equal(items(&w, 0), 2);
    OK(&w, ward_revoke_after(w.d[0].r, &w.d[a].grant, 0, "all of it", &w.err));
    assert_int_equal(items(&w, 0), 0);
    assert_sound(&w);
    world_close(&w);
}

/* ---- the root lost, two operators left */

static void operators_go_on_without_the_root(void **state)
{
    struct world w;
    char key[400];
    (void)state;
    world_found(&w, 16);
    snprintf(key, sizeof key, "%s/root.key", w.d[0].home);
    assert_int_equal(unlink(key), 0);
    size_t b = join_by_files(&w, 0, 'p', WARD_ROLE_OPERATOR, 1);
    OK(&w, ward_revoke(w.d[b].r, &w.d[0].grant, "stolen", &w.err)); /* one ends the other */
    size_t c = join_by_files(&w, b, 'q', WARD_ROLE_OPERATOR, 2);    /* and admits a third */
    size_t d = join_by_files(&w, c, 'a', WARD_ROLE_CELL, 3);        /* who admits in turn */
    assert_int_equal(write_item(&w, d, 'a', "by the third one's word"), WARD_OK);
    give(&w, c, b);
    give(&w, d, b);
    assert_int_equal(items(&w, b), 1);
    give(&w, b, 0);
    assert_true(is_cut(&w, 0, &w.d[0].grant));
    OK(&w, ward_rotate(w.d[c].r, NULL, 0, &w.d[c].options, &w.err));
    w.d[c].grant = w.d[c].r->self;
    give(&w, c, b);
    assert_true(ward_grant_effective(&w.d[b].r->dir, &w.d[c].grant) && ward_grant_effective(&w.d[b].r->dir, &w.d[d].grant));
    /* Nobody ends the root: its word is of no device that could be named. */
    struct ward_hash root = w.d[b].r->ward;
    assert_int_equal(ward_revoke(w.d[b].r, &root, "in other hands", &w.err), WARD_ERR_NOT_FOUND);
    world_close(&w);
}

/* Each cuts the other without having seen it: everybody comes to the same end, in whatever order they hear. */
static void mutual_cuts_end_alike(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 28; seed++) {
        struct world w;
        world_found(&w, seed);
        size_t b = join_by_files(&w, 0, 'p', WARD_ROLE_OPERATOR, seed), x = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, seed + 1),
               y = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, seed + 2);
        give(&w, 0, b);
        if (seed & 1) /* deeper on one side */
            assert_int_equal(write_item(&w, 0, 'a', "before"), WARD_OK);
        OK(&w, ward_revoke(w.d[0].r, &w.d[b].grant, "he is a thief", &w.err));
        OK(&w, ward_revoke(w.d[b].r, &w.d[0].grant, "no, he is", &w.err));
        give(&w, 0, x);
        give(&w, b, x);
        give(&w, b, y);
        give(&w, 0, y);
        give(&w, x, 0);
        give(&w, x, b);
        bool first = is_cut(&w, x, &w.d[0].grant), second = is_cut(&w, x, &w.d[b].grant);
        assert_true(first != second); /* one of them stays */
        for (size_t i = 0; i < w.count; i++) {
            assert_int_equal(is_cut(&w, i, &w.d[0].grant), first);
            assert_int_equal(is_cut(&w, i, &w.d[b].grant), second);
        }
        size_t left = first ? b : 0;
        size_t z = w.count;
        if (z < DEVICES_MAX)
            join_by_files(&w, left, 'z', WARD_ROLE_OPERATOR, seed + 3); /* and the ward goes on */
        world_close(&w);
    }
}

/* ---- small things */

static void tries_are_counted(void **state)
{
    static struct ward_tries t;
    uint8_t one[32] = {1}, other[32] = {2};
    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_true(ward_tries_left(&t, one, 1000 + i));
        ward_tries_note(&t, one, 1000 + i);
    }
    assert_false(ward_tries_left(&t, one, 2000));
    assert_true(ward_tries_left(&t, other, 2000));
    assert_true(ward_tries_left(&t, one, 1000 + 600000));
    ward_tries_note(&t, one, 1000 + 600000);
    assert_true(ward_tries_left(&t, one, 1001 + 600000));
    for (unsigned i = 0; i < 3 * WARD_TRIES_KEPT; i++) { /* never more than there is room for */
        uint8_t many[32] = {3, (uint8_t)i, (uint8_t)(i >> 8)};
        ward_tries_note(&t, many, 700000 + (int64_t)i);
        assert_true(ward_tries_left(&t, many, 700000 + (int64_t)i));
    }
}

static int check_words(const json_t *one)
{
    struct hex sign = hex_at(one, "sign_pk"), link = hex_at(one, "link_pk");
    char words[WARD_FINGERPRINT];
    ward_fingerprint(words, sign.p, link.p);
    assert_string_equal(words, json_string_value(json_object_get(one, "words")));
    free(sign.p);
    free(link.p);
    return 0;
}

static int check_request(const json_t *one)
{
    struct hex frame = hex_at(one, "frame"), voucher = hex_at(one, "voucher_pk");
    struct ward_hash ward = hash_at(one, "ward"), hash;
    struct ward_message m;
    int rc = ward_frame_parse(&m, frame.p, frame.len, NULL);
    if (!rc && memcmp(m.request.ward, ward.b, 32) != 0)
        rc = WARD_ERR_SESSION_WARD;
    if (!rc) {
        struct ward_asker a = {.by_grant = m.request.by_grant, .name = m.text, .name_len = m.text_len};
        memcpy(a.from, m.request.from, 32);
        memcpy(a.sign_pk, m.request.sign_pk, 32);
        memcpy(a.link_pk, m.request.link_pk, 32);
        ward_request_hash(&hash, &ward, &a);
        if (crypto_sign_verify_detached(m.request.signature, hash.b, 32, a.sign_pk) != 0 ||
            crypto_sign_verify_detached(m.request.voucher, hash.b, 32, voucher.p) != 0)
            rc = WARD_ERR_REQUEST;
        if (!rc && json_object_get(one, "hash")) {
            struct ward_hash expected = hash_at(one, "hash");
            assert_hash_equal(&hash, &expected);
            char words[WARD_FINGERPRINT];
            ward_fingerprint(words, a.sign_pk, a.link_pk);
            assert_string_equal(words, json_string_value(json_object_get(one, "words")));
        }
    }
    free(frame.p);
    free(voucher.p);
    return rc;
}

static void vectors(void **state)
{
    (void)state;
    each_vector("words", check_words);
    each_vector("request", check_request);
    each_vector("request-bad", check_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_by_files),
        cmocka_unit_test(each_step_again),
        cmocka_unit_test(files_that_will_not_do),
        cmocka_unit_test(invitations_that_will_not_do),
        cmocka_unit_test(who_is_ended_lets_nobody_in),
        cmocka_unit_test(two_cells_and_no_hub),
        cmocka_unit_test(goes_on_where_it_was_cut),
        cmocka_unit_test(clones_go_on_each_on_its_own),
        cmocka_unit_test(keeps_what_it_may_not_leave),
        cmocka_unit_test(opens_as_one_or_the_other),
        cmocka_unit_test(stays_sealed),
        cmocka_unit_test(operator_takes_new_keys),
        cmocka_unit_test(announced_before_they_are_taken),
        cmocka_unit_test(cell_takes_new_keys_by_files),
        cmocka_unit_test(former_answers_forget_nothing),
        cmocka_unit_test(hub_and_operator_share_the_work),
        cmocka_unit_test(old_keys_speak_once),
        cmocka_unit_test(keeps_the_first_changes),
        cmocka_unit_test(operators_go_on_without_the_root),
        cmocka_unit_test(mutual_cuts_end_alike),
        cmocka_unit_test(tries_are_counted),
        cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
