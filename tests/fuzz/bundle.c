/* Bundles as files, read by a whole replica: those of three devices, their frames bent, left out, doubled, swapped, made up, cut off, by
 * the input's word, and most of the time sealed again by a device that may, so that what is inside is looked at. What is refused changes
 * nothing, altered files without a good seal are refused, reading twice is reading once, showing is not reading. */
#include "base/limits.h"
#include "disk.h"
#include "rules/frame.h"
#include "shape.h"
#include "shell/platform.h"
#include "values/hash.h"
#include "values/seal.h"
#include "ward.h"

#define FRAMES_MAX 24
#define PATH       "/d00/sent.bundle"

struct frame {
    uint8_t *p;
    size_t len;
};
struct file {
    struct frame f[FRAMES_MAX];
    size_t count;
};

static struct file written[DEVICES]; /* by SECOND and the cells, without their ends */
static struct ward_buf whole[DEVICES];

static void add_frame(struct file *file, size_t at, const uint8_t *p, size_t len)
{
    if (file->count == FRAMES_MAX)
        return;
    memmove(&file->f[at + 1], &file->f[at], (file->count - at) * sizeof file->f[0]);
    file->f[at] = (struct frame){malloc(len + 1), len};
    CHECK(file->f[at].p);
    if (len)
        memcpy(file->f[at].p, p, len);
    file->count++;
}

static void drop_frame(struct file *file, size_t at)
{
    free(file->f[at].p);
    file->count--;
    memmove(&file->f[at], &file->f[at + 1], (file->count - at) * sizeof file->f[0]);
} /* the file keeps its frames. NOLINT(clang-analyzer-unix.Malloc) */

static void write_by(enum who who)
{
    ward_replica *r = fuzz_device_open(who, 0);
    char path[64];
    size_t len, n;
    const uint8_t *p;
    struct ward_cbor c;
    const struct ward_bundle_options options = {0};
    snprintf(path, sizeof path, "%s.bundle", fuzz_device_home(who, 0));
    CHECK_OK(ward_bundle_write(r, path, &options, NULL, err));
    p = disk_file(fuzz_device_disk(who, 0), path, &len);
    CHECK(p);
    ward_buf_init(&whole[who], &fuzz_env);
    ward_buf_add(&whole[who], p, len);
    ward_cbor_init(&c, whole[who].p, len);
    while (!ward_cbor_at_end(&c)) {
        CHECK(ward_cbor_bytes(&c, &p, &n));
        add_frame(&written[who], written[who].count, p, n);
    }
    drop_frame(&written[who], written[who].count - 1);
    ward_close(r);
}

/* ---- what the input makes of one */

static void bend(struct frame *f, struct fuzz_input *in)
{
    uint8_t *more = realloc(f->p, f->len + 513);
    CHECK(more);
    f->p = more;
    f->len = shape_bend(f->p, f->len, f->len + 512, in);
}

static void edit(struct file *file, struct fuzz_input *in)
{
    uint8_t how = fuzz_byte(in);
    size_t at = file->count ? how / 8 % file->count : 0;
    struct fuzz_input part;
    if (file->count == 0)
        return;
    switch (how % 8) {
    case 0:
        drop_frame(file, at);
        break;
    case 1:
        add_frame(file, at, file->f[at].p, file->f[at].len);
        break;
    case 2: {
        struct frame first = file->f[0];
        file->f[0] = file->f[at];
        file->f[at] = first;
        break;
    }
    case 3: /* another device's */
        part = fuzz_part(in, 1);
        if (part.len) {
            const struct file *other = &written[SECOND + part.p[0] % 3];
            const struct frame *f = &other->f[part.p[0] / 3 % other->count];
            add_frame(file, file->count, f->p, f->len);
        }
        break;
    case 4:
        part = fuzz_part(in, fuzz_byte(in));
        add_frame(file, at, part.p, part.len);
        break;
    case 5:
        bend(&file->f[0], in);
        break;
    default:
        bend(&file->f[at], in);
    }
} /* NOLINT(clang-analyzer-unix.Malloc) */

