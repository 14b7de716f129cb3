/* kinds.h - what kinds and fields are called: stable names for programs, labels for people. */
#ifndef WARD_CLI_KINDS_H
#define WARD_CLI_KINDS_H

#include "cli.h"

/* The core's own kinds and fields: proto/authority.md. */
enum { CLI_KIND_GRANT = 1, CLI_KIND_INVITATION, CLI_KIND_REASON, CLI_KIND_WARD };
enum { CLI_GRANT_CUT = 12, CLI_INVITATION_UNIT = 8, CLI_INVITATION_ROLE = 12, CLI_INVITATION_EXPIRES = 16, CLI_REASON_TEXT = 4 };

/* Numbers as digits where a name is unknown. */
const char *cli_kind_name(struct cli *c, uint32_t kind);
const char *cli_field_name(struct cli *c, uint32_t kind, uint32_t field);
/* And back; 0 for what is unknown. */
uint32_t cli_kind_number(const char *name);
uint32_t cli_field_number(uint32_t kind, const char *name);
const char *cli_kind_label(struct cli *c, uint32_t kind);
const char *cli_field_label(struct cli *c, uint32_t kind, uint32_t field); /* NULL: not for people */

#endif
