#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_given {
    const struct cli_option *option;
    const char *value;
};

enum {
    KEY_HELP = 'h',
    KEY_HOME = 0x800,
    KEY_JSON,
    KEY_LANG,
    KEY_QUIET,
    KEY_YES,
    KEY_PASSPHRASE,
    KEY_VERSION,
    KEY_OPTION = 0x1000, /* + index into the command's options */
    KEY_OPTION_END = 0x2000
};

static const struct argp_option global_options[] = {
    {NULL, 0, NULL, 0, N_("Options of the whole program:"), 9},
    {"home", KEY_HOME, "DIR", 0, N_("the replica's directory (else WARDSYNC_HOME, $XDG_DATA_HOME/wardsync)"), 9},
    {"json", KEY_JSON, NULL, 0, N_("answer with one JSON document"), 9},
    {"lang", KEY_LANG, "vi|en", 0, N_("language of messages (else the locale's)"), 9},
    {"quiet", KEY_QUIET, NULL, 0, N_("no progress and no remarks"), 9},
    {"yes", KEY_YES, NULL, 0, N_("do not ask, go on"), 9},
    {"passphrase-file", KEY_PASSPHRASE, "FILE", 0, N_("file with the passphrase, for key files that are sealed with one"), 9},
    {"help", KEY_HELP, NULL, 0, N_("show this help"), 9},
    {"version", KEY_VERSION, NULL, 0, N_("show the version"), 9},
    {0},
};

/* What the parsers below share. */
struct parsing {
    struct cli *c;
    const struct cli_option *options; /* of the command, or NULL */
    int index;                        /* of the first word that is no option */
    bool reported;
};

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
    struct parsing *p = state->input;
    switch (key) {
    case KEY_HOME:
        p->c->home = arg;
        return 0;
    case KEY_JSON:
        p->c->json = true;
        return 0;
    case KEY_LANG: /* obeyed before all else, see main */
        if (strcmp(arg, "vi") == 0 || strcmp(arg, "en") == 0)
            return 0;
        cli_usage(p->c, _("--lang is vi or en, not '%s'"), arg);
        p->reported = true;
        return ECANCELED;
    case KEY_QUIET:
        p->c->quiet = true;
        return 0;
    case KEY_YES:
        p->c->yes = true;
        return 0;
    case KEY_PASSPHRASE:
        p->c->passphrase_file = arg;
        return 0;
    case KEY_HELP:
        p->c->help = true;
        return 0;
    case KEY_VERSION:
        p->c->version = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp global_argp = {.options = global_options, .parser = parse_global};
static const struct argp_child global_child[] = {{&global_argp, 0, NULL, 0}, {0}};

/* What getopt stumbled over is the word before the next one; only the table tells an unknown option from one without its value. */
static void report_bad_option(struct parsing *p, const struct argp_state *state)
{
    if (p->reported)
        return;
    const char *word = state->next > 0 ? state->argv[state->next - 1] : "";
    p->reported = true;
    for (const struct cli_option *o = p->options; o && o->name; o++)
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) {
            cli_usage(p->c, _("the option '%s' needs a value: %s"), word, o->arg);
            return;
        }
    cli_usage(p->c, _("there is no such option, or its value is missing or needless: '%s'"), word);
}

/* The messages of argp and getopt come from libc, whose translation a machine may not have: they are silenced and said by us. */
static int run_argp(const struct argp *argp, int argc, char **argv, unsigned flags, struct parsing *p)
{
    error_t rc = argp_parse(argp, argc, argv, flags | ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, p);
    if (rc == ENOMEM)
        abort();
    return rc ? CLI_USAGE : CLI_DONE;
}

/* ---- before the command */

static error_t parse_first(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    struct parsing *p = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = p;
        return 0;
    case ARGP_KEY_ARG: /* what follows is not ours */
        p->index = state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_ERROR:
        report_bad_option(p, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cli_parse_global(struct cli *c, int argc, char **argv, int *index)
{
    static const struct argp first = {.parser = parse_first, .children = global_child};
    struct parsing p = {.c = c, .index = argc};
    int rc = run_argp(&first, argc, argv, ARGP_IN_ORDER, &p);
    *index = p.index;
    return rc;
}

/* ---- the command's own words */

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
    struct parsing *p = state->input;
    struct cli *c = p->c;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = p;
        return 0;
    case ARGP_KEY_ARG:
        c->args[c->arg_count++] = arg;
        return 0;
    case ARGP_KEY_ERROR:
        report_bad_option(p, state);
        return 0;
    default:
        if (key < KEY_OPTION || key >= KEY_OPTION_END)
            return ARGP_ERR_UNKNOWN;
        c->given[c->given_count++] = (struct cli_given){&p->options[key - KEY_OPTION], arg ? arg : ""};
        return 0;
    }
}

static size_t option_count(const struct cli_command *command)
{
    size_t n = 0;
    while (command->options && command->options[n].name)
        n++;
    return n;
}

