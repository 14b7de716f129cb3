#include "progress.h"
#include "out.h"
#include "ref.h"
#include "when.h"

#include <stdio.h>
#include <time.h>

#define LIVE_EVERY_MS  100
#define LINES_EVERY_MS 3000
#define CLOCK_WORTH_MS 120000 /* less is no news */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *progress_text(struct cli *c, const struct ward_event *event)
{
    if (event->total > 0)
        return cli_format(c, _("changes: %lld of %lld"), (long long)event->done, (long long)event->total);
    return cli_format(c, _("changes: %lld"), (long long)event->done);
}

/* Names are known only where they were loaded before; a device that is new here may come with its own. */
static const char *who(struct cli *c, const struct ward_event *event)
{
    bool named = event->type == WARD_EVENT_PEER_UP && event->text && *event->text;
    return named ? event->text : c->names ? cli_device_name(c, &event->grant) : "?";
}

const char *cli_event_text(struct cli *c, const struct ward_event *event)
{
    const char *text = event->text ? event->text : "";
    switch (event->type) {
    case WARD_EVENT_LISTENING:
        return cli_format(c, _("listening on %s"), text);
    case WARD_EVENT_PEER_UP:
        return cli_format(c, _("%s is here"), who(c, event));
    case WARD_EVENT_PEER_DOWN:
        if (event->code)
            return cli_format(c, _("%s is gone: %s"), who(c, event), ward_error_text(event->code, c->lang));
        return cli_format(c, _("%s has left"), who(c, event));
    case WARD_EVENT_PEER_REFUSED:
        return cli_format(c, _("a device was refused: %s %s"), ward_error_text(event->code, c->lang), text);
    case WARD_EVENT_PROGRESS:
        return NULL;
    case WARD_EVENT_INGESTED:
        return cli_format(c, _("taken in from %s: %lld changes"), who(c, event), (long long)event->done);
    case WARD_EVENT_RUN_REFUSED:
        return cli_format(c, _("changes from %s were refused (%d): %s %s"), who(c, event), event->code,
                          ward_error_text(event->code, c->lang), text);
    case WARD_EVENT_SYNCED:
        return cli_format(c, _("%s and this device hold the same"), who(c, event));
    case WARD_EVENT_JOINED:
        return cli_format(c, _("a new device has joined: %s. Its four words: %s"), text, event->words ? event->words : "?");
    case WARD_EVENT_CLOCK:
        if (event->done < CLOCK_WORTH_MS && event->done > -CLOCK_WORTH_MS)
            return NULL;
        return cli_format(c, _("the clock of %s differs by %s"), who(c, event), cli_span(c, event->done));
    case WARD_EVENT_RECEIPT:
        if (event->code)
            return cli_format(c, _("a receipt from %s was not kept (%d): %s"), who(c, event), event->code,
                              ward_error_text(event->code, c->lang));
        return cli_format(c, _("%s has confirmed %lld changes of this device"), who(c, event), (long long)event->done);
    case WARD_EVENT_FORK:
        return cli_format(c, _("%s has written two different histories; what lies beyond change %lld of them is set aside"), who(c, event),
                          (long long)event->done);
    case WARD_EVENT_HUB:
        if (event->code == WARD_ERR_HUB_LOST)
            return cli_format(c, _("%s no longer holds %lld changes that it had confirmed; they are sent again"), who(c, event),
                              (long long)event->done);
        return cli_format(c, _("%s: %s %s"), who(c, event), ward_error_text(event->code, c->lang), ward_error_hint(event->code, c->lang));
    case WARD_EVENT_ENDED:
        return cli_format(c, "%s %s", ward_error_text(event->code, c->lang), ward_error_hint(event->code, c->lang));
    case WARD_EVENT_BASE:
        return cli_format(c, _("%s: %s %s"), who(c, event), ward_error_text(event->code, c->lang), ward_error_hint(event->code, c->lang));
    }
    return NULL;
}

json_t *cli_event_json(struct cli *c, const struct ward_event *event)
{
    static const char *const names[] = {"listening", "peer_up",     "peer_down", "peer_refused", "progress",
                                        "ingested",  "run_refused", "synced",    "joined",       "clock",
                                        "receipt",   "fork",        "hub",       "base",         "ended"};
    (void)c;
    return json_pack("{s:s, s:i, s:o, s:I, s:I, s:s*, s:s*}", "event", names[event->type], "code", event->code, "device",
                     cli_hash_json(&event->grant), "done", (json_int_t)event->done, "total", (json_int_t)event->total, "text", event->text,
                     "words", event->words);
}

static void say(struct cli_progress *p, const char *text)
{
    if (!text)
        return;
    cli_progress_end(p);
    fprintf(stderr, "%s\n", cli_clean(p->c, text, false));
}

void cli_on_event(void *ctx, const struct ward_event *event)
{
    struct cli_progress *p = ctx;
    if (p->c->quiet || p->c->json)
        return;
    bool refused = event->type == WARD_EVENT_RUN_REFUSED || (event->type == WARD_EVENT_RECEIPT && event->code);
    if (refused || event->type == WARD_EVENT_CLOCK || event->type == WARD_EVENT_FORK || event->type == WARD_EVENT_HUB ||
        event->type == WARD_EVENT_BASE) {
        say(p, cli_event_text(p->c, event));
        return;
    }
    int64_t now = now_ms();
    bool live = cli_is_live(p->c);
    if (p->said_ms == 0 && !live)
        p->said_ms = now; /* what is over soon needs no line */
    if (event->type != WARD_EVENT_PROGRESS || now - p->said_ms < (live ? LIVE_EVERY_MS : LINES_EVERY_MS))
        return;
    p->said_ms = now;
    p->line = live;
    fprintf(stderr, live ? "\r\033[K%s" : "%s\n", progress_text(p->c, event));
    fflush(stderr);
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->line)
        fputs("\r\033[K", stderr);
    p->line = false;
}