/* The header says how many runs follow. */
static void count_runs(struct file *file)
{
    struct ward_message m;
    struct ward_buf number, header;
    if (file->count == 0 || ward_frame_parse(&m, file->f[0].p, file->f[0].len, NULL) || m.type != WARD_MSG_BUNDLE)
        return;
    ward_buf_init(&number, &fuzz_env);
    ward_buf_init(&header, &fuzz_env);
    ward_put_uint(&number, m.bundle.runs);
    ward_buf_add(&header, file->f[0].p, file->f[0].len - number.len);
    ward_put_uint(&header, file->count - 1);
    drop_frame(file, 0);
    add_frame(file, 0, header.p, header.len);
    ward_buf_free(&number);
    ward_buf_free(&header);
}

static void put_frame(struct ward_buf *out, const void *p, size_t len)
{
    ward_put_bytes(out, p, len);
}

static void put_together(struct ward_buf *out, const struct file *file, enum who sealer, const struct ward_hash *writer, bool good)
{
    struct ward_buf end;
    struct ward_hash hash;
    uint8_t sig[64];
    for (size_t i = 0; i < file->count; i++)
        put_frame(out, file->f[i].p, file->f[i].len);
    ward_hash_once(&hash, "wardsync bundle", out->p, out->len);
    uint64_t runs = file->count ? file->count - 1 : 0;
    ward_seal_make_bundle(sig, writer, &hash, runs, &the_ward.d[sealer].sign);
    sig[0] ^= !good;
    ward_buf_init(&end, &fuzz_env);
    ward_frame_begin(&end, WARD_MSG_BUNDLE_END, 2);
    ward_put_bytes(&end, hash.b, 32);
    ward_put_bytes(&end, sig, 64);
    put_frame(out, end.p, end.len);
    ward_buf_free(&end);
}

/* ---- reading it */

static void read_twice(ward_replica *r, bool must_fail)
{
    struct ward_bundle_info shown = {0}, first = {0}, again = {0};
    struct ward_error err = {0};
    struct ward_hash before = fuzz_print_of(r), after;
    int show = ward_bundle_show(r, PATH, &shown, &err);
    CHECK(show != WARD_ERR_INTERNAL && show != WARD_ERR_MEMORY && (show == WARD_OK || show == err.code));
    after = fuzz_print_of(r);
    CHECK(memcmp(before.b, after.b, 32) == 0);
    int read = ward_bundle_read(r, PATH, NULL, NULL, &first, &err);
    CHECK(read == show && !(must_fail && read == WARD_OK));
    after = fuzz_print_of(r);
    if (read) {
        CHECK(memcmp(before.b, after.b, 32) == 0);
        return;
    }
    CHECK(first.runs == shown.runs && first.changes == shown.changes && first.applied + first.known + first.refused <= first.changes);
    CHECK((first.refused == 0) == (first.first_refusal == 0));
    CHECK(ward_bundle_read(r, PATH, NULL, NULL, &again, &err) == WARD_OK && again.applied == 0);
    before = fuzz_print_of(r);
    CHECK(memcmp(before.b, after.b, 32) == 0);
    if (first.applied)
        fuzz_verify(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    struct file file = {.count = 0};
    struct ward_buf bytes;
    if (!whole[SECOND].p)
        for (int who = SECOND; who < DEVICES; who++)
            write_by((enum who)who);
    uint8_t how = fuzz_byte(&in), seal = fuzz_byte(&in);
    enum who who = (enum who)(SECOND + how % 3);
    ward_buf_init(&bytes, &fuzz_env);
    for (size_t i = 0; i < written[who].count; i++)
        add_frame(&file, i, written[who].f[i].p, written[who].f[i].len);
    while (in.len > 0 && how < 200)
        edit(&file, &in);
    if (!(seal & 1))
        count_runs(&file);
    enum who sealer = seal & 2 && seal & 4 ? (enum who)(seal / 8 % DEVICES) : who;
    put_together(&bytes, &file, sealer, &the_ward.d[who].grant, seal < 240);
    size_t cut_off = how >= 200 ? fuzz_uint(&in, 2) % bytes.len : 0;
    bytes.len -= cut_off;
    bool same = fuzz_same(bytes.p, bytes.len, whole[who].p, whole[who].len);
    ward_replica *r = fuzz_device_open(OFFICE, 0);
    disk_set_file(fuzz_device_disk(OFFICE, 0), PATH, bytes.p, bytes.len, 0644);
    read_twice(r, cut_off || (!same && (sealer != who || seal >= 240)));
    ward_close(r);
    ward_buf_free(&bytes);
    while (file.count)
        drop_frame(&file, file.count - 1);
    return 0;
}
