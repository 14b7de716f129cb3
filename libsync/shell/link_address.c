#include "base/err.h"
#include "base/limits.h"
#include "shell/link.h"

#include <string.h>

#define SCHEME   "tcp://"
#define PORT_MAX 65535u

/* A stretch of the address. */
struct span {
    const char *p;
    size_t len;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number without leading zeros, at most max. */
static bool is_number(struct span s, unsigned max, unsigned *out)
{
    unsigned n = 0;
    if (s.len == 0 || s.len > 5 || (s.len > 1 && s.p[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.p[i]))
            return false;
        n = n * 10 + (unsigned)(s.p[i] - '0');
    }
    *out = n;
    return n <= max;
}

static bool is_star(struct span s)
{
    return s.len == 1 && s.p[0] == '*';
}

static bool only_digits_and_dots(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.p[i]) && s.p[i] != '.')
            return false;
    return s.len > 0;
}

static bool is_ipv4(struct span s)
{
    for (int left = 3; left >= 0; left--) {
        const char *dot = memchr(s.p, '.', s.len);
        struct span octet = {s.p, dot ? (size_t)(dot - s.p) : s.len};
        unsigned n;
        if (!is_number(octet, 255, &n) || (dot != NULL) != (left > 0))
            return false;
        if (dot)
            s = (struct span){dot + 1, s.len - octet.len - 1};
    }
    return true;
}

/* [hex and colons], with a zone after % if need be. Whether it is one to the letter libzmq says when it uses it. */
static bool is_ipv6(struct span s)
{
    if (s.len < 4 || s.p[0] != '[' || s.p[s.len - 1] != ']')
        return false;
    size_t colons = 0;
    bool zone = false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        char c = s.p[i];
        bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        bool zone_letter = zone && (is_letter(c) || c == '-' || c == '_');
        if (!hex && c != ':' && c != '.' && c != '%' && !zone_letter)
            return false;
        colons += c == ':';
        zone |= c == '%';
    }
    return colons >= 2;
}

static bool is_name(struct span s)
{
    if (s.len == 0 || s.p[0] == '.' || s.p[0] == '-' || s.p[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool doubled = c == '.' && i > 0 && s.p[i - 1] == '.';
        if (doubled || (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_'))
            return false;
    }
    return true;
}

static bool is_host(struct span s, bool listening)
{
    if (s.len > 0 && s.p[0] == '[')
        return is_ipv6(s);
    if (only_digits_and_dots(s))
        return is_ipv4(s);
    return listening ? is_star(s) : is_name(s);
}

static bool is_port(struct span s, bool listening)
{
    unsigned n;
    if (listening && is_star(s))
        return true;
    return is_number(s, PORT_MAX, &n) && (listening || n > 0);
}

int ward_address_check(const char *address, bool listening, struct ward_error *err)
{
    size_t len = strlen(address);
    if (len > WARD_ADDRESS_MAX)
        return ward_fail(err, WARD_ERR_ADDRESS, "an address has at most %u characters, this has %zu", WARD_ADDRESS_MAX, len);
    if (strncmp(address, SCHEME, strlen(SCHEME)) != 0)
        return ward_fail(err, WARD_ERR_ADDRESS, "\"%s\" does not start with %s", address, SCHEME);
    const char *colon = strrchr(address, ':');
    const char *host = address + strlen(SCHEME);
    if (colon < host)
        return ward_fail(err, WARD_ERR_ADDRESS, "\"%s\" has no port", address);
    if (!is_host((struct span){host, (size_t)(colon - host)}, listening))
        return ward_fail(err, WARD_ERR_ADDRESS, "\"%s\": the host must be %s", address,
                         listening ? "an IP address or *" : "an IP address or a name");
    if (!is_port((struct span){colon + 1, strlen(colon + 1)}, listening))
        return ward_fail(err, WARD_ERR_ADDRESS, "\"%s\": the port must be %s", address, listening ? "0 to 65535 or *" : "1 to 65535");
    return WARD_OK;
}
