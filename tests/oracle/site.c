#include "site.h"
#include "base/arena.h"
#include "base/limits.h"
#include "replica/compact.h"
#include "replica/ingest.h"
#include "rules/view.h"
#include "shell/store_sql.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIVE_MAX      128
#define SPACES_MAX    64
#define BRANCHES_TOLD 64

/* ---------------------------------------------------------------- schema: compare.py knows which fields conflict */

static const struct ward_field_def item_fields[] = {
    {.number = 4, .name = "title", .type = WARD_TEXT, .policy = WARD_CONFLICT},
    {.number = 5, .name = "due", .type = WARD_TEXT, .policy = WARD_CONFLICT},
    {.number = 6, .name = "tags", .type = WARD_BOOL, .policy = WARD_ADD_WINS},
    {.number = 7, .name = "counted", .type = WARD_INT, .policy = WARD_SUM},
    {.number = 8, .name = "note", .type = WARD_TEXT, .policy = WARD_LATEST},
    {.number = 9, .name = "held", .type = WARD_TEXT, .policy = WARD_LATEST},
};
static const struct ward_kind_def kinds[] = {{100, "item", item_fields, sizeof item_fields / sizeof item_fields[0]}};
static const struct ward_schema schema = {.kinds = kinds, .kind_count = 1, .version = 1};

void must(int rc, const struct ward_error *err, const char *what)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %d %s: %s\n", what, rc, ward_error_name(rc), err ? err->detail : "");
    exit(2);
}

void put_hex(FILE *out, const void *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        putc_unlocked(digits[b[i] >> 4], out);
        putc_unlocked(digits[b[i] & 15], out);
    }
}

/* ---------------------------------------------------------------- a home */

void site_open(struct site *s, const char *dir, const uint8_t root_pk[32], const void *grant, size_t len, const struct ward_env *env)
{
    static unsigned number;
    struct ward_error err = {0};
    struct ward_keys *keys = ward_keys_new();
    struct ward_options options = {.schema = &schema, .env = env};
    struct ward_grant g;
    struct ward_hash ward;
    *s = (struct site){0};
    snprintf(s->home, sizeof s->home, "%s/site-%u", dir, number++);
    must(mkdir(s->home, 0700), NULL, "mkdir");
    must(ward_keys_generate(keys, env, &err), &err, "keys");
    must(ward_grant_parse(&g, grant, len, &err), &err, "grant");
    paper_key(&keys->sign, g.sign_pk); /* states are given under it */
    ward_name_ward(&ward, root_pk);
    must(ward_home_create(&s->r, s->home, &options, keys, &ward, root_pk, &g.id, &err), &err, "home");
    must(ward_home_keep_grant(s->r, grant, len, &err), &err, "grant");
    ward_keys_free(keys);
}

void site_close(struct site *s)
{
    ward_close(s->r);
    s->r = NULL;
}

void site_empty(struct site *s)
{
    struct ward_error err = {0};
    struct ward_store *store = s->r->store;
    must(ward_store_begin(store, &err), &err, "begin");
    must(store_exec(store,
                    "DELETE FROM ward_space; DELETE FROM ward_feed; DELETE FROM ward_grant; DELETE FROM ward_cut; DELETE FROM ward_floor; "
                    "DELETE FROM ward_segment; DELETE FROM ward_published; DELETE FROM ward_waiting; DELETE FROM ward_base; "
                    "DELETE FROM ward_base_feed; DELETE FROM ward_backfill; "
                    "DELETE FROM ward_record; DELETE FROM ward_conflict; DELETE FROM item; DELETE FROM sqlite_sequence",
                    &err),
         &err, "empty");
    must(ward_store_commit(store, &err), &err, "commit");
    must(ward_replica_reload(s->r, &err), &err, "reload");
    s->taking = (struct ward_taking){0};
}

static void begin(struct site *s)
{
    struct ward_error err = {0};
    if (!s->open)
        must(ward_apply_begin(&s->apply, s->r, &err), &err, "begin");
    s->open = true;
}

