#include "cli.h"
#include "passphrase.h"

#include <stdlib.h>
#include <unistd.h>
#include <wardsync_plan.h>

int cli_find_home(struct cli *c)
{
    const char *value;
    if (c->home)
        ;
    else if ((value = getenv("WARDSYNC_HOME")) && *value)
        c->home = value;
    else if ((value = getenv("XDG_DATA_HOME")) && *value)
        c->home = cli_format(c, "%s/wardsync", value);
    else if ((value = getenv("HOME")) && *value)
        c->home = cli_format(c, "%s/.local/share/wardsync", value);
    else
        return cli_refuse(c, WARD_ERR_HOME_MISSING, "%s", _("neither --home nor WARDSYNC_HOME nor HOME is set"));
    return CLI_DONE;
}

static int open_replica(struct cli *c, bool read_only)
{
    struct ward_options options = {.schema = ward_plan_schema(), .read_only = read_only, .passphrase = cli_passphrase, .passphrase_ctx = c};
    struct ward_error err = {0};
    int rc = cli_find_home(c);
    if (rc == CLI_DONE && !read_only && !c->helper && ward_helper_open(&c->helper, &err))
        return cli_fail(c, &err);
    options.helper = c->helper;
    if (rc == CLI_DONE && ward_open(&c->replica, c->home, &options, &err))
        rc = cli_fail(c, &err);
    return rc;
}

int cli_open(struct cli *c)
{
    return open_replica(c, false);
}

int cli_open_to_read(struct cli *c)
{
    return open_replica(c, true);
}

const char *cli_own_device_name(struct cli *c)
{
    const char *name = cli_opt(c, "device");
    char host[256] = "";
    if (!name && gethostname(host, sizeof host - 1) == 0 && host[0] && cli_is_utf8(host))
        name = cli_format(c, "%s", host);
    return name ? name : "laptop";
}
