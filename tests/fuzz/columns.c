/* Columns from anyone, without the zstd frame around them: refused, or bodies within the limit. Bodies, wherever they come from, that can
 * be read come back as they were. The first byte tells which of the two the input is, the next two how many changes there are. */
#include "values/columns.h"
#include "base/limits.h"
#include "fuzz.h"
#include "values/change.h"

static void there_and_back(const uint8_t *p, size_t len, uint32_t count)
{
    struct ward_buf columns, back;
    size_t ends[WARD_COLUMN_GROUPS];
    ward_buf_init(&columns, &fuzz_env);
    ward_buf_init(&back, &fuzz_env);
    int rc = ward_columns_split(&columns, ends, p, len, count, NULL);
    CHECK(rc == WARD_OK || (rc >= 200 && rc < 400));
    if (rc == WARD_OK) {
        for (size_t i = 1; i < WARD_COLUMN_GROUPS; i++)
            CHECK(ends[i - 1] <= ends[i]);
        CHECK(ends[WARD_COLUMN_GROUPS - 1] == columns.len);
        rc = ward_columns_join(&back, columns.p, columns.len, count, NULL);
        CHECK(rc == WARD_OK ? fuzz_same(back.p, back.len, p, len) : rc == WARD_ERR_LIMIT_RUN && len > WARD_RUN_RAW_MAX);
    }
    ward_buf_free(&columns);
    ward_buf_free(&back);
}

/* How many bodies stand at the front. */
static uint32_t bodies_in(const uint8_t *p, size_t len, size_t *used)
{
    static struct ward_scratch s;
    uint32_t count = 0;
    size_t n;
    if (!s.env)
        ward_scratch_init(&s, &fuzz_env);
    for (*used = 0; *used < len; *used += n, count++) {
        ward_scratch_clear(&s);
        if (ward_change_parse(&s, p + *used, len - *used, &n, NULL))
            break;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_buf out;
    struct ward_error err = {0};
    size_t used;
    if (len < 3)
        return 0;
    uint32_t count = 1 + (p[1] | (uint32_t)p[2] << 8) % WARD_RUN_CHANGES_MAX;
    if (p[0] & 1) {
        count = bodies_in(p + 3, len - 3, &used);
        if (count)
            there_and_back(p + 3, used, count);
        return 0;
    }
    ward_buf_init(&out, &fuzz_env);
    int rc = ward_columns_join(&out, p + 3, len - 3, count, &err);
    CHECK(rc == err.code && (rc == WARD_OK || rc == WARD_ERR_LIMIT_RUN || rc == WARD_ERR_CODEC));
    CHECK(out.cap <= 4 * WARD_RUN_RAW_MAX);
    if (rc == WARD_OK) {
        CHECK(out.p && out.len <= WARD_RUN_RAW_MAX);
        there_and_back(out.p, out.len, count);
    }
    ward_buf_free(&out);
    return 0;
}
