/* Comma-separated values: cells are valid text, and all records written anew, every cell in quotes, read to the same records. */
#include "domain/csv.h"
#include "base/arena.h"
#include "base/buf.h"
#include "domain/text.h"
#include "fuzz.h"

static void write_record(struct ward_buf *out, const struct plan_csv_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct plan_csv_cell *cell = &record->cells[i];
        ward_buf_add(out, i ? ",\"" : "\"", i ? 2 : 1);
        for (size_t j = 0; j < cell->len; j++)
            ward_buf_add(out, cell->text[j] == '"' ? "\"\"" : cell->text + j, cell->text[j] == '"' ? 2 : 1);
        ward_buf_add(out, "\"", 1);
    }
    ward_buf_add(out, "\r\n", 2);
}

static void check_record(const struct plan_csv_record *record, size_t line)
{
    CHECK(record->count >= 1 && record->count <= PLAN_CSV_CELLS_MAX && record->line >= line);
    for (size_t i = 0; i < record->count; i++) {
        const struct plan_csv_cell *cell = &record->cells[i];
        CHECK(cell->text[cell->len] == 0 && strlen(cell->text) == cell->len && plan_utf8_valid(cell->text, cell->len));
        CHECK(cell->line >= record->line);
    }
}

/* All records of a file, written anew; false if there is a bad one. */
static bool read_all(const char *text, size_t len, struct ward_arena *arena, struct ward_buf *out)
{
    struct plan_csv csv;
    struct plan_csv_record record;
    struct ward_error err = {0};
    bool more = true;
    size_t line = 1;
    plan_csv_init(&csv, text, len, arena);
    for (;;) {
        int rc = plan_csv_next(&csv, &record, &more, &err);
        CHECK(rc == WARD_OK || (rc == WARD_ERR_PLAN_ROW && err.detail[0]));
        if (rc || !more)
            return rc == WARD_OK;
        check_record(&record, line);
        line = record.line;
        write_record(out, &record);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_arena arena;
    struct ward_buf first, second;
    ward_arena_init(&arena, &fuzz_env);
    ward_buf_init(&first, &fuzz_env);
    ward_buf_init(&second, &fuzz_env);
    if (read_all((const char *)p, len, &arena, &first)) {
        CHECK(read_all((const char *)first.p, first.len, &arena, &second));
        CHECK(fuzz_same(first.p, first.len, second.p, second.len));
    }
    ward_buf_free(&first);
    ward_buf_free(&second);
    ward_arena_free(&arena);
    return 0;
}