/* The command's options as argp wants them; NULL for none. */
static struct argp_option *argp_options(struct cli *c, const struct cli_command *command)
{
    size_t n = option_count(command);
    if (n == 0)
        return NULL;
    struct argp_option *out = cli_keep(c, calloc(n + 1, sizeof *out));
    for (size_t i = 0; i < n; i++) {
        const struct cli_option *o = &command->options[i];
        const char *mark = o->flags & CLI_REQUIRED ? _(" (required)") : o->flags & CLI_MANY ? _(" (may be repeated)") : "";
        out[i].name = o->name;
        out[i].key = KEY_OPTION + (int)i;
        out[i].arg = o->arg;
        out[i].doc = cli_format(c, "%s%s", _(o->doc), mark);
    }
    return out;
}

static int check_text(struct cli *c, const char *text)
{
    return cli_is_utf8(text) ? CLI_DONE : cli_refuse(c, WARD_ERR_UTF8, "%s", cli_clean(c, text, false));
}

static int check_words(struct cli *c)
{
    const struct cli_command *command = c->command;
    if (c->arg_count < command->args_min)
        return cli_usage(c, _("something is missing: %s"), command->args);
    if (c->arg_count > command->args_max)
        return cli_usage(c, _("one word too many: '%s'"), c->args[command->args_max]);
    for (const struct cli_option *o = command->options; o && o->name; o++)
        if (o->flags & CLI_REQUIRED && !cli_opt(c, o->name))
            return cli_usage(c, _("--%s is required"), o->name);
    int rc = CLI_DONE;
    for (size_t i = 0; i < c->arg_count && rc == CLI_DONE; i++)
        if (!command->args || !strstr(command->args, "FILE"))
            rc = check_text(c, c->args[i]);
    for (size_t i = 0; i < c->given_count && rc == CLI_DONE; i++)
        if (c->given[i].option->arg && strcmp(c->given[i].option->arg, "FILE") != 0)
            rc = check_text(c, c->given[i].value);
    return rc;
}

int cli_parse_command(struct cli *c, int argc, char **argv)
{
    const struct argp own = {.options = argp_options(c, c->command), .parser = parse_own, .children = global_child};
    struct parsing p = {.c = c, .options = c->command->options};
    c->args = cli_keep(c, calloc((size_t)argc + 1, sizeof *c->args));
    c->given = cli_keep(c, calloc((size_t)argc + 1, sizeof *c->given));
    int rc = run_argp(&own, argc, argv, 0, &p);
    return rc || c->help || c->version ? rc : check_words(c);
}

/* The commands of a group as argp wants them. */
static struct argp_option *argp_commands(struct cli *c, const struct cli_command *const *subs)
{
    size_t n = 0;
    while (subs[n])
        n++;
    struct argp_option *out = cli_keep(c, calloc(n + 2, sizeof *out));
    out[0] = (struct argp_option){.doc = _("Commands:"), .group = 1};
    for (size_t i = 0; i < n; i++)
        out[i + 1] = (struct argp_option){.name = subs[i]->name, .flags = OPTION_DOC, .doc = _(subs[i]->summary), .group = 1};
    return out;
}

void cli_show_help(struct cli *c, const struct cli_command *command)
{
    const char *details = command->details ? _(command->details) : "";
    /* argp would look the commands' names up too: in a domain of which there is none, they stay what they are. */
    const struct argp own = {.options = command->subs ? argp_commands(c, command->subs) : argp_options(c, command),
                             .parser = parse_own,
                             .argp_domain = "wardsync-names"};
    const struct argp_child children[] = {{&own, 0, NULL, 0}, {&global_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {.args_doc = command->subs ? "COMMAND" : command->args,
                              .doc = details[0] ? cli_format(c, "%s\v%s", _(command->summary), details) : _(command->summary),
                              .children = children};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): argp does not write to the name, but does not say so
    argp_help(&argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC, (char *)(uintptr_t)c->path);
    printf("\n%s\n%s", _("Examples:"), command->examples);
}

/* ---- what was given */

const char *cli_opt(const struct cli *c, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0)
            value = c->given[i].value;
    return value;
}

const char *const *cli_opt_all(struct cli *c, const char *name, size_t *count)
{
    const char **out = cli_keep(c, calloc(c->given_count + 1, sizeof *out));
    size_t n = 0;
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, name) == 0)
            out[n++] = c->given[i].value;
    *count = n;
    return out;
}

int cli_opt_number(struct cli *c, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *text = cli_opt(c, name);
    if (!text)
        return CLI_DONE;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < min || n > max)
        return cli_usage(c, _("--%s is a whole number from %lld to %lld, not '%s'"), name, (long long)min, (long long)max, text);
    *out = n;
    return CLI_DONE;
}

const char *cli_arg(const struct cli *c, size_t n)
{
    return n < c->arg_count ? c->args[n] : NULL;
}
