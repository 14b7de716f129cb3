#include "cli.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The translations lie beside the program, in the build tree as where it is installed; else where it was meant to be installed. */
static void find_translations(void)
{
    char path[4096], probe[4200];
    static const char beside[] = "/../share/locale";
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof beside);
    const char *folder = WARDSYNC_LOCALEDIR;
    if (n > 0) {
        path[n] = 0;
        char *slash = strrchr(path, '/');
        if (slash)
            memcpy(slash, beside, sizeof beside);
        snprintf(probe, sizeof probe, "%s/vi/LC_MESSAGES/wardsync.mo", path);
        if (access(probe, R_OK) == 0)
            folder = path;
    }
    bindtextdomain("wardsync", folder);
    bind_textdomain_codeset("wardsync", "UTF-8");
    textdomain("wardsync");
}

static bool locale_is_vietnamese(void)
{
    static const char *const names[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "vi", 2) == 0;
    }
    return false;
}

void cli_set_language(struct cli *c, const char *wanted)
{
    c->lang = (wanted ? strcmp(wanted, "vi") == 0 : locale_is_vietnamese()) ? WARD_LANG_VI : WARD_LANG_EN;
    /* gettext translates nothing in the locales C and POSIX, and a machine need not have any other than C.UTF-8; widths need UTF-8. */
    const char *messages = setlocale(LC_ALL, "") ? setlocale(LC_MESSAGES, NULL) : "C";
    if (strcmp(messages, "C") == 0 || strcmp(messages, "POSIX") == 0 || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_ALL, "C.UTF-8");
    setenv("LANGUAGE", c->lang == WARD_LANG_VI ? "vi" : "en", 1);
    /* argp counts bytes where it should count columns, and Vietnamese has about four bytes to three of them. */
    if (c->lang == WARD_LANG_VI)
        setenv("ARGP_HELP_FMT", "rmargin=104", 0);
    find_translations();
}
