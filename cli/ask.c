#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_can_ask(const struct cli *c)
{
    return !c->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

const char *cli_ask(struct cli *c, const char *question)
{
    fprintf(stderr, "%s ", question);
    fflush(stderr);
    char *line = NULL;
    size_t size = 0;
    ssize_t n = getline(&line, &size, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    cli_keep(c, line);
    line[strcspn(line, "\r\n")] = 0;
    return line;
}

bool cli_confirm(struct cli *c, const char *question)
{
    if (c->yes || !cli_can_ask(c))
        return true;
    const char *answer = cli_ask(c, cli_format(c, "%s [%s]", question, _("y/N")));
    return answer && answer[0] && strchr("yYcC", answer[0]); /* yes, có */
}
