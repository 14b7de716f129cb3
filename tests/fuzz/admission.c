/* Requests and answers in files. A request, of an invited device or of a cell for new keys, bent and then signed anew by whoever may (most
 * of the time), comes to an operator: refused, it changes nothing; granted, the grant holds the keys that asked, in unit and role of what
 * vouched, and asking again gives it again. An answer, its frame and the bundle behind it bent, comes to the device: refused, there is no
 * home; taken, the home is that of a grant with effect. The first byte chooses. */
#include "disk.h"
#include "replica/admit.h"
#include "shape.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "ward.h"

#include <sodium.h>

#define REQUEST "/d00/request"
#define ANSWER  "/d00/answer"
#define HOME    "/d00/new"

static struct ward_sign_key key_of(uint8_t n, uint8_t link_pk[32])
{
    struct ward_sign_key key;
    uint8_t seed[32] = {n, 7};
    ward_sign_key_from_seed(&key, seed);
    crypto_scalarmult_base(link_pk, seed);
    return key;
}

/* Signed over what it says now, by the keys that it named at first; or not quite. */
static void sign_anew(struct ward_buf *b, const struct ward_sign_key *own, const struct ward_sign_key *voucher, uint8_t how)
{
    struct ward_message m;
    struct ward_hash h;
    if (ward_frame_parse(&m, b->p, b->len, NULL) || m.type != WARD_MSG_REQUEST)
        return;
    struct ward_asker a = {.by_grant = m.request.by_grant, .name = m.text, .name_len = m.text_len};
    memcpy(a.from, m.request.from, 32);
    memcpy(a.sign_pk, m.request.sign_pk, 32);
    memcpy(a.link_pk, m.request.link_pk, 32);
    ward_request_hash(&h, &the_ward.ward, &a);
    crypto_sign_detached(b->p + (m.request.signature - b->p), NULL, h.b, sizeof h.b, own->sk);
    crypto_sign_detached(b->p + (m.request.voucher - b->p), NULL, h.b, sizeof h.b, voucher->sk);
    b->p[m.request.signature - b->p] ^= how & 1;
    b->p[m.request.voucher - b->p] ^= how >> 1 & 1;
}

static void write_file(const uint8_t *frame, size_t len, const uint8_t *more, size_t more_len, const char *path)
{
    struct ward_buf file;
    ward_buf_init(&file, &fuzz_env);
    ward_put_bytes(&file, frame, len);
    ward_buf_add(&file, more, more_len);
    CHECK_OK(ward_file_write(path, file.p, file.len, 0644, err));
    ward_buf_free(&file);
}

static void check_granted(ward_replica *r, const struct ward_message *m, const struct ward_hash *grant)
{
    struct ward_hash again;
    CHECK_OK(ward_replica_refresh(r, err));
    const struct ward_grant *g = ward_directory_grant(&r->dir, grant);
    CHECK(g && ward_grant_effective(&r->dir, grant) && !ward_grant_is_cut(&r->dir, grant));
    CHECK(memcmp(g->sign_pk, m->request.sign_pk, 32) == 0 && memcmp(g->link_pk, m->request.link_pk, 32) == 0);
    CHECK(g->role == WARD_ROLE_CELL && ward_id_equal(&g->unit, &the_ward.d[CELL_A].unit));
    CHECK_OK(ward_admit(r, REQUEST, ANSWER, &again, err));
    CHECK(ward_hash_compare(&again, grant) == 0);
}

