/* request.h - who asks for rights, shown to who is to grant them. */
#ifndef WARD_CLI_REQUEST_H
#define WARD_CLI_REQUEST_H

#include "cli.h"

/* {name, unit, role, words, replaces, granted}. After cli_names. */
json_t *cli_request_json(struct cli *c, const struct ward_request_info *info);

#endif
