#include "replica/reading.h"
#include "base/err.h"
#include "values/feed.h"
#include "values/seal.h"

void ward_read_bodies(struct ward_reading *x, struct ward_scratch *s, const uint8_t *p, size_t len)
{
    size_t at = 0, used = 0;
    ward_scratch_clear(s);
    x->hash = x->before;
    for (uint64_t seq = x->first; seq <= x->last; seq++, at += used) {
        x->code = ward_change_parse(s, p + at, len - at, &used, &x->why);
        if (!x->code && x->ops_max && s->op_count > x->ops_max)
            x->code = ward_fail(&x->why, WARD_ERR_MEMORY, "operations");
        if (x->code) {
            ward_at(&x->why, x->code, "change %llu", (unsigned long long)seq);
            return;
        }
        ward_chain(&x->hash, seq, &x->hash, p + at, used);
        if (seq == x->mark)
            x->at_mark = x->hash;
    }
    if (at != len)
        x->code = ward_fail(&x->why, WARD_ERR_TRAILING, "%zu bytes after the last change", len - at);
    else if (!ward_seal_check(x->sig, &x->feed, x->last, &x->hash, x->sign_pk))
        x->code = ward_fail(&x->why, WARD_ERR_SEAL, "change %llu", (unsigned long long)x->last);
}
