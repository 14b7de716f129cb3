/* round.h - one round with a peer, as the commands that sync see it. */
#ifndef WARD_CLI_ROUND_H
#define WARD_CLI_ROUND_H

#include "out.h"

/* Runs a round with progress on stderr and an end at Ctrl-C; events and cancelling in options are set here. The model gets reached, plan,
 * peer, sent, received, bytes_out, bytes_in, refused, conflicts_new, ms, conflicts, unsent, unsent_since; reached is false where the round
 * did not come to its end, which is then reported. Returns CLI_DONE, CLI_ATTENTION, or CLI_FAILED for what trying again will not mend. */
int cli_round(struct cli *c, const struct ward_sync_options *options, json_t *model);
/* What became of it. */
void cli_round_plain(struct cli *c, const json_t *model);

#endif
