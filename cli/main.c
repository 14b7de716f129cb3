/* main.c - the table of commands, and the way from the command line to one of them. */
#include "commands.h"
#include "ref.h"

#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &cmd_init,     &cmd_unit,    &cmd_invite,  &cmd_join,   &cmd_admit,   &cmd_device, &cmd_plan,     &cmd_task, &cmd_event,   &cmd_report,
    &cmd_proposal, &cmd_finding, &cmd_status,  &cmd_sync,   &cmd_serve,   &cmd_bundle, &cmd_conflict, &cmd_log,  &cmd_verify,  &cmd_backup,
    &cmd_restore,  &cmd_key,     &cmd_recover, &cmd_doctor, &cmd_receipt, &cmd_aside,  &cmd_hub,      &cmd_fork, &cmd_compact, NULL};

static const struct cli_command program = {
    .name = "wardsync",
    .summary = N_("Keeps one plan's tasks together on many laptops with bad networks: offline first, signed, nothing lost."),
    .subs = commands,
    .details = N_("Options may stand before or after the command. `wardsync help COMMAND` shows how a command is used. Exit codes: 0 done; "
                  "1 done, but something wants "
                  "attention (open conflicts, changes not delivered, a peer not reached); 2 failed, nothing was changed; 64 wrong usage."),
    .examples = "  wardsync init --ward \"Phường Bạch Đằng\" --unit BXDĐ --unit-name \"Ban Xây dựng Đảng\"\n"
                "  wardsync task list --mine --due-within 7d\n"
                "  wardsync sync\n",
};

static const struct cli_command *find(const struct cli_command *parent, const char *name)
{
    for (size_t i = 0; parent->subs[i]; i++)
        if (strcmp(parent->subs[i]->name, name) == 0)
            return parent->subs[i];
    return NULL;
}

/* Goes down the table by the words of the command line; *argv then starts with the command's last word. */
static int find_command(struct cli *c, int *argc, char ***argv)
{
    c->command = &program;
    while (c->command->subs) {
        int index, rc = cli_parse_global(c, *argc, *argv, &index);
        if (rc || index == *argc)
            return rc;
        *argc -= index;
        *argv += index;
        if (c->command == &program && strcmp((*argv)[0], "help") == 0) {
            c->help = true;
            continue;
        }
        const struct cli_command *next = find(c->command, (*argv)[0]);
        if (!next)
            return cli_usage(c, _("there is no command '%s'"), (*argv)[0]);
        c->command = next;
        c->path = cli_format(c, "%s %s", c->path, next->name);
    }
    return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
    int rc = find_command(c, &argc, &argv);
    if (rc == CLI_DONE && c->command->run && !c->help)
        rc = cli_parse_command(c, argc, argv);
    if (rc)
        return rc;
    if (c->version) {
        puts("wardsync " WARDSYNC_VERSION);
        return CLI_DONE;
    }
    if (c->help) {
        cli_show_help(c, c->command);
        return CLI_DONE;
    }
    if (!c->command->run)
        return cli_usage(c, _("which command?"));
    return c->command->run(c);
}

/* What decides how everything else is said, errors in the command line included. */
static void look_ahead(struct cli *c, int argc, char **argv)
{
    const char *lang = NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            c->json = true;
        else if (strncmp(argv[i], "--lang=", 7) == 0)
            lang = argv[i] + 7;
        else if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
            lang = argv[i + 1];
    }
    cli_set_language(c, lang);
}

int main(int argc, char **argv)
{
    struct cli c = {.path = "wardsync"};
    look_ahead(&c, argc, argv);
    int rc = run(&c, argc, argv);
    cli_names_forget(&c);
    ward_close(c.replica);
    ward_helper_close(c.helper);
    cli_kept_free(&c, NULL);
    return rc;
}
