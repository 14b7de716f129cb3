/* Grants and cuts: what parses is written anew to the same bytes; a grant that parses is named by its bytes, has keys fit for use and a
 * role that can be granted; reading without the check of keys takes no less. The first byte chooses. */
#include "fuzz.h"
#include "rules/authority.h"
#include "values/feed.h"
#include "values/seal.h"

#include <sodium.h>

#define ENTRIES_MAX 64

static void grant(const uint8_t *p, size_t len)
{
    struct ward_grant g, read;
    struct ward_hash name;
    struct ward_buf out;
    int rc = ward_grant_parse(&g, p, len, NULL), loose = ward_grant_read(&read, p, len, NULL);
    CHECK(loose == rc || (loose == WARD_OK && rc == WARD_ERR_KEY_POINT));
    if (loose)
        return;
    ward_name_grant(&name, p, len);
    CHECK(memcmp(name.b, read.id.b, sizeof name.b) == 0);
    CHECK(read.role >= WARD_ROLE_CELL && read.role <= WARD_ROLE_HUB && !read.effective);
    CHECK((rc == WARD_OK) <= ward_sign_pk_valid(read.sign_pk));
    ward_buf_init(&out, &fuzz_env);
    ward_grant_write(&out, &read);
    CHECK(fuzz_same(out.p, out.len, p, len));
    ward_buf_free(&out);
}

/* A cut limits the feeds it names to where it says, and all others of the grant to nothing. */
static void check_limits(const struct ward_cut_entry *entries, size_t count)
{
    struct ward_cut cut = {.entries = entries, .entry_count = count, .effective = true};
    struct ward_hash grant_id = {{7}}, other = {{9}}, unnamed = {{0}};
    ward_grant_entity(&cut.grant_entity, &grant_id);
    for (size_t i = 0; i < count; i++) {
        CHECK(ward_cut_limit(&cut, 1, &grant_id, &entries[i].feed) == entries[i].seq);
        CHECK(ward_cut_limit(&cut, 1, &other, &entries[i].feed) == UINT64_MAX);
    }
    if (count == 0 || ward_hash_compare(&entries[0].feed, &unnamed) != 0)
        CHECK(ward_cut_limit(&cut, 1, &grant_id, &unnamed) == 0);
}

static void cut(const uint8_t *p, size_t len)
{
    struct ward_cut_entry entries[ENTRIES_MAX];
    struct ward_buf out;
    size_t count;
    if (ward_cut_parse(entries, ENTRIES_MAX, &count, p, len))
        return;
    ward_buf_init(&out, &fuzz_env);
    ward_cut_write(&out, entries, count);
    CHECK(fuzz_same(out.p, out.len, p, len));
    check_limits(entries, count);
    ward_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    CHECK(sodium_init() >= 0);
    if (len == 0)
        return 0;
    if (p[0] & 1)
        cut(p + 1, len - 1);
    else
        grant(p + 1, len - 1);
    return 0;
}
