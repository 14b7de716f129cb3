/* commands.h - the commands, one file each. */
#ifndef WARD_CLI_COMMANDS_H
#define WARD_CLI_COMMANDS_H

#include "cli.h"

extern const struct cli_command cmd_init, cmd_unit, cmd_invite, cmd_join, cmd_admit, cmd_device, cmd_plan, cmd_task, cmd_event, cmd_report,
    cmd_proposal, cmd_finding, cmd_status, cmd_sync, cmd_serve, cmd_bundle, cmd_conflict, cmd_log, cmd_verify, cmd_backup, cmd_restore,
    cmd_key, cmd_key_rotate, cmd_key_sheet, cmd_key_check_sheet, cmd_recover, cmd_doctor, cmd_receipt, cmd_aside, cmd_hub, cmd_fork,
    cmd_compact;

/* cmd_fork.c: as `fork list` and `status` tell them (NULL: told on stderr), and how many of them are not settled. */
json_t *cli_forks_json(struct cli *c);
size_t cli_forks_open(const json_t *forks);

#endif
