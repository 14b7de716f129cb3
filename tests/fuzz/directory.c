/* Who counts is a function of the sets of grants, feeds and cuts: two directories that learn the same in opposite orders, and so number
 * everything differently, judge every grant and every feed alike. */
#include "rules/directory.h"
#include "fuzz.h"
#include "values/feed.h"

#define GRANTS_MAX 12
#define FACTS_MAX  24

struct fact { /* the change `seq` of the feed of grant `by` writes or cuts the grant `on` */
    uint8_t by, on;
    uint64_t seq;
    struct ward_cut_entry entry; /* of a cut; seq 0: it names no feed */
    bool cut;
};
struct story {
    enum ward_role roles[GRANTS_MAX]; /* the root's first */
    uint64_t depths[GRANTS_MAX];      /* of each feed before its first change */
    size_t grants;
    struct fact facts[FACTS_MAX];
    size_t count;
};

static struct ward_hash name(uint8_t what, size_t i)
{
    struct ward_hash h = {{0}};
    h.b[0] = (uint8_t)(i * 37); /* order by name is not order by number */
    h.b[1] = what;
    h.b[2] = (uint8_t)i;
    h.b[20] = (uint8_t)i;
    return h;
}

static void read_story(struct story *s, struct fuzz_input in)
{
    *s = (struct story){.grants = 1 + fuzz_byte(&in) % GRANTS_MAX, .roles = {WARD_ROLE_ROOT}};
    for (size_t i = 0; i < s->grants; i++) {
        uint8_t b = fuzz_byte(&in);
        s->depths[i] = b >> 3;
        if (i)
            s->roles[i] = (enum ward_role)(WARD_ROLE_CELL + b % 4);
    }
    while (in.len >= 3 && s->count < FACTS_MAX) {
        struct fact *f = &s->facts[s->count];
        uint8_t flags = fuzz_byte(&in), who = fuzz_byte(&in), what = fuzz_byte(&in);
        *f = (struct fact){.by = (uint8_t)((who & 15) % s->grants), .on = (uint8_t)((who >> 4) % s->grants), .cut = flags & 1};
        f->seq = 32u * (1 + flags % 16) + s->count; /* no two facts share a change, so that their order is one */
        f->entry = (struct ward_cut_entry){.feed = name('f', f->on), .seq = what};
        s->count += f->on != 0; /* nobody writes or cuts the root */
    }
}

static void add_fact(struct ward_directory *d, const struct story *s, const struct fact *f, const uint32_t *fids)
{
    struct ward_hash grant = name('g', f->on);
    if (!f->cut) {
        struct ward_grant g = {.id = grant, .role = s->roles[f->on]};
        CHECK(ward_directory_add_grant(d, &g, fids[f->by], f->seq) == WARD_OK);
        return;
    }
    struct ward_cut cut = {.fid = fids[f->by],
                           .seq = f->seq,
                           .depth = s->depths[f->by] + f->seq,
                           .rank = ward_role_rules(s->roles[f->by])->rank,
                           .author_feed = name('f', f->by),
                           .author_grant = name('g', f->by)};
    ward_grant_entity(&cut.grant_entity, &grant);
    CHECK(ward_directory_add_cut(d, &cut, &f->entry, f->entry.seq ? 1 : 0) == WARD_OK);
}

/* Everything but the root, which is always known first, in the given order or the opposite one. */
static void learn(struct ward_directory *d, const struct story *s, bool backwards)
{
    const struct ward_hash ward = name('g', 0), space = name('s', 0);
    struct ward_grant root = {.id = ward, .role = WARD_ROLE_ROOT};
    uint32_t fids[GRANTS_MAX];
    ward_directory_init(d, &fuzz_env, &ward);
    CHECK(ward_directory_add_grant(d, &root, 0, 0) == WARD_OK && ward_directory_add_space(d, 1, &space, NULL, 0) == WARD_OK);
    for (size_t i = 0; i < s->grants; i++) {
        size_t at = backwards ? s->grants - 1 - i : i;
        struct ward_feed f = {.fid = (uint32_t)i + 1, .sid = 1, .id = name('f', at), .grant = name('g', at), .role = s->roles[at]};
        f.head_seq = 1000;
        fids[at] = f.fid;
        CHECK(ward_directory_add_feed(d, &f) == WARD_OK);
    }
    for (size_t i = 0; i < s->count; i++)
        add_fact(d, s, &s->facts[backwards ? s->count - 1 - i : i], fids);
    ward_directory_judge(d);
}

static uint64_t limit_of(const struct ward_directory *d, size_t grant)
{
    struct ward_hash id = name('f', grant);
    const struct ward_feed *f = ward_directory_feed_by_id(d, &id);
    CHECK(f && f->limit == ward_directory_limit(d, f));
    return f->limit;
}

static void compare(const struct ward_directory *a, const struct ward_directory *b, const struct story *s)
{
    for (size_t i = 0; i < s->grants; i++) {
        struct ward_hash id = name('g', i);
        CHECK(ward_grant_effective(a, &id) == ward_grant_effective(b, &id));
        CHECK(ward_grant_is_cut(a, &id) == ward_grant_is_cut(b, &id));
        CHECK(limit_of(a, i) == limit_of(b, i));
        CHECK(ward_grant_effective(a, &id) || limit_of(a, i) == 0);
        CHECK(!ward_grant_is_cut(a, &id) || limit_of(a, i) < UINT64_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct story s;
    struct ward_directory a, b;
    read_story(&s, (struct fuzz_input){p, len});
    learn(&a, &s, false);
    learn(&b, &s, true);
    compare(&a, &b, &s);
    struct ward_space *x = ward_directory_space(&a, 1), *y = ward_directory_space(&b, 1);
    ward_directory_digest(&a, x);
    ward_directory_digest(&b, y);
    CHECK(x->changes == y->changes && memcmp(x->digest.b, y->digest.b, sizeof x->digest.b) == 0);
    ward_directory_judge(&a); /* judging again changes nothing */
    compare(&a, &b, &s);
    ward_directory_free(&a);
    ward_directory_free(&b);
    return 0;
}
