/* A file that proves to anybody in the ward what a hub held by when, or that it no longer does. proto/receipt.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "receipts.h"

struct shown {
    size_t count, ops;
    uint64_t seqs[4];
};

static int note_shown(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct shown *x = ctx;
    assert_true(x->count < 4);
    assert_non_null(ops);
    x->seqs[x->count++] = change->seq;
    x->ops += op_count;
    return 0;
}

static size_t read_file(const char *path, uint8_t *p, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(p, 1, cap, f);
    assert_true(n < cap);
    fclose(f);
    return n;
}

static void write_file(const char *path, const uint8_t *p, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int check(struct world *w, size_t at, const char *path, struct ward_proof *out)
{
    w->err = (struct ward_error){0};
    return ward_proof_check(w->d[at].r, path, NULL, NULL, out, &w->err);
}

static void a_proof_holds_anywhere_in_the_ward(void **state)
{
    struct world w;
    struct ward_proof proof;
    struct shown shown = {.count = 0};
    char path[400];
    static uint8_t bytes[1 << 16];
    (void)state;
    set_up(&w);
    for (int i = 0; i < 3; i++) {
        write_note(&w, CELL, "a", i);
        round_of(&w, CELL, HUB);
    }
    write_note(&w, CELL, "a", 3);
    round_of(&w, CELL, OFFICE);
    write_note(&w, CELL, "a", 4); /* not sent */
    const struct ward_hash feed = feed_of_cell(&w);
    const uint64_t seqs[] = {2, 3, 5};
    snprintf(path, sizeof path, "%s/proof", w.dir);
    OK(&w, ward_proof_write(w.d[CELL].r, path, &feed, seqs, 3, &proof, &w.err));
    assert_int_equal(proof.subject_count, 2); /* what nobody has sealed is not claimed */
    assert_int_equal(proof.first, 2);
    assert_int_equal(proof.last, 4);
    assert_int_equal(proof.receipt_count, 3); /* the hub's at 2 and at 3, the office's at 4 */
    assert_true(proof.receipts[0].agrees && proof.receipts[0].seq == 2);
    assert_int_equal(proof.here, WARD_PROOF_SAME_HERE);
    OK(&w, ward_proof_check(w.d[OTHER].r, path, note_shown, &shown, &proof, &w.err)); /* it may not even read that space */
    assert_int_equal(proof.here, WARD_PROOF_NOT_HERE);
    assert_int_equal(shown.count, 2);
    assert_int_equal(shown.seqs[0], 2);
    assert_int_equal(shown.seqs[1], 3);
    assert_int_equal(shown.ops, 2);
    assert_memory_equal(proof.grant.b, w.d[CELL].grant.b, 32);

    const uint64_t late[] = {5};
    assert_int_equal(ward_proof_write(w.d[CELL].r, path, &feed, late, 1, &proof, &w.err), WARD_ERR_RECEIPT_NONE);
    assert_int_equal(ward_proof_write(w.d[HUB].r, path, &feed, seqs, 1, &proof, &w.err), WARD_ERR_PROOF_NOT_OWN);

    size_t len = read_file(path, bytes, sizeof bytes);
    struct ward_proof other;
    snprintf(path, sizeof path, "%s/altered", w.dir);
    size_t refused = 0;
    for (size_t i = 0; i < len; i++) { /* a bit turned anywhere: refused, or another of the proven changes is pointed at */
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        write_file(path, bytes, len);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        int rc = check(&w, OTHER, path, &other);
        refused += rc != WARD_OK;
        if (rc == WARD_OK) {
            assert_memory_equal(other.feed.b, proof.feed.b, 32);
            assert_int_equal(other.last, proof.last);
            assert_int_equal(other.receipts[0].wall_ms, proof.receipts[0].wall_ms);
        } else if (rc != WARD_ERR_PROOF_DAMAGED && rc != WARD_ERR_PROOF_WARD && rc != WARD_ERR_PROOF_GRANT && rc != WARD_ERR_PROOF_FALSE) {
            assert_int_equal(rc, WARD_ERR_VERSION);
        }
    }
    assert_true(refused > len - 4);
    for (size_t i = 0; i < len; i++) {
        write_file(path, bytes, i);
        assert_int_equal(check(&w, OTHER, path, &other), WARD_ERR_PROOF_DAMAGED);
    }
    bytes[len] = 0x40;
    write_file(path, bytes, len + 1);
    assert_int_equal(check(&w, OTHER, path, &other), WARD_ERR_PROOF_DAMAGED);
    world_close(&w);
}

static void a_proof_against_a_hub(void **state)
{
    struct world w;
    struct heard heard;
    struct ward_proof proof;
    char path[400];
    (void)state;
    set_up(&w);
    write_note(&w, CELL, "a", 1);
    write_note(&w, CELL, "a", 2);
    round_of(&w, CELL, HUB);
    struct ward_hash wrong = hash_at(&w, CELL, 2);
    wrong.b[0] ^= 1;
    show(&w, HUB, HUB, 2, &wrong, &heard);
    assert_int_equal(heard.rewrote, 1);
    const struct ward_hash feed = feed_of_cell(&w);
    const uint64_t seqs[] = {2};
    snprintf(path, sizeof path, "%s/proof", w.dir);
    OK(&w, ward_proof_write(w.d[CELL].r, path, &feed, seqs, 1, NULL, &w.err));
    OK(&w, ward_proof_check(w.d[OFFICE].r, path, NULL, NULL, &proof, &w.err));
    assert_int_equal(proof.receipt_count, 2);
    assert_true(proof.receipts[0].agrees);
    assert_false(proof.receipts[1].agrees);
    assert_memory_equal(proof.receipts[1].grant.b, w.d[HUB].grant.b, 32);
    assert_false(proof.receipts[1].ended);
    OK(&w, ward_revoke(w.d[OFFICE].r, &w.d[HUB].grant, "máy chủ bị thay", &w.err));
    OK(&w, ward_proof_check(w.d[OFFICE].r, path, NULL, NULL, &proof, &w.err));
    assert_true(proof.receipts[0].ended);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_holds_anywhere_in_the_ward),
        cmocka_unit_test(a_proof_against_a_hub),
    };
    return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
