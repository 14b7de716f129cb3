/* task.h - tasks as models. */
#ifndef WARD_CLI_TASK_H
#define WARD_CLI_TASK_H

#include "out.h"

/* Rows of proposals, state as decided. */
int cli_proposal_rows(struct cli *c, json_t **out);

extern const struct cli_command cli_task_list, cli_task_show, cli_task_log;

#endif
