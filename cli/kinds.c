#include "kinds.h"

#include <stdlib.h>
#include <string.h>
#include <wardsync_plan.h>

static const struct {
    uint32_t kind;
    const char *name, *label;
} core_kinds[] = {{CLI_KIND_GRANT, "grant", N_("device")},
                  {CLI_KIND_INVITATION, "invitation", N_("invitation")},
                  {CLI_KIND_REASON, "reason", N_("reason")},
                  {CLI_KIND_WARD, "ward", N_("ward")}};

static const struct {
    uint32_t kind, field;
    const char *name, *label; /* label NULL: not for people */
} core_fields[] = {{CLI_KIND_GRANT, 4, "body", NULL},
                   {CLI_KIND_GRANT, 8, "device_name", N_("name")},
                   {CLI_KIND_GRANT, CLI_GRANT_CUT, "cut", N_("revoked")},
                   {CLI_KIND_GRANT, 16, "invitation", NULL},
                   {CLI_KIND_GRANT, 20, "why", N_("why")},
                   {CLI_KIND_INVITATION, 4, "link_pk", NULL},
                   {CLI_KIND_INVITATION, CLI_INVITATION_UNIT, "unit", N_("unit")},
                   {CLI_KIND_INVITATION, CLI_INVITATION_ROLE, "role", N_("role")},
                   {CLI_KIND_INVITATION, CLI_INVITATION_EXPIRES, "expires", N_("expires")},
                   {CLI_KIND_INVITATION, 20, "used_for", NULL},
                   {CLI_KIND_REASON, CLI_REASON_TEXT, "text", N_("text")},
                   {CLI_KIND_WARD, 4, "name", N_("name")},
                   {CLI_KIND_WARD, 10, "hub", N_("hub address")}};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const char *cli_kind_name(struct cli *c, uint32_t kind)
{
    const struct ward_kind_def *def = ward_plan_kind_def(kind);
    for (size_t i = 0; i < COUNT(core_kinds); i++)
        if (core_kinds[i].kind == kind)
            return core_kinds[i].name;
    return def ? def->name : cli_format(c, "%u", kind);
}

const char *cli_kind_label(struct cli *c, uint32_t kind)
{
    const char *label = ward_plan_kind_label(kind, c->lang);
    for (size_t i = 0; i < COUNT(core_kinds); i++)
        if (core_kinds[i].kind == kind)
            return _(core_kinds[i].label);
    return label ? label : cli_kind_name(c, kind);
}

const char *cli_field_name(struct cli *c, uint32_t kind, uint32_t field)
{
    const char *name = ward_plan_field_name(kind, field);
    for (size_t i = 0; i < COUNT(core_fields); i++)
        if (core_fields[i].kind == kind && core_fields[i].field == field)
            return core_fields[i].name;
    if (field == WARD_FIELD_PRESENCE)
        return "presence";
    return name ? name : cli_format(c, "%u", field);
}

const char *cli_field_label(struct cli *c, uint32_t kind, uint32_t field)
{
    const char *label = ward_plan_field_label(kind, field, c->lang);
    for (size_t i = 0; i < COUNT(core_fields); i++)
        if (core_fields[i].kind == kind && core_fields[i].field == field)
            return core_fields[i].label ? _(core_fields[i].label) : NULL;
    if (field == WARD_FIELD_PRESENCE)
        return _("existence");
    return label ? label : cli_field_name(c, kind, field);
}

uint32_t cli_kind_number(const char *name)
{
    const struct ward_schema *schema = ward_plan_schema();
    for (size_t i = 0; i < COUNT(core_kinds); i++)
        if (strcmp(core_kinds[i].name, name) == 0)
            return core_kinds[i].kind;
    for (size_t i = 0; i < schema->kind_count; i++)
        if (strcmp(schema->kinds[i].name, name) == 0)
            return schema->kinds[i].number;
    return (uint32_t)strtoul(name, NULL, 10);
}

uint32_t cli_field_number(uint32_t kind, const char *name)
{
    const struct ward_field_def *def = ward_plan_field_named(kind, name);
    for (size_t i = 0; i < COUNT(core_fields); i++)
        if (core_fields[i].kind == kind && strcmp(core_fields[i].name, name) == 0)
            return core_fields[i].field;
    if (strcmp(name, "presence") == 0)
        return WARD_FIELD_PRESENCE;
    return def ? def->number : (uint32_t)strtoul(name, NULL, 10);
}
