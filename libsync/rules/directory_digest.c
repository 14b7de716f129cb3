/* directory_digest.c - in one hash what a replica holds: of a space, of all that two have in common. proto/merge.md. */
#include "base/alloc.h"
#include "base/limits.h"
#include "rules/directory.h"
#include "values/feed.h"
#include "values/hash.h"

#include <assert.h>
#include <cbor.h>
#include <stdlib.h>
#include <string.h>

static void add_head(ward_hasher *h, size_t n, size_t (*encode)(size_t, unsigned char *, size_t))
{
    uint8_t head[9];
    ward_hash_add(h, head, encode(n, head, sizeof head));
}

static void add_hash(ward_hasher *h, const struct ward_hash *x)
{
    add_head(h, sizeof x->b, cbor_encode_bytestring_start);
    ward_hash_add(h, x->b, sizeof x->b);
}

static void add_head_entry(ward_hasher *h, const struct ward_hash *feed, uint64_t seq, const struct ward_hash *hash)
{
    uint8_t number[9];
    add_head(h, 3, cbor_encode_array_start);
    add_hash(h, feed);
    ward_hash_add(h, number, cbor_encode_uint(seq, number, sizeof number));
    add_hash(h, hash);
}

/* The heads of one feed: of each branch its own, ascending; of a shattered one where its branches part, for which of them are held is then
 * a matter of which came first. Seq 0 (of a shattered feed) names the feed itself. */
static size_t heads_of(const struct ward_directory *d, const struct ward_feed *trunk, const struct ward_feed *out[WARD_BRANCHES_MAX + 1])
{
    size_t n = 0;
    for (const struct ward_feed *f = trunk; f; f = ward_directory_next_above(d, f)) {
        if (f->head_seq == 0) /* it gave way, and what takes its place has yet to come */
            continue;
        size_t at = n++;
        for (; at > 0 && (out[at - 1]->head_seq > f->head_seq ||
                          (out[at - 1]->head_seq == f->head_seq && ward_hash_compare(&out[at - 1]->head_hash, &f->head_hash) > 0));
             at--)
            out[at] = out[at - 1];
        out[at] = f;
    }
    return n;
}

static void add_shattered(const struct ward_directory *d, ward_hasher *h, const struct ward_feed *trunk)
{
    const struct ward_feed *least = ward_directory_next_above(d, trunk);
    assert(least); /* what is shattered has branches */
    for (const struct ward_feed *f = least; f; f = ward_directory_next_above(d, f))
        least = f->base < least->base ? f : least;
    add_head_entry(h, &trunk->id, least->base, &least->base_hash);
}

void ward_directory_digest(const struct ward_directory *d, struct ward_space *space)
{
    ward_hasher h;
    size_t entries = 0;
    space->changes = 0;
    for (size_t i = 0; i < space->feed_count; i++) {
        const struct ward_feed *f = &d->feeds[space->feeds[i] - 1];
        entries += f->head_seq > 0 && !f->below && !(f->parent && ward_directory_shattered(d, ward_directory_trunk(d, f)));
        space->changes += f->below ? 0 : ward_feed_length(f);
    }
    ward_hash_begin(&h, "wardsync heads");
    add_head(&h, entries, cbor_encode_array_start);
    for (size_t i = 0; i < space->feed_count; i++) {
        const struct ward_feed *f = &d->feeds[space->feeds[i] - 1], *heads[WARD_BRANCHES_MAX + 1];
        if (f->parent)
            continue;
        if (ward_directory_shattered(d, f)) {
            add_shattered(d, &h, f);
            continue;
        }
        size_t n = heads_of(d, f, heads);
        for (size_t j = 0; j < n; j++)
            add_head_entry(&h, &f->id, heads[j]->head_seq, &heads[j]->head_hash);
    }
    ward_hash_end(&h, &space->digest);
}

bool ward_space_is_common(const struct ward_space *s, const struct ward_grant *self, const struct ward_grant *peer)
{
    return s->changes > 0 && ward_may_read(self, s->circle, s->circle_count) && (!peer || ward_may_read(peer, s->circle, s->circle_count));
}

static int by_space_id(const void *a, const void *b)
{
    return ward_hash_compare(&(*(const struct ward_space *const *)a)->id, &(*(const struct ward_space *const *)b)->id);
}

int ward_directory_common(const struct ward_directory *d, const struct ward_grant *self, const struct ward_grant *peer,
                          struct ward_hash *out)
{
    const struct ward_space **common = ward_alloc(d->env, (d->space_count + 1) * sizeof *common);
    size_t n = 0;
    ward_hasher h;
    if (!common)
        return WARD_ERR_MEMORY;
    ward_hash_begin(&h, "wardsync common");
    for (size_t i = 0; i < d->space_count; i++)
        if (ward_space_is_common(&d->spaces[i], self, peer))
            common[n++] = &d->spaces[i];
    if (n)
        qsort(common, n, sizeof *common, by_space_id);
    add_head(&h, n, cbor_encode_array_start);
    for (size_t i = 0; i < n; i++) {
        add_head(&h, 2, cbor_encode_array_start);
        add_hash(&h, &common[i]->id);
        add_hash(&h, &common[i]->digest);
    }
    ward_hash_end(&h, out);
    ward_release(d->env, common);
    return WARD_OK;
}
