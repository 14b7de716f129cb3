#include "edit.h"
#include "record.h"
#include "ref.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

int cli_assignments(struct cli *c, size_t n, const char ***out, size_t *count)
{
    const char **list = cli_keep(c, calloc(c->arg_count + 1, sizeof *list));
    size_t found = 0;
    for (size_t i = n; i < c->arg_count; i++) {
        const char *word = c->args[i], *equals = strchr(word, '='), *text;
        if (!equals || equals == word)
            return cli_usage(c, _("FIELD=VALUE, not '%s'"), word);
        list[found++] = word;
        if (equals[1] != '@')
            continue;
        int rc = cli_long_text(c, equals + 1, &text);
        if (rc)
            return rc;
        list[found - 1] = cli_format(c, "%.*s%s", (int)(equals + 1 - word), word, text);
    }
    *out = list;
    *count = found;
    return CLI_DONE;
}

int cli_opt_find(struct cli *c, const char *name, uint32_t kind, struct ward_id *id, const struct ward_id **out)
{
    const char *reference = cli_opt(c, name);
    *out = reference ? id : NULL;
    return reference ? cli_find(c, kind, reference, id) : CLI_DONE;
}

static void plain_id(struct cli *c, const json_t *model)
{
    cli_line(c, "%s", json_string_value(json_object_get(model, "id")));
}

int cli_answer_id(struct cli *c, const struct ward_id *id)
{
    json_auto_t *model = json_pack("{s:o}", "id", cli_id_json(id));
    return cli_answer(c, CLI_DONE, model, plain_id);
}

static void plain_set(struct cli *c, const json_t *model)
{
    size_t i;
    json_t *name;
    plain_id(c, model);
    json_array_foreach(json_object_get(model, "proposed"), i, name) cli_note(
        c, _("%s was set by an operator: your value stands beside it as a proposal, until an operator decides."), json_string_value(name));
}

/* Of what was just set, the fields where somebody of greater authority has the word. */
static int answer_set(struct cli *c, uint32_t kind, const struct ward_id *id, const char *const *assignments, size_t count)
{
    struct ward_error err = {0};
    ward_record *record;
    cli_names_forget(c);
    if (cli_names(c))
        return CLI_FAILED;
    if (ward_get(c->replica, kind, id, false, &record, &err))
        return cli_fail(c, &err);
    json_auto_t *row = cli_row(c, kind, record);
    ward_record_free(record);
    json_t *proposed = json_array();
    json_auto_t *model = json_pack("{s:o, s:o}", "id", cli_id_json(id), "proposed", proposed);
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(row, "proposed"), i, name)
    {
        const char *field = json_string_value(name);
        for (size_t j = 0; j < count; j++)
            if (strncmp(assignments[j], field, strlen(field)) == 0 && assignments[j][strlen(field)] == '=')
                json_array_append(proposed, name);
    }
    return cli_answer(c, CLI_DONE, model, plain_set);
}

int cli_run_set(struct cli *c, uint32_t kind)
{
    struct ward_error err = {0};
    struct ward_id id;
    const char **assignments = NULL;
    size_t count = 0;
    int rc = cli_assignments(c, 1, &assignments, &count);
    if (rc == CLI_DONE)
        rc = cli_open(c);
    if (rc == CLI_DONE)
        rc = cli_find(c, kind, cli_arg(c, 0), &id);
    if (rc)
        return rc;
    if (ward_plan_set(c->replica, kind, &id, assignments, count, &id, &err))
        return cli_fail(c, &err);
    return answer_set(c, kind, &id, assignments, count);
}

int cli_match_text(struct cli *c, struct cli_match *match)
{
    match->value = cli_opt(c, match->key);
    return CLI_DONE;
}

int cli_match_reference(struct cli *c, struct cli_match *match, uint32_t kind)
{
    const struct ward_id *found;
    int rc = cli_names(c);
    if (rc == CLI_DONE)
        rc = cli_opt_find(c, match->key, kind, &match->id, &found);
    if (rc == CLI_DONE && found)
        match->value = cli_record_code(c, kind, found);
    return rc;
}

int cli_match_word(struct cli *c, struct cli_match *match, enum ward_word_list list)
{
    match->value = cli_opt(c, match->key);
    if (match->value && ward_word_index(list, match->value, strlen(match->value)) < 0)
        return cli_refuse(c, WARD_ERR_VALUE, "--%s %s", match->key, match->value);
    return CLI_DONE;
}

bool cli_matches(const json_t *row, const struct cli_match *matches)
{
    for (; matches->key; matches++) {
        const char *value = json_string_value(json_object_get(row, matches->key));
        if (matches->value && (!value || strcmp(matches->value, value) != 0))
            return false;
    }
    return true;
}
