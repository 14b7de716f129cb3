/* progress.h - events of the library as lines on stderr. */
#ifndef WARD_CLI_PROGRESS_H
#define WARD_CLI_PROGRESS_H

#include "cli.h"

struct cli_progress {
    struct cli *c;
    int64_t said_ms; /* when a line was last written */
    bool line;       /* an unfinished line stands on the terminal */
};

/* A ward_event_fn; ctx is a struct cli_progress. One moving line on a terminal, a line every few seconds elsewhere. */
void cli_on_event(void *ctx, const struct ward_event *event);
/* Takes the moving line away. */
void cli_progress_end(struct cli_progress *p);
/* The event as a line for people; NULL for those that are not worth one. */
const char *cli_event_text(struct cli *c, const struct ward_event *event);
json_t *cli_event_json(struct cli *c, const struct ward_event *event);

#endif
