/* A fork proof: what is taken says all that its bytes say, so with one bit turned, a byte less or a byte more it is taken no more. The
 * first byte chooses: 0 is the file as it is; else a device is told how many units the circle has, where its first seal stands, and the
 * bodies between, and signs for both: that is taken if, and only if, its bodies have the shape of bodies and the limits are kept. */
#include "base/limits.h"
#include "fuzz.h"
#include "rules/authority.h"
#include "values/cbor.h"
#include "values/change.h"
#include "values/feed.h"
#include "values/seal.h"

#include <sodium.h>

#define FILE_MAX (WARD_FRAME_MAX + 1)

static void check_said(const struct ward_fork_proof *p)
{
    struct ward_hash feed;
    CHECK(p->first >= 1 && p->last >= p->first && p->last <= INT64_MAX && p->last - p->first <= WARD_RUN_CHANGES_MAX);
    CHECK(p->role >= WARD_ROLE_ROOT && p->role <= WARD_ROLE_HUB);
    CHECK((p->role == WARD_ROLE_ROOT) == (ward_hash_compare(&p->grant, &p->ward) == 0));
    ward_name_feed(&feed, &p->ward, &p->space, &p->grant);
    CHECK(ward_hash_compare(&feed, &p->feed) == 0);
}

/* Taken or not; what is taken is taken as it is and not otherwise. */
static bool check_file(const uint8_t *p, size_t len, struct ward_fork_proof *out)
{
    static uint8_t other[FILE_MAX + 1];
    struct ward_error err = {0};
    int rc = ward_fork_check(p, len, out, &err);
    CHECK(rc == err.code && (rc == WARD_OK || rc == WARD_ERR_FORK_PROOF));
    if (rc)
        return false;
    CHECK(len <= WARD_FRAME_MAX);
    check_said(out);
    struct ward_fork_proof none;
    memcpy(other, p, len);
    other[len] = 0;
    CHECK(ward_fork_check(other, len - 1, &none, NULL) == WARD_ERR_FORK_PROOF);
    CHECK(ward_fork_check(other, len + 1, &none, NULL) == WARD_ERR_FORK_PROOF);
    for (size_t i = 0; i < 4; i++) { /* four bits, chosen by the last bytes: signatures */
        size_t at = ((size_t)p[len - 1 - i] * 257 + i * 89) % len;
        other[at] ^= (uint8_t)(1u << (p[len - 5 - i] % 8));
        CHECK(ward_fork_check(other, len, &none, NULL) == WARD_ERR_FORK_PROOF);
        other[at] = p[at];
    }
    return true;
}

/* ---- signed for */

struct author {
    struct ward_sign_key key;
    struct ward_grant grant;
    struct ward_hash ward;
    uint8_t bytes[128]; /* of its grant, or of the ward's certificate */
    size_t len;
};

static void author_new(struct author *a, enum ward_role role)
{
    static const uint8_t seed[32] = {7}, link[32] = {9};
    struct ward_buf out;
    ward_sign_key_from_seed(&a->key, seed);
    ward_name_ward(&a->ward, a->key.pk); /* the root's; a device's ward may as well be this one */
    ward_buf_init(&out, &fuzz_env);
    if (role == WARD_ROLE_ROOT) {
        ward_put_array(&out, 2);
        ward_put_uint(&out, 1);
        ward_put_bytes(&out, a->key.pk, 32);
        ward_grant_of_root(&a->grant, &a->ward, a->key.pk);
    } else {
        a->grant = (struct ward_grant){.role = role, .unit = {{3}}};
        memcpy(a->grant.sign_pk, a->key.pk, 32);
        CHECK(crypto_scalarmult_base(a->grant.link_pk, link) == 0);
        ward_grant_write(&out, &a->grant);
        ward_name_grant(&a->grant.id, out.p, out.len);
    }
    CHECK(out.len <= sizeof a->bytes);
    memcpy(a->bytes, out.p, out.len);
    a->len = out.len;
    ward_buf_free(&out);
}

static void signed_for(uint8_t who, struct fuzz_input in)
{
    struct author a;
    struct ward_id circle[24] = {{{0}}};
    struct ward_hash space, feed, mine = {{1}}, theirs = {{2}}, hash = theirs;
    struct ward_fork_proof said;
    struct ward_buf out;
    uint8_t sig[WARD_SEAL_BYTES];
    size_t units = fuzz_byte(&in) % 24, at = 0, count = 0;
    uint8_t first = fuzz_byte(&in);
    const uint64_t from = first < 200 ? first : (uint64_t)INT64_MAX - (first - 200u);
    bool fine = from >= 1;
    author_new(&a, (enum ward_role)(who % 5));
    for (size_t i = 0; i < units; i++)
        circle[i].b[0] = (uint8_t)(i + 1);
    ward_name_space(&space, &a.ward, circle, units);
    ward_name_feed(&feed, &a.ward, &space, &a.grant.id);
    while (at < in.len && fine) {
        struct ward_change_head head;
        fine = ward_change_skip(in.p + at, in.len - at, &head) == WARD_OK && from + ++count <= INT64_MAX;
        if (fine) {
            ward_chain(&hash, from + count, &hash, in.p + at, head.len);
            at += head.len;
        }
    }
    ward_buf_init(&out, &fuzz_env);
    ward_put_array(&out, 12);
    ward_put_uint(&out, WARD_FORMAT);
    ward_put_uint(&out, 32);
    ward_put_bytes(&out, a.ward.b, 32);
    ward_put_bytes(&out, a.bytes, a.len);
    ward_put_array(&out, units);
    for (size_t i = 0; i < units; i++)
        ward_put_bytes(&out, circle[i].b, WARD_ID_BYTES);
    ward_put_uint(&out, from);
    ward_put_bytes(&out, mine.b, 32);
    ward_seal_make(sig, &feed, from, &mine, &a.key);
    ward_put_bytes(&out, sig, sizeof sig);
    ward_put_bytes(&out, theirs.b, 32);
    ward_put_uint(&out, from + count);
    ward_put_bytes(&out, in.p, in.len);
    ward_seal_make(sig, &feed, from + count, &hash, &a.key);
    ward_put_bytes(&out, sig, sizeof sig);
    bool wanted = fine && count <= WARD_RUN_CHANGES_MAX && out.len <= WARD_FRAME_MAX;
    CHECK(check_file(out.p, out.len, &said) == wanted);
    if (wanted)
        CHECK(said.first == from && said.last == from + count && ward_hash_compare(&said.feed, &feed) == 0 &&
              ward_hash_compare(&said.grant, &a.grant.id) == 0 && ward_id_compare(&said.unit, &a.grant.unit) == 0);
    ward_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_fork_proof said;
    if (len == 0 || len > FILE_MAX)
        return 0;
    if (p[0] == 0)
        check_file(p + 1, len - 1, &said);
    else
        signed_for(p[0], (struct fuzz_input){p + 1, len - 1});
    return 0;
}
