#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *cli_time_json(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (ms <= 0 || !gmtime_r(&seconds, &tm))
        return json_null();
    return json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                        tm.tm_sec, (int)(ms % 1000));
}

const char *cli_time_local(struct cli *c, const json_t *time)
{
    const char *text = json_string_value(time);
    struct tm tm = {0};
    // NOLINTNEXTLINE(cert-err34-c): the text is one that this program wrote
    if (!text || sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
        return "";
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    if (!localtime_r(&seconds, &tm))
        return text;
    return cli_format(c, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

const char *cli_span(struct cli *c, int64_t ms)
{
    long long s = ms / 1000, size = s < 0 ? -s : s;
    if (size < 120)
        return cli_format(c, _("%lld s"), s);
    if (size < 7200)
        return cli_format(c, _("%lld min"), s / 60);
    if (size < 172800)
        return cli_format(c, _("%lld h"), s / 3600);
    return cli_format(c, _("%lld days"), s / 86400);
}

int cli_opt_span(struct cli *c, const char *name, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *text = cli_opt(c, name);
    if (!text)
        return CLI_DONE;
    char *end;
    long n = strtol(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (end != text && n >= 0 && n <= INT32_MAX && n * units[i].ms <= INT32_MAX && strcmp(end, units[i].unit) == 0) {
            *out_ms = n * units[i].ms;
            return CLI_DONE;
        }
    return cli_usage(c, _("--%s is a span such as 60s, 5m, 2h or 1d, not '%s'"), name, text);
}

int64_t cli_in_days(int64_t days)
{
    return (int64_t)time(NULL) * 1000 + days * CLI_DAY_MS;
}

int cli_today(struct cli *c, struct ward_date *out)
{
    const char *wanted = getenv("WARDSYNC_TODAY");
    struct ward_error err = {0};
    if (wanted && *wanted)
        return ward_date_parse(out, wanted, strlen(wanted), &err) ? cli_fail(c, &err) : CLI_DONE;
    time_t now = time(NULL);
    struct tm tm;
    if (!localtime_r(&now, &tm))
        return cli_refuse(c, WARD_ERR_DATE, "%s", _("the clock of this machine"));
    *out = (struct ward_date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
    return CLI_DONE;
}

int64_t cli_day_start(const struct ward_date *day)
{
    struct tm tm = {.tm_year = day->year - 1900, .tm_mon = day->month - 1, .tm_mday = day->day, .tm_isdst = -1};
    return (int64_t)mktime(&tm) * 1000;
}
