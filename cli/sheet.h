/* sheet.h - the recovery sheet as people see it: printed, read from a file, typed in line by line. */
#ifndef WARD_CLI_SHEET_H
#define WARD_CLI_SHEET_H

#include "cli.h"

#include <stdio.h>

/* The whole sheet, in both languages. coloured: for a terminal. False if it cannot be made. */
bool cli_sheet_print(FILE *out, const struct ward_sheet *sheet, const char *ward_name, const char *made, bool coloured);
/* From a file, "-" for stdin, or NULL: asked for on the terminal, each line until it fits. CLI_DONE or CLI_FAILED, reported. */
int cli_sheet_get(struct cli *c, const char *file, struct ward_sheet *out);

#endif
