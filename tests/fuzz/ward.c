#include "ward.h"
#include "disk.h"
#include "outside.h"
#include "replica/ingest.h"
#include "replica/stream.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/hash.h"

struct fuzz_ward the_ward;

static const struct ward_field_def fields[] = {
    {TITLE, "title", WARD_TEXT, WARD_CONFLICT, 0}, {NOTE, "note", WARD_TEXT, WARD_LATEST, 0},   {LEVEL, "level", WARD_INT, WARD_MAX, 0},
    {DUE, "due", WARD_INT, WARD_CONFLICT, 0},      {OWNER, "owner", WARD_TEXT, WARD_FIXED, 40}, {TAGS, "tags", WARD_BOOL, WARD_ADD_WINS, 0},
    {COUNTED, "counted", WARD_INT, WARD_SUM, 0},
};
static const struct ward_kind_def kinds[] = {{KIND_ITEM, "item", fields, sizeof fields / sizeof fields[0]}};
const struct ward_schema fuzz_schema = {.kinds = kinds, .kind_count = 1, .version = 1};

/* Two disks of each device. */
#define SIDES 2
static struct disk *disks[DEVICES][SIDES];
static struct disk_image *images[DEVICES];
static char homes[DEVICES][SIDES][24];
static ward_replica *founders[DEVICES]; /* while the ward is founded */

static const struct ward_options options = {.schema = &fuzz_schema, .env = &fuzz_outside, .vfs = DISK_VFS};

const struct ward_options *fuzz_options(void)
{
    return &options;
}

const char *fuzz_device_home(enum who who, unsigned at)
{
    return homes[who][at];
}

struct disk *fuzz_device_disk(enum who who, unsigned at)
{
    return disks[who][at];
}

ward_replica *fuzz_device_reopen(enum who who, unsigned at)
{
    ward_replica *r;
    CHECK_OK(ward_open(&r, homes[who][at], &options, err));
    return r;
}

ward_replica *fuzz_device_open(enum who who, unsigned at)
{
    fuzz_ward_begin();
    fuzz_outside_set(77 + who);
    disk_put(disks[who][at], images[who]);
    return fuzz_device_reopen(who, at);
}

/* ---- writing */

struct ward_id fuzz_entity(uint8_t n)
{
    struct ward_id id = {{1, 0x9e, [6] = 0x70, [8] = 0x80}};
    id.b[15] = n;
    return id;
}

void fuzz_write(ward_replica *r, const struct ward_hash *space, uint8_t entity, uint32_t field, const struct ward_value *value)
{
    ward_txn *t;
    struct ward_id id = fuzz_entity(entity);
    bool member = (field & 3u) == WARD_MEMBER;
    CHECK_OK(ward_begin(r, &t, err));
    int rc = ward_put(t, space, KIND_ITEM, &id, field, member ? "tag" : NULL, member ? 3 : 0, value, NULL);
    if (rc == WARD_ERR_SPACE) { /* not heard of yet */
        ward_abort(t);
        return;
    }
    CHECK(rc == WARD_OK);
    rc = ward_commit(t, NULL, NULL);
    CHECK(rc == WARD_OK || rc == WARD_ERR_NOTHING || rc == WARD_ERR_IN_CONFLICT || rc == WARD_ERR_NOT_FOUND || rc == WARD_ERR_FIXED ||
          rc == WARD_ERR_CUT || rc == WARD_ERR_NOT_ENTITLED);
}

static void write_text(enum who who, int space, uint8_t entity, uint32_t field, const char *text)
{
    struct ward_value v = ward_value_text(text);
    fuzz_write(founders[who], &the_ward.spaces[space], entity, field, &v);
}

static void write_int(enum who who, int space, uint8_t entity, uint32_t field, int64_t n)
{
    struct ward_value v = ward_value_int(n);
    fuzz_write(founders[who], &the_ward.spaces[space], entity, field, &v);
}

/* ---- founding */

static void remember(enum who who, const struct ward_hash *grant, const struct ward_id *unit, enum ward_role role)
{
    struct fuzz_device *d = &the_ward.d[who];
    *d = (struct fuzz_device){.grant = *grant, .unit = *unit, .role = role, .sign = founders[who]->keys->sign};
    memcpy(d->link_pk, founders[who]->keys->link_pk, 32);
}

static struct ward_id unit_of(uint8_t letter)
{
    struct ward_id id;
    memset(id.b, letter, sizeof id.b);
    return id;
}

