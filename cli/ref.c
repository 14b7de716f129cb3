#include "ref.h"
#include "out.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct cli_names {
    ward_plan_index *index;
    struct ward_device *devices;
    size_t device_count;
    struct ward_hash *forked; /* the grants that have written two histories, one for each feed that has them */
    size_t forked_count;
    struct ward_hash ward;
};

static int add_device(void *ctx, const struct ward_device *device)
{
    struct cli_names *names = ctx;
    struct ward_device *more = realloc(names->devices, (names->device_count + 1) * sizeof *more);
    if (!more)
        return WARD_ERR_MEMORY;
    names->devices = more;
    names->devices[names->device_count++] = *device;
    return 0;
}

static int add_forked(void *ctx, const struct ward_fork *fork)
{
    struct cli_names *names = ctx;
    struct ward_hash *more = realloc(names->forked, (names->forked_count + 1) * sizeof *more);
    if (!more)
        return WARD_ERR_MEMORY;
    names->forked = more;
    names->forked[names->forked_count++] = fork->grant;
    return 0;
}

static bool is_forked(const struct cli_names *names, const struct ward_device *device)
{
    for (size_t i = 0; i < names->forked_count; i++)
        if (memcmp(&names->forked[i], &device->grant, sizeof device->grant) == 0)
            return true;
    return false;
}

int cli_names(struct cli *c)
{
    if (c->names)
        return CLI_DONE;
    struct ward_error err = {0};
    c->names = calloc(1, sizeof *c->names);
    if (!c->names)
        abort();
    struct ward_self self;
    if (ward_plan_index_load(c->replica, &c->names->index, &err) || ward_devices(c->replica, add_device, c->names, &err) ||
        ward_fork_each(c->replica, add_forked, c->names, &err) || ward_self(c->replica, &self, &err)) {
        cli_names_forget(c);
        return cli_fail(c, &err);
    }
    c->names->ward = self.ward;
    return CLI_DONE;
}

void cli_names_forget(struct cli *c)
{
    if (!c->names)
        return;
    ward_plan_index_free(c->names->index);
    free(c->names->devices);
    free(c->names->forked);
    free(c->names);
    c->names = NULL;
}

const struct ward_plan_index *cli_index(const struct cli *c)
{
    return c->names->index;
}

const char *cli_who(struct cli *c, const char *unit, const char *device)
{
    return unit && *unit ? cli_format(c, "%s / %s", unit, device) : device ? device : "";
}

const char *cli_unit_code(struct cli *c, const struct ward_id *unit)
{
    if (ward_id_is_zero(unit))
        return "";
    const struct ward_unit *known = ward_plan_index_unit_by_id(c->names->index, unit);
    if (known && known->code[0])
        return known->code;
    char hex[WARD_ID_HEX];
    ward_id_hex(hex, unit);
    return cli_format(c, "%s", hex);
}

const char *cli_device_name(struct cli *c, const struct ward_hash *grant)
{
    for (size_t i = 0; i < c->names->device_count; i++)
        if (memcmp(&c->names->devices[i].grant, grant, sizeof *grant) == 0 && c->names->devices[i].name[0])
            return c->names->devices[i].name;
    if (memcmp(&c->names->ward, grant, sizeof *grant) == 0)
        return "root"; /* the root's grant is the ward itself */
    char hex[WARD_HASH_HEX];
    ward_hash_hex(hex, grant);
    return cli_format(c, "%.8s", hex);
}

const char *cli_space_name(struct cli *c, const struct ward_id *circle, size_t count)
{
    const char *out = count ? cli_unit_code(c, &circle[0]) : "ward";
    for (size_t i = 1; i < count; i++)
        out = cli_format(c, "%s+%s", out, cli_unit_code(c, &circle[i]));
    return out;
}

int cli_find(struct cli *c, uint32_t kind, const char *reference, struct ward_id *out)
{
    struct ward_error err = {0};
    return ward_plan_resolve(c->replica, kind, reference, out, &err) ? cli_fail(c, &err) : CLI_DONE;
}

int cli_find_unit(struct cli *c, const char *code, struct ward_id *out)
{
    return cli_find(c, WARD_KIND_UNIT, code, out);
}

/* The one that goes on for this one, or NULL: itself is the newest. */
static const struct ward_device *successor(const struct cli_names *names, const struct ward_device *device)
{
    for (size_t i = 0; i < names->device_count; i++) {
        const struct ward_device *other = &names->devices[i];
        if (other->follows_one && memcmp(&other->follows, &device->grant, sizeof device->grant) == 0 && other != device)
            return other;
    }
    return NULL;
}

