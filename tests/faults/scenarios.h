/* scenarios.h - all of them; the table is in scenarios.c. */
#ifndef WARD_FAULTS_SCENARIOS_H
#define WARD_FAULTS_SCENARIOS_H

#include "scenario.h"

extern const struct scenario scenario_commit, scenario_checkpoint, scenario_join_log, scenario_resolve, scenario_revoke, scenario_invite,
    scenario_publish;
extern const struct scenario scenario_found, scenario_open, scenario_migrate, scenario_read, scenario_verify, scenario_plan;
extern const struct scenario scenario_go_on, scenario_new_keys, scenario_admit;
extern const struct scenario scenario_sync, scenario_serve, scenario_states, scenario_settle, scenario_shrink, scenario_join;
extern const struct scenario scenario_run, scenario_bundle_write, scenario_bundle_read, scenario_backup, scenario_restore,
    scenario_restore_damaged;

#endif