static void admit(enum who who, uint8_t letter, enum ward_role role)
{
    ward_replica *office = founders[OFFICE];
    struct ward_keys *keys = ward_keys_new();
    struct ward_grant g = {.role = role, .unit = unit_of(letter)}, checked;
    struct ward_id entity;
    struct ward_buf body;
    ward_txn *t;
    CHECK(keys);
    CHECK_OK(ward_keys_generate(keys, &fuzz_outside, err));
    memcpy(g.sign_pk, keys->sign.pk, 32);
    memcpy(g.link_pk, keys->link_pk, 32);
    ward_buf_init(&body, &fuzz_outside);
    ward_grant_write(&body, &g);
    CHECK_OK(ward_grant_parse(&checked, body.p, body.len, err));
    ward_grant_entity(&entity, &checked.id);
    struct ward_value bytes = ward_value_bytes(body.p, body.len);
    CHECK_OK(ward_begin(office, &t, err));
    CHECK_OK(ward_put(t, &the_ward.spaces[SPACE_WARD], WARD_KIND_GRANT, &entity, WARD_GRANT_BODY, NULL, 0, &bytes, err));
    CHECK_OK(ward_commit(t, NULL, err));
    bool made;
    CHECK_OK(ward_dir_make(homes[who][0], &made, err));
    CHECK_OK(ward_home_create(&founders[who], homes[who][0], &options, keys, &office->ward, office->root_pk, &checked.id, err));
    CHECK_OK(ward_home_keep_grant(founders[who], body.p, body.len, err));
    remember(who, &checked.id, &g.unit, role);
    ward_buf_free(&body);
    ward_keys_free(keys);
}

static void carry(enum who from, enum who to)
{
    struct ward_stream s;
    struct ward_buf frame;
    struct ward_apply apply;
    struct ward_streamed streamed;
    bool got = true;
    const struct ward_grant as = {.id = the_ward.d[to].grant, .unit = the_ward.d[to].unit, .role = the_ward.d[to].role};
    ward_stream_init(&s, founders[from], &as);
    ward_buf_init(&frame, &fuzz_outside);
    CHECK_OK(ward_stream_seek(&s, err));
    CHECK_OK(ward_apply_begin(&apply, founders[to], err));
    for (;;) {
        struct ward_message m;
        struct ward_ingested in;
        CHECK_OK(ward_stream_next(&s, &frame, &streamed, &got, err));
        if (!got)
            break;
        CHECK_OK(ward_frame_parse(&m, frame.p, frame.len, err));
        CHECK_OK(ward_ingest_run(&apply, &m.run, &in, err));
    }
    CHECK_OK(ward_apply_end(&apply, WARD_OK, err));
    ward_stream_free(&s);
    ward_buf_free(&frame);
}

/* So many that the office and cell a compare groups of them first. */
#define MORE_SPACES 8
static struct ward_hash more_spaces[MORE_SPACES];

/* Whoever may read a space knows its circle. */
static void name_spaces(void)
{
    const struct ward_id a = unit_of('a'), b = unit_of('b');
    const struct ward_id both[] = {a, b};
    for (int who = 0; who < DEVICES; who++) {
        ward_replica *r = founders[who];
        if (who != CELL_B)
            CHECK_OK(ward_space_of_circle(r, &the_ward.spaces[SPACE_A], &a, 1, err));
        if (who != CELL_A)
            CHECK_OK(ward_space_of_circle(r, &the_ward.spaces[SPACE_B], &b, 1, err));
        CHECK_OK(ward_space_of_circle(r, &the_ward.spaces[SPACE_BOTH], both, 2, err));
        for (uint8_t i = 0; i < MORE_SPACES && who != CELL_B; i++) {
            const struct ward_id circle[] = {a, unit_of((uint8_t)('k' + i))};
            CHECK_OK(ward_space_of_circle(r, &more_spaces[i], circle, 2, err));
        }
    }
}

/* First what all have heard, then what each alone has written. */
static void tell(void)
{
    const struct ward_value four = ward_value_int(4), text = ward_value_text("seen");
    write_text(OFFICE, SPACE_WARD, 1, TITLE, "spring cleaning");
    write_text(OFFICE, SPACE_A, 2, TITLE, "lanterns");
    write_int(OFFICE, SPACE_BOTH, 3, DUE, 20260531);
    for (uint8_t i = 0; i < MORE_SPACES; i++)
        fuzz_write(founders[OFFICE], &more_spaces[i], 8, LEVEL, &four);
    for (int who = SECOND; who < DEVICES; who++)
        carry(OFFICE, (enum who)who);
    write_text(CELL_A, SPACE_A, 2, TITLE, "lanterns and flags");
    write_int(CELL_A, SPACE_BOTH, 3, DUE, 20260601);
    write_int(CELL_A, SPACE_BOTH, 4, COUNTED, 3);
    carry(CELL_A, OFFICE);
    write_text(CELL_A, SPACE_BOTH, 3, TITLE, "by us");
    write_int(CELL_A, SPACE_A, 5, LEVEL, 7);
    fuzz_write(founders[CELL_A], &more_spaces[1], 8, NOTE, &text);
    write_text(CELL_B, SPACE_BOTH, 3, TITLE, "by them");
    write_text(CELL_B, SPACE_B, 6, OWNER, "unit b");
    write_text(SECOND, SPACE_WARD, 1, NOTE, "on Sunday");
    write_int(SECOND, SPACE_BOTH, 4, COUNTED, 2);
    write_text(OFFICE, SPACE_A, 2, TITLE, "flags");
    write_text(OFFICE, SPACE_WARD, 7, OWNER, "the office");
}