int site_take(struct site *s, const void *frame, size_t len)
{
    struct ward_error err = {0};
    struct ward_ingested in = {0};
    struct ward_message m;
    begin(s);
    must(ward_frame_parse(&m, frame, len, &err), &err, "frame");
    int rc = ward_ingest_run(&s->apply, &m.run, &in, &err);
    if (rc && !ward_is_refusal(rc))
        must(rc, &err, "ingest");
    return rc ? -rc : (int)in.applied;
}

int site_take_state(struct site *s, const void *frame, size_t len)
{
    struct ward_error err = {0};
    struct ward_message m;
    bool adopted;
    begin(s);
    must(ward_frame_parse(&m, frame, len, &err), &err, "frame");
    int rc = ward_base_take(&s->taking, &s->apply, &m, &adopted, &err);
    if (rc && !ward_is_refusal(rc))
        must(rc, &err, "state");
    return rc ? -rc : adopted;
}

int site_give(struct site *s, const struct ward_hash *space, struct ward_buf *out, size_t *at, size_t max, size_t *count)
{
    struct ward_error err = {0};
    struct ward_giving *g = NULL;
    struct ward_buf frame;
    const struct ward_space *own = ward_directory_space_by_id(&s->r->dir, space);
    if (!own || !ward_base_may_give(s->r, own))
        return -WARD_ERR_NOT_ENTITLED;
    int rc = ward_giving_begin(&g, s->r, own->sid, &err);
    if (rc && !ward_is_refusal(rc))
        must(rc, &err, "giving");
    ward_buf_init(&frame, out->env);
    at[0] = out->len;
    while (!rc && ward_giving_next(g, s->r, &frame)) {
        if (*count + 1 == max)
            must(WARD_ERR_RANGE, NULL, "state");
        ward_buf_add(out, frame.p, frame.len);
        at[++*count] = out->len;
    }
    ward_buf_free(&frame);
    ward_giving_end(&g, s->r);
    return -rc;
}

size_t site_let_go(struct site *s, struct base *out, size_t *count)
{
    struct ward_error err = {0};
    struct ward_compact_result gone = {0};
    size_t before = *count;
    must(ward_compact_let_go(s->r, &gone, &err), &err, "let go");
    for (size_t i = 0; i < s->r->dir.feed_count; i++) {
        const struct ward_feed *f = &s->r->dir.feeds[i];
        if (f->parent || !f->base)
            continue;
        if (*count == BASES_MAX)
            must(WARD_ERR_RANGE, NULL, "bases");
        out[(*count)++] = (struct base){f->id, f->base};
    }
    return *count - before;
}

void site_end(struct site *s)
{
    struct ward_error err = {0};
    if (!s->open)
        return;
    must(ward_apply_end(&s->apply, WARD_OK, &err), &err, "end");
    s->open = false;
}

void site_restart(struct site *s)
{
    struct ward_error err = {0};
    must(ward_replica_reload(s->r, &err), &err, "reload");
}

/* In a word what it is, on the side. */
static void say_bad(void *ctx, const struct ward_bad *bad)
{
    (void)ctx;
    fprintf(stderr, "verify: %d, part %d, feed %02x%02x%02x, change %llu: %s\n", bad->code, (int)bad->part, bad->feed.b[0], bad->feed.b[1],
            bad->feed.b[2], (unsigned long long)bad->seq, bad->what ? bad->what : "");
}

unsigned long long site_verify(struct site *s)
{
    struct ward_error err = {0};
    struct ward_verify_result result = {0};
    must(ward_verify(s->r, true, say_bad, NULL, NULL, &result, &err), &err, "verify");
    return result.bad;
}

/* ---------------------------------------------------------------- what it holds */

struct teller {
    struct site *site;
    const struct ward_space *space;
    FILE *out;
    struct ward_arena arena;
    bool more; /* a comma is due */
};

static void comma(struct teller *t)
{
    if (t->more)
        putc_unlocked(',', t->out);
    t->more = true;
}

/* Where the feed stands among the heads of the space. */
static size_t place(const struct teller *t, uint32_t fid)
{
    size_t n = 0;
    for (size_t i = 0; i < t->space->feed_count && t->space->feeds[i] != fid; i++)
        n += !ward_directory_feed(&t->site->r->dir, t->space->feeds[i])->parent;
    return n;
}

