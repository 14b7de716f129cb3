/* The core alone, L0 to L2: names, a change, a seal, a merge, a session. No file, no network, no database; if this program links without
 * SQLite and ZeroMQ, so does every application that only wants to check what others made. */
#include "base/arena.h"
#include "rules/authority.h"
#include "rules/session.h"
#include "rules/slot.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/feed.h"
#include "values/seal.h"
#include "values/vv.h"
#include "wardsync.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                                                        \
    do {                                                                                                                                   \
        if (!(what)) {                                                                                                                     \
            fprintf(stderr, "line %d: %s\n", __LINE__, #what);                                                                             \
            return 1;                                                                                                                      \
        }                                                                                                                                  \
    } while (0)

static void *memory(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}
static const struct ward_env env = {.alloc = memory};

struct names {
    struct ward_sign_key root, device;
    struct ward_hash ward, space, feed;
    struct ward_grant grant;
};

static int found_names(struct names *n)
{
    static const uint8_t root_seed[32] = {1}, device_seed[32] = {2}, link_pk[32] = {9}; /* X25519's base point */
    struct ward_id circle[] = {{{1}}, {{2}}};
    struct ward_grant g = {.unit = circle[0], .role = WARD_ROLE_CELL};
    struct ward_hash other;
    struct ward_buf b;
    CHECK(sodium_init() >= 0);
    ward_sign_key_from_seed(&n->root, root_seed);
    ward_sign_key_from_seed(&n->device, device_seed);
    ward_name_ward(&n->ward, n->root.pk);
    ward_name_space(&n->space, &n->ward, circle, 2);
    ward_name_space(&other, &n->ward, NULL, 0);
    CHECK(ward_hash_compare(&n->space, &other) != 0);
    memcpy(g.sign_pk, n->device.pk, 32);
    memcpy(g.link_pk, link_pk, 32);
    ward_buf_init(&b, &env);
    ward_grant_write(&b, &g);
    CHECK(ward_grant_parse(&n->grant, b.p, b.len, NULL) == WARD_OK);
    CHECK(ward_may_write(&n->grant, circle, 2) && !ward_may_write(&n->grant, &circle[1], 1));
    ward_name_feed(&n->feed, &n->ward, &n->space, &n->grant.id);
    ward_buf_free(&b);
    return 0;
}

static int seal_a_change(const struct names *n)
{
    static const uint8_t raw[] = {0x61, 'x'};
    const struct ward_op op = {.kind = 16, .entity = {{7}}, .field = WARD_FIELD(WARD_OPEN, 1), .raw = raw, .raw_len = sizeof raw};
    struct ward_scratch scratch;
    struct ward_buf body;
    struct ward_hash hash;
    uint8_t sig[WARD_SEAL_BYTES];
    size_t used;
    ward_buf_init(&body, &env);
    ward_scratch_init(&scratch, &env);
    ward_change_write(&body, 1750000000000, 1, NULL, 0, &op, 1);
    CHECK(ward_change_parse(&scratch, body.p, body.len, &used, NULL) == WARD_OK && used == body.len && scratch.op_count == 1);
    ward_chain(&hash, 1, &n->feed, body.p, body.len);
    ward_seal_make(sig, &n->feed, 1, &hash, &n->device);
    CHECK(ward_seal_check(sig, &n->feed, 1, &hash, n->device.pk));
    CHECK(!ward_seal_check(sig, &n->feed, 2, &hash, n->device.pk));
    CHECK(!ward_seal_check(sig, &n->feed, 1, &hash, n->root.pk));
    hash.b[0] ^= 1;
    CHECK(!ward_seal_check(sig, &n->feed, 1, &hash, n->device.pk));
    ward_scratch_free(&scratch);
    ward_buf_free(&body);
    return 0;
}

static int merge_two_writes(void)
{
    static const uint8_t x[] = {0x01}, y[] = {0x02};
    const struct ward_author rows[] = {{.rank = 0}, {.feed = {{1}}, .rank = 1}, {.feed = {{2}}, .rank = 1}};
    const struct ward_authors authors = {rows, 3};
    const struct ward_vv nothing = {0};
    struct ward_arena arena;
    struct ward_state s;
    struct ward_write w = {.field = WARD_FIELD(WARD_OPEN, 1), .raw = x, .raw_len = 1, .fid = 1, .seq = 1, .depth = 1};
    ward_arena_init(&arena, &env);
    ward_state_init(&s, &arena);
    CHECK(ward_slot_write(&s, &w, &nothing, &authors) == WARD_OK);
    w.fid = 2;
    w.raw = y;
    CHECK(ward_slot_write(&s, &w, &nothing, &authors) == WARD_OK);
    CHECK(s.slot_count == 1 && s.slots[0].live_count == 2);
    CHECK(ward_slot_shown(&s.slots[0], &authors)->fid == 2);
    ward_arena_free(&arena);
    return 0;
}

static int step_a_session(void)
{
    struct ward_session s;
    ward_session_init(&s, 0);
    CHECK(ward_session_step(&s, WARD_SE_LINK_UP, 0) == WARD_SA_HELLO);
    CHECK(ward_session_step(&s, WARD_SE_HELLO_EQUAL, 4) == (WARD_SA_LIVE | WARD_SA_STREAM));
    CHECK(s.state == WARD_S_LIVE && ward_session_may_send(&s));
    return 0;
}

int main(void)
{
    struct names n;
    return found_names(&n) || seal_a_change(&n) || merge_two_writes() || step_a_session();
}
