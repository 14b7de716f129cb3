#include "scenarios.h"

#include <stddef.h>

const struct scenario *const all_scenarios[] = {&scenario_sync,        &scenario_serve,    &scenario_states,   &scenario_settle,
                                                &scenario_join,        &scenario_go_on,    &scenario_new_keys, &scenario_admit,
                                                &scenario_found,       &scenario_open,     &scenario_migrate,  &scenario_commit,
                                                &scenario_checkpoint,  &scenario_join_log, &scenario_publish,  &scenario_resolve,
                                                &scenario_revoke,      &scenario_invite,   &scenario_run,      &scenario_bundle_write,
                                                &scenario_bundle_read, &scenario_backup,   &scenario_restore,  &scenario_restore_damaged,
                                                &scenario_read,        &scenario_verify,   &scenario_plan,     NULL};