static void tell_live(struct teller *t, const struct ward_live_value *v)
{
    fprintf(t->out, "[%zu,%llu,%llu,\"", place(t, v->fid), (unsigned long long)v->seq, (unsigned long long)v->depth);
    put_hex(t->out, v->raw, v->len);
    fputs("\"]", t->out);
}

static void begin_slot(struct teller *t, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key, size_t key_len)
{
    comma(t);
    fprintf(t->out, "[%u,\"", (unsigned)kind);
    put_hex(t->out, entity->b, sizeof entity->b);
    fprintf(t->out, "\",%u,\"", (unsigned)field);
    put_hex(t->out, key, key_len);
    fputs("\",[", t->out);
}

static int by_author(const void *a, const void *b)
{
    const struct ward_live_value *const *x = a, *const *y = b;
    return (*x)->fid < (*y)->fid ? -1 : (*x)->fid > (*y)->fid ? 1 : (*x)->seq < (*y)->seq ? -1 : (*x)->seq > (*y)->seq;
}

/* In order of (feed, seq): fids are turned into places first. */
static size_t in_order(struct teller *t, const struct ward_slot *slot, const struct ward_live_value *out[LIVE_MAX])
{
    size_t n = 0;
    for (size_t place_ = 0; place_ < t->space->feed_count; place_++) {
        size_t from = n;
        for (size_t i = 0; i < slot->live_count && n < LIVE_MAX; i++)
            if (slot->live[i].fid == t->space->feeds[place_])
                out[n++] = &slot->live[i];
        qsort(out + from, n - from, sizeof out[0], by_author);
    }
    return n;
}

/* A slot of the sum class per author, and the sum. */
static void tell_sums(struct teller *t, uint32_t kind, const struct ward_id *entity, const struct ward_slot *slot)
{
    const struct ward_live_value *live[LIVE_MAX];
    size_t n = in_order(t, slot, live);
    for (size_t i = 0; i < n; i++) {
        const struct ward_hash *feed = &ward_directory_feed(&t->site->r->dir, live[i]->fid)->id;
        begin_slot(t, kind, entity, slot->field, feed->b, sizeof feed->b);
        tell_live(t, live[i]);
        fprintf(t->out, "],%lld]", (long long)ward_slot_sum(slot));
    }
}

static void tell_slot(struct teller *t, uint32_t kind, const struct ward_id *entity, const struct ward_slot *slot)
{
    static const struct ward_field_def governed = {.policy = WARD_CONFLICT};
    const struct ward_live_value *live[LIVE_MAX];
    const struct ward_authors *authors = &t->site->r->dir.authors;
    size_t n = in_order(t, slot, live), shown = 0;
    begin_slot(t, kind, entity, slot->field, slot->key, slot->key_len);
    for (size_t i = 0; i < n; i++) {
        if (i)
            putc_unlocked(',', t->out);
        tell_live(t, live[i]);
        if (live[i] == ward_slot_shown(slot, authors))
            shown = i;
    }
    if (ward_field_class(slot->field) == WARD_MEMBER) {
        fprintf(t->out, "],%s]", ward_member_is_in(slot) ? "true" : "false");
        return;
    }
    struct ward_id id;
    ward_conflict_id(&id, &t->space->id, kind, entity, slot->field);
    struct ward_field_def field = governed;
    field.number = slot->field;
    fprintf(t->out, "],%zu,%s,\"", shown, ward_slot_in_conflict(&field, slot, authors) ? "true" : "false");
    put_hex(t->out, id.b, sizeof id.b);
    fputs("\"]", t->out);
}

static int tell_record(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p, size_t len)
{
    struct teller *t = ctx;
    struct ward_state state;
    (void)sid;
    (void)conflicts;
    ward_state_init(&state, &t->arena);
    must(ward_state_decode(&state, &t->site->r->dir.authors, p, len), NULL, "record");
    begin_slot(t, kind, entity, 0, NULL, 0); /* stands for the record: whether it is shown */
    fprintf(t->out, "],%s]", ward_state_present(&state) ? "true" : "false");
    for (size_t i = 0; i < state.slot_count; i++)
        if (ward_field_class(state.slots[i].field) == WARD_TALLY)
            tell_sums(t, kind, entity, &state.slots[i]);
        else if (state.slots[i].live_count)
            tell_slot(t, kind, entity, &state.slots[i]);
    return 0;
}

