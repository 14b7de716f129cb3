/* A device asks to be let in: the message bent, signed by the asker all the same, by another, or badly; asked once more with the same keys,
 * with others, too late, at a key that no invitation has. Whoever is refused leaves nothing; whoever is let in has a grant for the very
 * keys that asked, in the unit and role invited to, gets the same answer when it asks again, and nobody else gets in on that code. */
#include "replica/invite.h"
#include "shape.h"
#include "shell/link.h"
#include "ward.h"

#include <sodium.h>

struct asker {
    struct ward_sign_key sign;
    uint8_t link_pk[32];
};

static struct asker asker_of(uint8_t n)
{
    struct asker a;
    uint8_t seed[32] = {n, 1};
    ward_sign_key_from_seed(&a.sign, seed);
    crypto_scalarmult_base(a.link_pk, seed);
    return a;
}

/* The message, bent as told, then signed over what it says now. */
static void make(struct ward_buf *out, const struct ward_invitation *v, uint8_t who, uint8_t how, struct fuzz_input *in)
{
    struct asker a = asker_of(who);
    struct ward_message m;
    struct ward_hash request;
    uint8_t sig[64] = {0};
    char name[300] = "tablet";
    ward_frame_join(out, name, a.sign.pk, a.link_pk, sig);
    ward_buf_room(out, 512);
    for (unsigned edits = how % 4; edits > 0; edits--)
        out->len = shape_bend(out->p, out->len, out->len + 512 < out->cap ? out->len + 512 : out->cap, in);
    if (ward_frame_parse(&m, out->p, out->len, NULL) || m.type != WARD_MSG_JOIN || m.text_len >= sizeof name)
        return;
    struct asker signer = asker_of(how & 16 ? (uint8_t)(who + 1) : who);
    memcpy(name, m.text, m.text_len);
    name[m.text_len] = 0;
    ward_join_hash(&request, &the_ward.ward, v->link_pk, name, m.text_len, m.join.sign_pk, m.join.link_pk);
    crypto_sign_detached(sig, NULL, request.b, sizeof request.b, signer.sign.sk);
    if (how & 32)
        sig[fuzz_byte(in) % 64] ^= (uint8_t)(1 + fuzz_byte(in) % 255);
    memcpy(out->p + (m.join.signature - out->p), sig, sizeof sig);
}

static void check_let_in(ward_replica *r, const struct ward_message *m, const struct ward_buf *answer, const struct ward_hash *grant)
{
    struct ward_message reply;
    struct ward_grant g;
    CHECK_OK(ward_replica_refresh(r, err));
    CHECK_OK(ward_frame_parse(&reply, answer->p, answer->len, err));
    CHECK(reply.type == WARD_MSG_JOINED && memcmp(reply.joined.root_pk, r->root_pk, 32) == 0);
    CHECK_OK(ward_grant_parse(&g, reply.joined.grant, reply.joined.grant_len, err));
    CHECK(memcmp(g.id.b, grant->b, 32) == 0 && ward_grant_effective(&r->dir, grant));
    CHECK(memcmp(g.sign_pk, m->join.sign_pk, 32) == 0 && memcmp(g.link_pk, m->join.link_pk, 32) == 0);
    CHECK(g.role == WARD_ROLE_CELL && ward_id_equal(&g.unit, &the_ward.d[CELL_A].unit));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    ward_replica *r = fuzz_device_open(OFFICE, 0);
    struct ward_invitation v;
    struct ward_hash let_in = {{0}};
    bool used = false;
    CHECK_OK(ward_invitation_parse(&v, the_ward.invitation, err));
    for (size_t asked = 0; asked < 6 && in.len > 0; asked++) {
        uint8_t who = fuzz_byte(&in), how = fuzz_byte(&in);
        struct ward_error err = {0};
        struct ward_buf frame, answer;
        struct ward_message m;
        struct ward_hash grant, before = fuzz_print_of(r);
        uint8_t door[32];
        ward_buf_init(&frame, &fuzz_env);
        ward_buf_init(&answer, &fuzz_env);
        make(&frame, &v, who % 4, how, &in);
        memcpy(door, v.link_pk, 32);
        door[0] ^= how & 64 ? 1 : 0;
        int rc = ward_frame_parse(&m, frame.p, frame.len, &err);
        if (!rc && m.type == WARD_MSG_JOIN) {
            rc = ward_invitation_accept(r, door, &m, &answer, &grant, &err);
            CHECK(rc == WARD_OK || rc == err.code);
            if (rc == WARD_OK) {
                CHECK(!(how & (32 | 64)) && (!used || memcmp(grant.b, let_in.b, 32) == 0));
                check_let_in(r, &m, &answer, &grant);
                let_in = grant;
                used = true;
            } else {
                struct ward_hash after = fuzz_print_of(r);
                CHECK(memcmp(before.b, after.b, 32) == 0 && answer.len == 0);
            }
        }
        ward_buf_free(&frame);
        ward_buf_free(&answer);
    }
    if (used)
        fuzz_verify(r);
    ward_close(r);
    return 0;
}