static const struct ward_device *predecessor(const struct cli_names *names, const struct ward_device *device)
{
    for (size_t i = 0; device->follows_one && i < names->device_count; i++)
        if (memcmp(&names->devices[i].grant, &device->follows, sizeof device->follows) == 0)
            return &names->devices[i];
    return NULL;
}

static size_t find_devices(struct cli *c, const char *reference, struct ward_hash *out)
{
    size_t len = strlen(reference), found = 0;
    for (size_t i = 0; i < c->names->device_count; i++) {
        const struct ward_device *device = &c->names->devices[i];
        char hex[WARD_HASH_HEX];
        ward_hash_hex(hex, &device->grant);
        bool named = strcmp(device->name, reference) == 0 && !successor(c->names, device); /* a name goes with the device to its new keys */
        if (named || (len >= 4 && strncasecmp(hex, reference, len) == 0)) {
            *out = device->grant;
            found++;
        }
    }
    return found;
}

int cli_find_device(struct cli *c, const char *reference, struct ward_hash *out)
{
    if (cli_names(c))
        return CLI_FAILED;
    size_t found = find_devices(c, reference, out);
    if (found == 1)
        return CLI_DONE;
    return cli_refuse(c, found ? WARD_ERR_AMBIGUOUS : WARD_ERR_NOT_FOUND, _("device '%s'"), reference);
}

bool cli_is_device(struct cli *c, const char *reference, struct ward_hash *out)
{
    return find_devices(c, reference, out) == 1;
}

int cli_self(struct cli *c, struct ward_self *out)
{
    struct ward_error err = {0};
    return ward_self(c->replica, out, &err) ? cli_fail(c, &err) : CLI_DONE;
}

json_t *cli_self_json(struct cli *c)
{
    struct ward_self self;
    if (cli_names(c) || cli_self(c, &self))
        return NULL;
    return json_pack("{s:o, s:s, s:o, s:s, s:s, s:s, s:s}", "ward", cli_hash_json(&self.ward), "ward_name", self.ward_name, "device",
                     cli_hash_json(&self.grant), "device_name", self.device_name, "unit", cli_unit_code(c, &self.unit), "role",
                     cli_role_name(self.role), "words", self.words);
}

/* What it was before, the latest first. */
static json_t *former_json(const struct cli_names *names, const struct ward_device *device)
{
    json_t *out = json_array();
    size_t steps = 0;
    while ((device = predecessor(names, device)) != NULL && steps++ < names->device_count)
        json_array_append_new(out, json_pack("{s:o, s:b, s:b, s:b}", "id", cli_hash_json(&device->grant), "ended", device->ended, "asks",
                                             device->asks, "forked", is_forked(names, device)));
    return out;
}

/* The last that is known of it, under whatever keys. */
static const struct ward_device *last_met(const struct cli_names *names, const struct ward_device *device)
{
    const struct ward_device *met = device;
    size_t steps = 0;
    while (met->last_contact_ms == 0 && (device = predecessor(names, device)) != NULL && steps++ < names->device_count)
        met = device->last_contact_ms ? device : met;
    return met;
}

json_t *cli_device_json(struct cli *c, const struct ward_device *d)
{
    const struct ward_device *met = last_met(c->names, d);
    bool asks = d->asks && !d->ended;
    return json_pack("{s:o, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:s, s:s, s:o, s:b, s:b}", "id", cli_hash_json(&d->grant), "name",
                     d->name, "unit", cli_unit_code(c, &d->unit), "role", cli_role_name(d->role), "self", d->self, "ended", d->ended,
                     "last_contact", cli_time_json(met->last_contact_ms), "backlog",
                     d->backlog_known ? json_integer((json_int_t)d->backlog_to) : json_null(), "clock_offset_ms",
                     met->last_contact_ms > 0 ? json_integer(met->clock_offset_ms) : json_null(), "address", d->address, "words", d->words,
                     "former", former_json(c->names, d), "asks", asks, "forked", is_forked(c->names, d));
}

json_t *cli_devices_json(struct cli *c, bool all)
{
    json_t *out = json_array();
    for (size_t i = 0; i < c->names->device_count; i++) {
        const struct ward_device *d = &c->names->devices[i];
        if ((!d->self || all) && !successor(c->names, d))
            json_array_append_new(out, cli_device_json(c, d));
    }
    return out;
}

bool cli_self_ended(struct cli *c)
{
    for (size_t i = 0; i < c->names->device_count; i++)
        if (c->names->devices[i].self)
            return c->names->devices[i].ended;
    return false;
}

const struct ward_device *cli_device(struct cli *c, const struct ward_hash *grant)
{
    for (size_t i = 0; i < c->names->device_count; i++)
        if (memcmp(&c->names->devices[i].grant, grant, sizeof *grant) == 0)
            return &c->names->devices[i];
    return NULL;
}