/* How far each feed was named, by the place of the feed. */
static void tell_vector(struct teller *t, struct ward_feed *f)
{
    struct ward_error err = {0};
    const struct ward_directory *d = &t->site->r->dir;
    must(ward_store_load_vv(t->site->r->store, f, &err), &err, "vector");
    fputs(",{", t->out);
    t->more = false;
    for (size_t i = 0; !f->forked && i < t->space->feed_count; i++) {
        const struct ward_feed *g = ward_directory_feed(d, t->space->feeds[i]);
        uint64_t seq = g == f ? f->head_seq : ward_dep_seen(t->site->r, &f->vv, g);
        if (g->parent || !seq)
            continue;
        comma(t);
        fprintf(t->out, "\"%zu\":%llu", place(t, g->fid), (unsigned long long)seq);
    }
    putc_unlocked('}', t->out);
}

static int by_head(const void *a, const void *b)
{
    const struct ward_feed *x = *(const struct ward_feed *const *)a, *y = *(const struct ward_feed *const *)b;
    return x->head_seq != y->head_seq ? (x->head_seq > y->head_seq) - (x->head_seq < y->head_seq)
                                      : ward_hash_compare(&x->head_hash, &y->head_hash);
}

/* What stands for ever of it, and the heads that are passed over. */
static void tell_settled(struct teller *t, struct ward_feed *f)
{
    const struct ward_feed *rows[BRANCHES_TOLD];
    size_t n = 0;
    fprintf(t->out, ",[%llu,%llu],[", (unsigned long long)f->settled.seq, (unsigned long long)f->settled.effect);
    for (const struct ward_feed *g = ward_directory_next(&t->site->r->dir, f); g; g = ward_directory_next(&t->site->r->dir, g))
        if (g->below && g->head_seq > g->base) {
            if (n == BRANCHES_TOLD)
                must(WARD_ERR_RANGE, NULL, "branches");
            rows[n++] = g;
        }
    if (n)
        qsort(rows, n, sizeof rows[0], by_head);
    for (size_t i = 0; i < n; i++) {
        fprintf(t->out, "%s[%llu,\"", i ? "," : "", (unsigned long long)rows[i]->head_seq);
        put_hex(t->out, rows[i]->head_hash.b, sizeof rows[i]->head_hash.b);
        fputs("\"]", t->out);
    }
    putc_unlocked(']', t->out);
}

/* [id, [[seq, hash, depth] of each head], last with effect, version vector, [settled up to, effect], [[seq, hash] passed over]] */
static void tell_feed(struct teller *t, struct ward_feed *f)
{
    const struct ward_feed *rows[WARD_BRANCHES_MAX + 1];
    size_t n = 0;
    uint64_t limit = f->limit < f->head_seq ? f->limit : f->head_seq;
    for (const struct ward_feed *g = f; g; g = ward_directory_next_above(&t->site->r->dir, g))
        rows[n++] = g;
    qsort(rows, n, sizeof rows[0], by_head);
    fputs("[\"", t->out);
    put_hex(t->out, f->id.b, sizeof f->id.b);
    fputs("\",[", t->out);
    for (size_t i = 0; i < n; i++) {
        fprintf(t->out, "%s[%llu,\"", i ? "," : "", (unsigned long long)rows[i]->head_seq);
        put_hex(t->out, rows[i]->head_hash.b, sizeof rows[i]->head_hash.b);
        fprintf(t->out, "\",%llu]", (unsigned long long)rows[i]->head_depth);
    }
    fprintf(t->out, "],%llu", (unsigned long long)limit);
    tell_vector(t, f);
    tell_settled(t, f);
    putc_unlocked(']', t->out);
}

