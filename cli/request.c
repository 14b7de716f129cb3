#include "request.h"
#include "out.h"
#include "ref.h"

json_t *cli_request_json(struct cli *c, const struct ward_request_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b}", "name", info->name, "unit", cli_unit_code(c, &info->unit), "role",
                     cli_role_name(info->role), "words", info->words, "replaces",
                     info->replaces_keys ? cli_hash_json(&info->device) : json_null(), "granted", info->granted);
}

void cli_request_file_plain(struct cli *c, const json_t *model)
{
    cli_line(c, _("The request is in %s. Its four words: %s."), json_string_value(json_object_get(model, "request")),
             json_string_value(json_object_get(model, "words")));
    cli_note(
        c, "%s",
        _("Take it to an operator (wardsync admit FILE --out ANSWER) and read the words out; then, here: wardsync join --accept ANSWER"));
}
