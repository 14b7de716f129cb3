/* Passphrases: from a file as private as a key file, or typed on a terminal that does not show them. Never from the command line or the
 * environment, where other programs see them. */
#include "passphrase.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#define TRIES 3 /* at typing a new one twice alike */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static const int interruptions[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP};
#define INTERRUPTIONS (sizeof interruptions / sizeof interruptions[0])

/* A line, not longer than fits (what is beyond is read and counts as too long); straight from the descriptor, so that no buffer keeps it.
 * Interruptions are let in while it waits and at no other time, so that none comes between looking and waiting. */
static ssize_t read_line(char out[WARD_PASSPHRASE_MAX], const sigset_t *waiting)
{
    ssize_t len = 0;
    for (;;) {
        char one;
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(STDIN_FILENO, &readable);
        int ready = pselect(STDIN_FILENO + 1, &readable, NULL, NULL, NULL, waiting);
        if (ready < 0 && errno == EINTR && !caught)
            continue;
        if (ready < 0 || read(STDIN_FILENO, &one, 1) != 1)
            return -1;
        if (one == '\n' || one == '\r')
            return len;
        if (len < WARD_PASSPHRASE_MAX)
            out[len] = one;
        len++;
    }
}

/* Asks without echo; a signal that would end or stop the program finds the terminal as it was before. */
static int ask_hidden(struct cli *c, const char *question, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    struct termios before, silent;
    struct sigaction was[INTERRUPTIONS], now = {.sa_handler = on_signal};
    sigset_t held, mask;
    if (tcgetattr(STDIN_FILENO, &before))
        return cli_say_error(err, WARD_ERR_PASSPHRASE_NEEDED, _("the terminal cannot be used"));
    caught = 0;
    sigemptyset(&held);
    for (size_t i = 0; i < INTERRUPTIONS; i++)
        sigaddset(&held, interruptions[i]);
    sigprocmask(SIG_BLOCK, &held, &mask);
    for (size_t i = 0; i < INTERRUPTIONS; i++)
        sigaction(interruptions[i], &now, &was[i]);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fprintf(stderr, "%s ", question);
    fflush(stderr);
    ssize_t len = read_line(out, &mask);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    for (size_t i = 0; i < INTERRUPTIONS; i++)
        sigaction(interruptions[i], &was[i], NULL);
    if (caught)
        raise(caught);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (len < 0)
        return cli_say_error(err, WARD_ERR_CANCELLED, "");
    if (len >= WARD_PASSPHRASE_MAX)
        return cli_say_error(err, WARD_ERR_ARGUMENT, cli_format(c, _("a passphrase has at most %d bytes"), WARD_PASSPHRASE_MAX - 1));
    out[len] = 0;
    return cli_is_utf8(out) ? WARD_OK : cli_say_error(err, WARD_ERR_UTF8, "");
}

static int from(struct cli *c, const char *file, const char *question, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    if (file)
        return ward_passphrase_read(file, out, err);
    if (!cli_can_ask(c))
        return cli_say_error(err, WARD_ERR_PASSPHRASE_NEEDED, _("nobody can be asked here"));
    return ask_hidden(c, question, out, err);
}

int cli_say_error(struct ward_error *err, int code, const char *detail)
{
    err->code = code;
    snprintf(err->detail, sizeof err->detail, "%s", detail);
    return code;
}

int cli_passphrase(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    struct cli *c = ctx;
    return from(c, c->passphrase_file, _("Passphrase of the key file:"), out, err);
}

int cli_passphrase_of_sheet(struct cli *c, const char *file, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    return from(c, file, _("Passphrase of the recovery sheet:"), out, err);
}

int cli_passphrase_new(struct cli *c, const char *file, const char *question, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    char again[WARD_PASSPHRASE_MAX] = "";
    bool same = false;
    int rc = from(c, file, question, out, err);
    if (rc || file)
        return rc;
    for (int i = 0; !rc && !same && i < TRIES; i++) {
        if (i) {
            fprintf(stderr, "%s\n", _("These were not the same; once more from the start."));
            rc = ask_hidden(c, question, out, err);
        }
        if (!rc)
            rc = ask_hidden(c, _("The same once more:"), again, err);
        same = !rc && strcmp(out, again) == 0;
    }
    explicit_bzero(again, sizeof again);
    return rc || same ? rc : cli_say_error(err, WARD_ERR_CANCELLED, _("the passphrase was not typed twice alike"));
}
