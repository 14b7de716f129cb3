/* request.h - who asks for rights: shown to who is to grant them, and told where the request is. */
#ifndef WARD_CLI_REQUEST_H
#define WARD_CLI_REQUEST_H

#include "cli.h"

/* {name, unit, role, words, replaces, granted}. After cli_names. */
json_t *cli_request_json(struct cli *c, const struct ward_request_info *info);
/* {request, words}: the file that was written, and what to do with it. */
void cli_request_file_plain(struct cli *c, const json_t *model);

#endif
