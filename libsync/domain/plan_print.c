#include "domain/plan_print.h"

#include <string.h>

#include "base/err.h"

#define PRINT_BYTES 8 /* field number (2), beginning of the hash of the text (6) */

static void make(uint8_t out[PRINT_BYTES], const struct plan_cell *cell)
{
    static const struct ward_id nobody;
    struct ward_id hash;
    ward_id_derive(&hash, &nobody, cell->text, cell->len);
    out[0] = (uint8_t)(cell->rule->def.number >> 8);
    out[1] = (uint8_t)cell->rule->def.number;
    memcpy(out + 2, hash.b, PRINT_BYTES - 2);
}

static uint32_t prints_field(uint32_t kind)
{
    return ward_plan_field_named(kind, "imported")->number;
}

/* All prints of a record, a whole number of them. */
static size_t kept(const struct plan_form *form, const uint8_t **out)
{
    struct ward_value prints = plan_form_value(form, prints_field(form->kind));
    *out = prints.p;
    return prints.type == WARD_BYTES ? prints.len / PRINT_BYTES : 0;
}

bool plan_print_same(const struct plan_form *form, const struct plan_cell *cell)
{
    const uint8_t *prints;
    uint8_t print[PRINT_BYTES];
    size_t count = kept(form, &prints);
    make(print, cell);
    for (size_t i = 0; i < count; i++)
        if (memcmp(prints + i * PRINT_BYTES, print, 2) == 0)
            return cell->len > 0 && memcmp(prints + i * PRINT_BYTES, print, PRINT_BYTES) == 0;
    return cell->len == 0;
}

int plan_print_write(struct plan_form *form, const struct plan_row *row, struct ward_error *err)
{
    const uint8_t *prints;
    size_t count = kept(form, &prints), len = 0;
    uint8_t *all = ward_arena_take(&form->arena, (count + row->count + 1) * PRINT_BYTES);
    if (!all)
        return ward_fail(err, WARD_ERR_MEMORY, "row");
    for (size_t i = 0; i < count; i++) {
        const uint8_t *print = prints + i * PRINT_BYTES;
        if (!plan_row_cell(row, (uint32_t)print[0] << 8 | print[1])) {
            memcpy(all + len, print, PRINT_BYTES);
            len += PRINT_BYTES;
        }
    }
    for (size_t i = 0; i < row->count; i++) {
        if (row->cells[i].len > 0) {
            make(all + len, &row->cells[i]);
            len += PRINT_BYTES;
        }
    }
    struct ward_value value = ward_value_bytes(all, len);
    return plan_form_set(form, prints_field(form->kind), &value, err);
}
