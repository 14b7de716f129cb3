/* qr.h - a QR code of block characters, two rows to a line. */
#ifndef WARD_CLI_QR_H
#define WARD_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Dark on light: on paper the characters are the ink; on a terminal (coloured) both colours are set. False if it cannot be made. */
bool cli_qr_print(FILE *out, const char *text, bool coloured);

#endif
