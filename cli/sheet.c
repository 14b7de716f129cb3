#include "sheet.h"
#include "qr.h"

#include <string.h>

static void print_id(FILE *out, const struct ward_hash *ward)
{
    char hex[WARD_HASH_HEX];
    ward_hash_hex(hex, ward);
    for (size_t i = 0; i < 64; i += 4)
        fprintf(out, "%.4s%s", hex + i, i == 60 ? "\n" : " ");
}

/* In both languages whatever the user's is: who finds it in years may read the other. No line of it starts with a number of 1 to 12. */
bool cli_sheet_print(FILE *out, const struct ward_sheet *sheet, const char *ward_name, const char *made, bool coloured)
{
    fputs("PHIẾU KHÔI PHỤC - RECOVERY SHEET\n\n", out);
    fprintf(out, "Phường / Ward:   %s\nLập ngày / Made: %s\nMã / Ward id:    ", ward_name, made);
    print_id(out, &sheet->ward);
    fputs("\nPhiếu này giữ khoá gốc của phường, được niêm phong bằng mật khẩu riêng. Khi mọi máy điều\n"
          "phối và máy trung tâm đã mất hoặc hỏng, phiếu này cùng mật khẩu lập được máy điều phối mới:\n"
          "    wardsync recover TỆP-PHIẾU --unit MÃ-ĐƠN-VỊ --bundle TỆP-CỦA-MỘT-MÁY-CHI-BỘ\n"
          "Hãy in hoặc chép ra giấy, cất nơi có khoá, không cất cùng mật khẩu; rồi kiểm tra bản giấy:\n"
          "    wardsync key check-sheet\n"
          "Ai có cả phiếu và mật khẩu thì có toàn quyền của phường.\n",
          out);
    fputs("\nThis sheet holds the ward's root key, sealed with a passphrase of its own. When every operator's\n"
          "device and the hub are lost or broken, the sheet and its passphrase make a new operator's device:\n"
          "    wardsync recover SHEET-FILE --unit CODE --bundle FILE-FROM-ANY-CELL\n"
          "Print it or copy it by hand, keep it under lock, away from the passphrase; then check the paper:\n"
          "    wardsync key check-sheet\n"
          "Whoever has both the sheet and the passphrase has every right in the ward.\n\n",
          out);
    for (unsigned i = 0; i < WARD_SHEET_LINES; i++)
        fprintf(out, "    %2u   %s\n", i + 1, sheet->line[i]);
    fputs("\nNhóm cuối mỗi dòng để kiểm tra lỗi gõ. The last group of a line finds typing errors.\n\n", out);
    bool made_picture = cli_qr_print(out, sheet->code, coloured);
    fprintf(out, "\n%s\n", sheet->code);
    return made_picture;
}

/* "3, 7" */
static const char *line_numbers(struct cli *c, uint32_t bad)
{
    const char *list = "";
    for (unsigned i = 0; i < WARD_SHEET_LINES; i++)
        if (bad & (1u << i))
            list = cli_format(c, "%s%s%u", list, *list ? ", " : "", i + 1);
    return list;
}

static int read_whole(struct cli *c, const char *text, struct ward_sheet *out)
{
    struct ward_error err = {0};
    uint32_t bad = 0;
    int rc = ward_sheet_read(text, out, &bad, &err);
    if (rc == WARD_ERR_SHEET && bad)
        return cli_refuse(c, rc, _("these lines are missing or mistyped: %s"), line_numbers(c, bad));
    return rc ? cli_fail(c, &err) : CLI_DONE;
}

/* Line by line; what was mistyped is asked for again at once. */
static int type_in(struct cli *c, struct ward_sheet *out)
{
    const char *text = "";
    if (!cli_can_ask(c))
        return cli_usage(c, _("nobody can be asked here: name the sheet's file"));
    fprintf(stderr, "%s\n", _("Type the lines of the sheet, without their numbers; blanks do not matter."));
    for (unsigned n = 1; n <= WARD_SHEET_LINES; n++) {
        const char *line = cli_ask(c, cli_format(c, "%2u:", n));
        if (!line)
            return cli_refuse(c, WARD_ERR_CANCELLED, "%s", c->path);
        if (!ward_sheet_line_fits(n, line)) {
            fprintf(stderr, _("Line %u does not fit; look at it once more.\n"), n);
            n--;
            continue;
        }
        text = cli_format(c, "%s%u %s\n", text, n, line);
    }
    return read_whole(c, text, out);
}

int cli_sheet_get(struct cli *c, const char *file, struct ward_sheet *out)
{
    const char *text;
    if (!file)
        return type_in(c, out);
    int rc = cli_long_text(c, strcmp(file, "-") == 0 ? file : cli_format(c, "@%s", file), &text);
    return rc ? rc : read_whole(c, text, out);
}
