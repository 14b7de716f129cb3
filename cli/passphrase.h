/* passphrase.h - where passphrases come from. Whoever gets one wipes it (explicit_bzero). */
#ifndef WARD_CLI_PASSPHRASE_H
#define WARD_CLI_PASSPHRASE_H

#include "cli.h"

/* For ward_options, ctx is the struct cli: --passphrase-file, else the terminal. */
int cli_passphrase(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);
/* The recovery sheet's own: from a file (NULL: the terminal). 0 or a code, in err too. */
int cli_passphrase_of_sheet(struct cli *c, const char *file, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);
/* A new one: from a file, or typed twice. */
int cli_passphrase_new(struct cli *c, const char *file, const char *question, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);
/* Fills err; returns code. */
int cli_say_error(struct ward_error *err, int code, const char *detail);

#endif