static void close_all(void)
{
    for (int who = 0; who < DEVICES; who++) {
        ward_close(founders[who]);
        images[who] = disk_copy(disks[who][0]);
        disk_put(disks[who][1], images[who]);
    }
}

void fuzz_ward_begin(void)
{
    static bool begun;
    static const char *const addresses[] = {"tcp://192.0.2.10:7450"};
    const struct ward_id office_unit = unit_of('o'), a = unit_of('a');
    struct ward_self self;
    if (begun)
        return;
    begun = true;
    fuzz_outside_begin();
    for (int who = 0; who < DEVICES; who++)
        for (int at = 0; at < SIDES; at++) {
            char mount[16];
            snprintf(mount, sizeof mount, "/d%d%d", who, at);
            disks[who][at] = disk_new(mount);
            snprintf(homes[who][at], sizeof homes[who][at], "%s/home", mount);
        }
    CHECK_OK(ward_found(&founders[OFFICE], homes[OFFICE][0], "North", &office_unit, "office", &options, err));
    CHECK_OK(ward_self(founders[OFFICE], &self, err));
    the_ward.ward = self.ward;
    ward_space_of_ward(founders[OFFICE], &the_ward.spaces[SPACE_WARD]);
    remember(OFFICE, &self.grant, &office_unit, WARD_ROLE_OPERATOR);
    admit(SECOND, 's', WARD_ROLE_OPERATOR);
    admit(CELL_A, 'a', WARD_ROLE_CELL);
    admit(CELL_B, 'b', WARD_ROLE_CELL);
    CHECK_OK(ward_invite(founders[OFFICE], &a, WARD_ROLE_CELL, addresses, 1, 300ll * 86400000, the_ward.invitation,
                         sizeof the_ward.invitation, err));
    name_spaces();
    tell();
    close_all();
}

/* ---- looking at it */

struct ward_hash fuzz_print_of(ward_replica *r)
{
    const struct ward_directory *d = &r->dir;
    struct ward_hash out, digest;
    ward_hasher h;
    CHECK_OK(ward_replica_refresh(r, err));
    ward_hash_begin(&h, "print");
    for (size_t i = 0; i < d->feed_count; i++) {
        ward_hash_add(&h, d->feeds[i].id.b, 32);
        ward_hash_add(&h, d->feeds[i].head_hash.b, 32);
        ward_hash_add(&h, &d->feeds[i].limit, sizeof d->feeds[i].limit);
    }
    for (size_t i = 0; i < d->space_count; i++) {
        CHECK_OK(ward_state_digest(r, &d->spaces[i].id, &digest, err));
        ward_hash_add(&h, d->spaces[i].id.b, 32);
        ward_hash_add(&h, d->spaces[i].digest.b, 32);
        ward_hash_add(&h, digest.b, 32);
    }
    ward_hash_end(&h, &out);
    return out;
}

void fuzz_compare(ward_replica *a, ward_replica *b)
{
    CHECK_OK(ward_replica_refresh(a, err));
    CHECK_OK(ward_replica_refresh(b, err));
    CHECK(a->dir.space_count == b->dir.space_count && a->dir.feed_count == b->dir.feed_count);
    for (size_t i = 0; i < a->dir.space_count; i++) {
        const struct ward_space *x = &a->dir.spaces[i], *y = ward_directory_space_by_id(&b->dir, &x->id);
        struct ward_hash state_a, state_b;
        CHECK(y && x->changes == y->changes && memcmp(x->digest.b, y->digest.b, 32) == 0);
        CHECK_OK(ward_state_digest(a, &x->id, &state_a, err));
        CHECK_OK(ward_state_digest(b, &x->id, &state_b, err));
        CHECK(memcmp(state_a.b, state_b.b, 32) == 0);
    }
}

static void say_bad(void *ctx, const struct ward_bad *bad)
{
    (void)ctx;
    fprintf(stderr, "verify: %d seq %llu: %s\n", bad->code, (unsigned long long)bad->seq, bad->what);
}

void fuzz_verify(ward_replica *r)
{
    struct ward_verify_result seen;
    CHECK_OK(ward_verify(r, true, say_bad, NULL, NULL, &seen, err));
    CHECK(seen.bad == 0);
}