static void request(struct fuzz_input *in)
{
    ward_replica *r = fuzz_device_open(OFFICE, 0);
    struct ward_invitation v;
    struct ward_asker a = {.name = "tablet", .name_len = 6};
    struct ward_buf frame;
    struct ward_message m;
    struct ward_hash grant = {{0}};
    struct ward_error why = {0};
    uint8_t how = fuzz_byte(in), edits = how % 4;
    struct ward_sign_key own = key_of(fuzz_byte(in) % 4, a.link_pk);
    CHECK_OK(ward_invitation_parse(&v, the_ward.invitation, err));
    memcpy(a.sign_pk, own.pk, 32);
    a.by_grant = how & 4;
    memcpy(a.from, a.by_grant ? the_ward.d[CELL_A].grant.b : v.link_pk, 32);
    const struct ward_sign_key *voucher = a.by_grant ? &the_ward.d[CELL_A].sign : &v.sign;
    ward_buf_init(&frame, &fuzz_env);
    ward_request_write(&frame, &the_ward.ward, &a, &own, voucher);
    ward_buf_room(&frame, 512);
    while (edits--)
        frame.len = shape_bend(frame.p, frame.len, frame.len + 512 < frame.cap ? frame.len + 512 : frame.cap, in);
    sign_anew(&frame, &own, voucher, how >> 3);
    struct fuzz_input behind = fuzz_part(in, how & 64 ? 200 : 0); /* what is no bundle */
    write_file(frame.p, frame.len, behind.p, behind.len, REQUEST);
    struct ward_hash before = fuzz_print_of(r);
    int rc = ward_admit(r, REQUEST, ANSWER, &grant, &why);
    CHECK(rc == WARD_OK || rc == why.code);
    if (rc) {
        struct ward_hash after = fuzz_print_of(r);
        CHECK(memcmp(&before, &after, sizeof before) == 0 && !ward_file_exists(ANSWER));
    } else {
        CHECK_OK(ward_frame_parse(&m, frame.p, frame.len, err));
        CHECK(!(how & (8 | 16)) && m.type == WARD_MSG_REQUEST);
        check_granted(r, &m, &grant);
        fuzz_verify(r);
    }
    ward_buf_free(&frame);
    ward_close(r);
}

/* The bytes of the file, a few of them other ones; and its frame, bent as a frame. */
static void bend_answer(struct fuzz_input *in)
{
    size_t len;
    const uint8_t *p = disk_file(fuzz_device_disk(OFFICE, 0), ANSWER, &len);
    struct ward_cbor c;
    const uint8_t *lead;
    size_t lead_len;
    uint8_t frame[1024], how = fuzz_byte(in);
    CHECK(p);
    ward_cbor_init(&c, p, len);
    CHECK(ward_cbor_bytes(&c, &lead, &lead_len) && lead_len < sizeof frame / 2);
    memcpy(frame, lead, lead_len);
    if (how & 1)
        lead_len = shape_bend(frame, lead_len, sizeof frame / 2, in);
    size_t rest_len = len - c.pos;
    uint8_t *rest = malloc(rest_len + 1);
    CHECK(rest);
    memcpy(rest, p + c.pos, rest_len);
    for (unsigned n = how >> 1 & 3; n && rest_len; n--) {
        size_t at = ((size_t)fuzz_byte(in) << 8 | fuzz_byte(in)) % rest_len;
        rest[at] ^= fuzz_byte(in);
    }
    if (how & 8)
        rest_len = ((size_t)fuzz_byte(in) << 8 | fuzz_byte(in)) % (rest_len + 1);
    write_file(frame, lead_len, rest, rest_len, ANSWER);
    free(rest);
}

static void answer(struct fuzz_input *in)
{
    ward_replica *r = fuzz_device_open(OFFICE, 0), *made = NULL;
    struct ward_hash grant;
    struct ward_error why = {0};
    char words[WARD_FINGERPRINT];
    CHECK_OK(ward_join_request(HOME, the_ward.invitation, "tablet", REQUEST, fuzz_options(), words, err));
    CHECK_OK(ward_admit(r, REQUEST, ANSWER, &grant, err));
    bend_answer(in);
    int rc = ward_join_accept(&made, HOME, ANSWER, fuzz_options(), &why);
    CHECK(rc == WARD_OK || rc == why.code);
    CHECK(ward_file_exists(HOME "/" WARD_STORE_NAME) == (rc == WARD_OK));
    if (rc == WARD_OK) {
        CHECK(ward_hash_compare(&made->self, &grant) == 0 && ward_grant_effective(&made->dir, &grant));
        fuzz_verify(made);
        ward_close(made);
    }
    ward_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    fuzz_ward_begin();
    if (fuzz_byte(&in) & 1)
        answer(&in);
    else
        request(&in);
    return 0;
}