static void tell_space(struct teller *t)
{
    struct ward_error err = {0};
    struct ward_hash state;
    ward_replica *r = t->site->r;
    must(ward_state_digest(r, &t->space->id, &state, &err), &err, "state");
    fputs("{\"space\":\"", t->out);
    put_hex(t->out, t->space->id.b, sizeof t->space->id.b);
    fputs("\",\"digest\":\"", t->out);
    put_hex(t->out, t->space->digest.b, sizeof t->space->digest.b);
    fputs("\",\"state\":\"", t->out);
    put_hex(t->out, state.b, sizeof state.b);
    fputs("\",\"feeds\":[", t->out);
    for (size_t i = 0; i < t->space->feed_count; i++) {
        struct ward_feed *f = ward_directory_feed(&r->dir, t->space->feeds[i]);
        if (f->parent)
            continue;
        if (i)
            putc_unlocked(',', t->out);
        tell_feed(t, f);
    }
    fprintf(t->out, "],\"wants\":%s,\"slots\":[", ward_space_wants_history(r, t->space) ? "true" : "false");
    t->more = false;
    must(ward_store_each_in_space(r->store, t->space->sid, tell_record, t, &err), &err, "records");
    fputs("]}", t->out);
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, WARD_HASH_BYTES);
}

static void tell_grants(struct teller *t)
{
    const struct ward_directory *d = &t->site->r->dir;
    const uint8_t *ids[64];
    size_t n = 0;
    for (size_t i = 0; i < d->grant_count && n < 64; i++)
        if (d->grants[i].role == WARD_ROLE_ROOT || ward_grant_effective(d, &d->grants[i].id))
            ids[n++] = d->grants[i].id.b;
    qsort(ids, n, sizeof ids[0], by_hash);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",\"" : "\"", t->out);
        put_hex(t->out, ids[i], WARD_HASH_BYTES);
        putc_unlocked('"', t->out);
    }
}

static int by_space(const void *a, const void *b)
{
    return ward_hash_compare(&(*(const struct ward_space *const *)a)->id, &(*(const struct ward_space *const *)b)->id);
}

/* [id, [[feed, seq] of each distinct value], who had seen whom, row after row] */
static int tell_conflict(void *ctx, const struct ward_conflict *c)
{
    struct teller *t = ctx;
    comma(t);
    fputs("[\"", t->out);
    put_hex(t->out, c->id.b, sizeof c->id.b);
    fputs("\",[", t->out);
    for (size_t i = 0; i < c->value_count; i++) {
        fputs(i ? ",[\"" : "[\"", t->out);
        put_hex(t->out, c->values[i].feed.b, sizeof c->values[i].feed.b);
        fprintf(t->out, "\",%llu]", (unsigned long long)c->values[i].seq);
    }
    fputs("],\"", t->out);
    for (size_t i = 0; i < c->value_count * c->value_count; i++)
        putc_unlocked(c->seen[i] ? '1' : '0', t->out);
    fputs("\"]", t->out);
    return 0;
}

void site_answer(struct site *s, FILE *out)
{
    struct teller t = {.site = s, .out = out};
    struct ward_error err = {0};
    struct ward_hash common;
    const struct ward_grant *own = ward_replica_grant(s->r);
    const struct ward_space *spaces[SPACES_MAX];
    size_t n = s->r->dir.space_count;
    ward_arena_init(&t.arena, &s->r->env);
    if (n > SPACES_MAX)
        must(WARD_ERR_LIMIT_SPACES, NULL, "spaces");
    for (size_t i = 0; i < n; i++)
        spaces[i] = &s->r->dir.spaces[i];
    qsort(spaces, n, sizeof spaces[0], by_space);
    fputs("{\"grants\":[", out);
    tell_grants(&t);
    ward_directory_common(&s->r->dir, own, own, &common);
    fputs("],\"common\":\"", out);
    put_hex(out, common.b, sizeof common.b);
    fputs("\",\"conflicts\":[", out);
    must(ward_conflicts(s->r, tell_conflict, &t, &err), &err, "conflicts");
    fputs("],\"spaces\":[", out);
    for (size_t i = 0; i < n; i++) {
        if (i)
            putc_unlocked(',', out);
        t.space = spaces[i];
        tell_space(&t);
    }
    fputs("]}", out);
    ward_arena_free(&t.arena);
}
