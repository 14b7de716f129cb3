/* attention.h - what wants attention, said the same way by every command. */
#ifndef WARD_CLI_ATTENTION_H
#define WARD_CLI_ATTENTION_H

#include "out.h"

/* From the model's members of those names: ended (this device's rights), conflicts, unsent and unsent_since, hub_lost, hub_rewrote, awaited
 * and restored; nothing is said of what is 0, false or missing. */
void cli_attention(struct cli *c, const json_t *model);

#endif
