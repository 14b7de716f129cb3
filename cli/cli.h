/* cli.h - what every command of the program stands on: its command line, its error report, its replica, its strings. */
#ifndef WARD_CLI_H
#define WARD_CLI_H

#include <jansson.h>
#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wardsync.h>

#define _(text)  gettext(text)
#define N_(text) text

/* The program's contract with scripts. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_ATTENTION = 1, /* done, but something wants attention: conflicts, undelivered changes, a peer not reached */
    CLI_FAILED = 2,    /* nothing was changed */
    CLI_USAGE = 64
};

struct cli;

#define CLI_REQUIRED 1u
#define CLI_MANY     2u /* may be given several times */

struct cli_option {
    const char *name;
    const char *arg; /* NULL: a flag; FILE and DIR need not be UTF-8 */
    const char *doc;
    unsigned flags;
};

#define CLI_ANY SIZE_MAX

struct cli_command {
    const char *name;
    const char *summary;
    int (*run)(struct cli *c);             /* returns an enum cli_exit */
    const struct cli_command *const *subs; /* instead of run; ended by NULL */
    const char *args;                      /* as help shows them; FILE need not be UTF-8 */
    size_t args_min, args_max;             /* args_max CLI_ANY: no limit */
    const struct cli_option *options;      /* ended by a NULL name */
    const char *details;                   /* for help, after the options */
    const char *examples;                  /* for help, not translated: "  wardsync ..." lines */
};

/* One run of the program. */
struct cli {
    const char *home; /* the directory in use; NULL until it is known */
    const char *passphrase_file;
    bool json, quiet, yes;
    bool help, version; /* asked for */
    enum ward_lang lang;

    const char *path; /* "wardsync task add" */
    const struct cli_command *command;
    const char **args;
    size_t arg_count;
    struct cli_given *given;
    size_t given_count;

    uint64_t listed_of; /* how many rows there are, where a list shows the first of them; 0: it shows all */
    ward_replica *replica;
    struct ward_helper *helper; /* of the replica */
    struct cli_names *names;    /* ref.c */
    struct cli_kept *kept;      /* text.c */
};

/* ---- args.c: the command line */

/* Parses options of the whole program up to the first word that is none; *index: where it stands in argv (argc: nowhere).
 * CLI_DONE or CLI_USAGE, reported. argv[0] is not looked at. */
int cli_parse_global(struct cli *c, int argc, char **argv, int *index);
/* Parses the words of c->command into c; options of the whole program may stand among them. */
int cli_parse_command(struct cli *c, int argc, char **argv);
void cli_show_help(struct cli *c, const struct cli_command *command);

/* The value of an option ("" for a flag; given twice, the last one), NULL if it was not given. */
const char *cli_opt(const struct cli *c, const char *name);
/* All values of one that may be given several times; the array lives as long as the run. */
const char *const *cli_opt_all(struct cli *c, const char *name, size_t *count);
/* A whole number within bounds; *out is left alone where the option was not given. CLI_DONE or CLI_USAGE, reported. */
int cli_opt_number(struct cli *c, const char *name, int64_t min, int64_t max, int64_t *out);
/* The nth argument, or NULL. */
const char *cli_arg(const struct cli *c, size_t n);

/* ---- error.c */

/* Reports on stderr, for people or as JSON; returns CLI_FAILED. */
int cli_fail(struct cli *c, const struct ward_error *err);
/* The same for what the program itself finds wrong; the detail is in the user's language. */
int cli_refuse(struct cli *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Reports a wrong command line; returns CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A remark on stderr, for people only and not with --quiet. */
void cli_note(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* {code, name, class, message, hint}; and the message alone. */
json_t *cli_error_json(struct cli *c, const struct ward_error *err);
const char *cli_error_text(struct cli *c, const struct ward_error *err);

/* ---- lang.c */

/* Sets the locale and the language of messages: wanted (vi, en), or NULL for the locale's. */
void cli_set_language(struct cli *c, const char *wanted);

/* ---- home.c */

/* --home, WARDSYNC_HOME, $XDG_DATA_HOME/wardsync, ~/.local/share/wardsync. CLI_DONE or CLI_FAILED, reported. */
int cli_find_home(struct cli *c);
/* Opens c->replica, for writing too or for reading only. CLI_DONE or CLI_FAILED, reported. */
int cli_open(struct cli *c);
int cli_open_to_read(struct cli *c);
/* --device, else the computer's name. */
const char *cli_own_device_name(struct cli *c);

/* ---- text.c: strings that live as long as the run, or until what was kept since some point is freed */

void *cli_keep(struct cli *c, void *p); /* stops the program where p is NULL */
/* Frees what was kept after `until` (what c->kept was then), or all: NULL. Whoever goes on for days does so after each step. */
void cli_kept_free(struct cli *c, const struct cli_kept *until);
const char *cli_format(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool cli_is_utf8(const char *text);
/* A text argument: itself, or the content of a file (@FILE) or of stdin (-). CLI_DONE or CLI_FAILED, reported (UTF-8 is checked). NULL
 * stays NULL. */
int cli_long_text(struct cli *c, const char *arg, const char **out);
/* For a terminal: what could move the cursor is replaced; so are newlines unless lines is set. */
const char *cli_clean(struct cli *c, const char *text, bool lines);

/* ---- ask.c: questions, on a terminal only */

bool cli_can_ask(const struct cli *c);
/* True if --yes was given, nobody can be asked, or the answer is yes. */
bool cli_confirm(struct cli *c, const char *question);
/* One line without its newline; NULL at the end of input. */
const char *cli_ask(struct cli *c, const char *question);

#endif
