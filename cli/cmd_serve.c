#include "commands.h"
#include "out.h"
#include "progress.h"
#include "ref.h"
#include "when.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define DEFAULT_ADDRESS "tcp://*:7450"
#define STEP_MS         500
#define OWN_PAGES       16384 /* bytes */

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

struct serving {
    struct cli *c;
    bool names_stale;
    size_t addresses;
    json_t *listening; /* with --json, until it is printed */
};

static void on_event(void *ctx, const struct ward_event *event)
{
    struct serving *s = ctx;
    struct cli *c = s->c;
    if (event->type == WARD_EVENT_LISTENING && !c->json) {
        printf("listening on %s\n", event->text); /* scripts wait for it: never translated */
        fflush(stdout);
        return;
    }
    if (event->type == WARD_EVENT_LISTENING) {
        json_array_append_new(s->listening, json_string(event->text));
        return;
    }
    s->names_stale = s->names_stale || event->type == WARD_EVENT_JOINED || event->type == WARD_EVENT_INGESTED;
    if (c->json) {
        json_auto_t *line = cli_event_json(c, event);
        json_dumpf(line, stderr, JSON_COMPACT);
        fputc('\n', stderr);
        return;
    }
    const char *text = c->quiet ? NULL : cli_event_text(c, event);
    if (text)
        fprintf(stderr, "%s\n", cli_clean(c, text, false));
}

/* Trouble that may pass: nobody's acknowledged work is touched by it, so the hub says so and goes on. */
static bool passes(int code)
{
    return code == WARD_ERR_DISK_FULL || code == WARD_ERR_BUSY || code == WARD_ERR_MEMORY;
}

static int serve(struct cli *c, ward_server *server, struct serving *s)
{
    const struct timespec pause = {.tv_sec = 1};
    const struct cli_kept *before = c->kept;
    for (; !stopping; cli_kept_free(c, before)) {
        struct ward_error err = {0};
        if (ward_serve_step(server, STEP_MS, &err)) {
            int rc = cli_fail(c, &err);
            if (!passes(err.code))
                return rc;
            nanosleep(&pause, NULL);
            continue;
        }
        if (s->names_stale) {
            cli_names_forget(c);
            if (cli_names(c))
                return CLI_FAILED;
        }
        s->names_stale = false;
    }
    return CLI_DONE;
}

/* libzmq takes four aligned blocks of 16 KiB for each connection, and glibc before 2.38 does not find those again that were freed
 * (https://sourceware.org/bugzilla/show_bug.cgi?id=14581): the heap of a hub would grow with each call. In pages of their own they go back.
 */
static void lay_out_heap(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, OWN_PAGES);
#endif
}

static int run(struct cli *c)
{
    static const char *const usual[] = {DEFAULT_ADDRESS};
    struct ward_error err = {0};
    struct ward_status status;
    int64_t every_ms = 60000;
    ward_server *server;
    size_t count;
    const char *const *addresses = cli_opt_all(c, "listen", &count);
    int rc = cli_opt_span(c, "every", &every_ms);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_names(c);
    if (rc)
        return rc;

    json_auto_t *model = json_pack("{s:[]}", "listening");
    struct serving s = {.c = c, .listening = json_object_get(model, "listening")};
    struct ward_serve_options options = {
        .listen = count ? addresses : usual, .listen_count = count ? count : 1, .every_ms = (int)every_ms, .on_event = on_event, .ctx = &s};
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    lay_out_heap();
    if (ward_serve_open(c->replica, &options, &server, &err))
        return cli_fail(c, &err);
    rc = cli_answer(c, CLI_DONE, model, NULL);
    if (rc == CLI_DONE && !c->json && !c->quiet && ward_status(c->replica, &status, NULL) == WARD_OK && status.awaited)
        cli_note(
            c,
            _("This replica was restored from a backup. Devices not met since: %zu. Let them sync before anything is written here: what "
              "was written after the backup comes back with them."),
            status.awaited);
    if (rc == CLI_DONE)
        rc = serve(c, server, &s);
    ward_serve_close(server);
    return rc;
}

static const struct cli_option options_of_serve[] = {
    {"listen", "ADDR", N_("where to answer, tcp://HOST:PORT (else tcp://*:7450); port 0 picks one"), CLI_MANY},
    {"every", "SPAN", N_("how often to sync upward with the hub (else 60s, 0: never)"), 0},
    {0},
};

const struct cli_command cmd_serve = {
    .name = "serve",
    .summary = N_("answers other devices and keeps live links; a hub runs this"),
    .run = run,
    .options = options_of_serve,
    .details = N_("First prints `listening on tcp://HOST:PORT`, then tells on stderr what happens. Runs until it is interrupted. Other "
                  "commands may be used on the same replica meanwhile."),
    .examples = "  wardsync serve --listen tcp://0.0.0.0:7450\n  wardsync serve --listen tcp://127.0.0.1:0 --every 5m\n",
};
