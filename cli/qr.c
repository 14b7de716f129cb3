#include "qr.h"

#include <qrencode.h>

#define QUIET 4 /* light modules around, as the standard asks for */

static bool is_dark(const QRcode *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width && qr->data[y * qr->width + x] & 1;
}

bool cli_qr_print(FILE *out, const char *text, bool coloured)
{
    static const char *const blocks[] = {" ", "▄", "▀", "█"};
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!qr)
        return false;
    for (int y = -QUIET; y < qr->width + QUIET; y += 2) {
        fputs(coloured ? "\033[30;107m" : "", out);
        for (int x = -QUIET; x < qr->width + QUIET; x++)
            fputs(blocks[is_dark(qr, x, y) * 2 + is_dark(qr, x, y + 1)], out);
        fputs(coloured ? "\033[0m\n" : "\n", out);
    }
    QRcode_free(qr);
    return true;
}
