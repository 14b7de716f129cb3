/* A body that parses is written anew to the same bytes, and stepping over it comes as far as reading it. */
#include "values/change.h"
#include "base/limits.h"
#include "fuzz.h"
#include "values/feed.h"

static void check_parts(const struct ward_scratch *s, const struct ward_change *ch)
{
    CHECK(ch->depth >= 1 && ch->len <= WARD_BODY_MAX && ch->dep_count <= WARD_DEPS_MAX);
    CHECK(ch->op_count >= 1 && ch->op_count <= WARD_OPS_MAX && ch->record_count <= ch->op_count);
    for (size_t i = 1; i < ch->dep_count; i++)
        CHECK(ward_hash_compare(&s->deps[ch->dep_first + i - 1].feed, &s->deps[ch->dep_first + i].feed) < 0);
    for (size_t i = 0; i < ch->op_count; i++) {
        const struct ward_op *op = &s->ops[ch->op_first + i];
        bool member = ward_field_class(op->field) == WARD_MEMBER;
        CHECK(op->record < ch->record_count && op->kind > 0 && op->raw_len <= WARD_VALUE_MAX);
        CHECK(member ? op->key_len >= 1 && op->key_len <= WARD_KEY_MAX : op->key_len == 0);
        CHECK(op->raw >= ch->p && op->raw + op->raw_len <= ch->p + ch->len);
    }
}

static void write_again(const struct ward_scratch *s, const struct ward_change *ch)
{
    struct ward_buf out;
    ward_buf_init(&out, &fuzz_env);
    ward_change_write(&out, ch->wall_ms, ch->depth, ch->dep_count ? s->deps + ch->dep_first : NULL, ch->dep_count, s->ops + ch->op_first,
                      ch->op_count);
    CHECK(fuzz_same(out.p, out.len, ch->p, ch->len));
    ward_buf_free(&out);
}

/* The input is bodies one after another, as in a run. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    static struct ward_scratch s;
    size_t at = 0, used = 0;
    if (!s.env)
        ward_scratch_init(&s, &fuzz_env);
    ward_scratch_clear(&s);
    while (at < len) {
        struct ward_error err = {0};
        struct ward_change_head head;
        int rc = ward_change_parse(&s, p + at, len - at, &used, &err);
        if (rc) {
            CHECK(rc == err.code && rc >= 200 && rc < 400);
            return 0;
        }
        const struct ward_change *ch = &s.changes[s.change_count - 1];
        CHECK(ch->p == p + at && ch->len == used);
        check_parts(&s, ch);
        write_again(&s, ch);
        CHECK(ward_change_skip(p + at, len - at, &head) == WARD_OK);
        CHECK(head.len == used && head.depth == ch->depth && head.wall_ms == ch->wall_ms);
        CHECK(ward_change_skip(p + at, used - 1, &head) != WARD_OK);
        at += used;
    }
    return 0;
}
