/* sheet.c - the recovery sheet: the root's seed, sealed, as twelve lines that can be typed in again and as one code for a picture.
 * proto/keyfile.md. */
#include "base/err.h"
#include "replica/replica.h"
#include "shell/keyfile.h"
#include "shell/platform.h"
#include "values/base32.h"
#include "values/feed.h"
#include "values/hash.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX      "WSR1-"
#define SHEET_BYTES 120u
#define LINE_BYTES  (SHEET_BYTES / WARD_SHEET_LINES)
#define LINE_CHARS  WARD_BASE32_CHARS(LINE_BYTES)
#define CHECK_CHARS 4u
#define CODE_CHARS  WARD_BASE32_CHARS(SHEET_BYTES)

_Static_assert(LINE_CHARS == 16 && sizeof PREFIX + CODE_CHARS <= WARD_SHEET_CODE, "a line is five groups of four");

static void check_of(char out[CHECK_CHARS], unsigned number, const uint8_t p[LINE_BYTES])
{
    uint8_t bytes[1 + LINE_BYTES];
    char text[WARD_BASE32_CHARS(5) + 1];
    struct ward_hash h;
    bytes[0] = (uint8_t)number;
    memcpy(bytes + 1, p, LINE_BYTES);
    ward_hash_once(&h, "wardsync sheet", bytes, sizeof bytes);
    ward_base32_encode(text, h.b, 5);
    memcpy(out, text, CHECK_CHARS);
}

static void write_line(char out[WARD_SHEET_LINE], unsigned number, const uint8_t p[LINE_BYTES])
{
    char chars[LINE_CHARS + CHECK_CHARS + 1];
    ward_base32_encode(chars, p, LINE_BYTES);
    check_of(chars + LINE_CHARS, number, p);
    snprintf(out, WARD_SHEET_LINE, "%.4s %.4s %.4s %.4s  %.4s", chars, chars + 4, chars + 8, chars + 12, chars + 16);
}

static void show(struct ward_sheet *out, const uint8_t bytes[SHEET_BYTES])
{
    for (unsigned i = 0; i < WARD_SHEET_LINES; i++)
        write_line(out->line[i], i + 1, bytes + (size_t)i * LINE_BYTES);
    memcpy(out->code, PREFIX, sizeof PREFIX);
    ward_base32_encode(out->code + sizeof PREFIX - 1, bytes, SHEET_BYTES);
}

/* The characters that count, up to the line's end; digits that do not occur are read as the letters they are mistaken for. False where
 * there are others, or not as many as wanted. */
static bool gather(char *out, size_t want, const char *p)
{
    size_t n = 0;
    for (; *p && *p != '\n' && *p != '\r'; p++) {
        if (*p == ' ' || *p == '\t' || *p == '-')
            continue;
        if (n == want)
            return false;
        int c = toupper((unsigned char)*p);
        out[n++] = (char)(c == '0' ? 'O' : c == '1' ? 'I' : c == '8' ? 'B' : c);
    }
    out[n] = 0;
    return n == want;
}

static bool read_line(uint8_t out[LINE_BYTES], unsigned number, const char *typed)
{
    char chars[LINE_CHARS + CHECK_CHARS + 1], check[CHECK_CHARS];
    size_t len;
    if (!gather(chars, LINE_CHARS + CHECK_CHARS, typed))
        return false;
    memcpy(check, chars + LINE_CHARS, CHECK_CHARS);
    chars[LINE_CHARS] = 0;
    if (!ward_base32_decode(out, LINE_BYTES, &len, chars) || len != LINE_BYTES)
        return false;
    check_of(chars, number, out);
    return memcmp(chars, check, CHECK_CHARS) == 0;
}

bool ward_sheet_line_fits(unsigned number, const char *typed)
{
    uint8_t bytes[LINE_BYTES];
    return number >= 1 && number <= WARD_SHEET_LINES && read_line(bytes, number, typed);
}

/* "7  ABCD ...", with anything or nothing of ".:)" after the number. Returns the number, or 0 where it is no such line. */
static unsigned numbered(const char *line, const char **rest)
{
    unsigned n = 0;
    while (*line == ' ' || *line == '\t')
        line++;
    const char *digits = line;
    while (isdigit((unsigned char)*line) && line - digits < 2)
        n = n * 10 + (unsigned)(*line++ - '0');
    if (line == digits || n < 1 || n > WARD_SHEET_LINES || !*line || !strchr(" \t.:)", *line))
        return 0;
    *rest = line + strspn(line, " \t.:)");
    return n;
}

/* All bytes, or the lines that are missing or wrong. */
static uint32_t read_lines(uint8_t out[SHEET_BYTES], const char *text)
{
    uint32_t bad = (1u << WARD_SHEET_LINES) - 1;
    while (*text) {
        const char *rest;
        unsigned n = numbered(text, &rest);
        if (n && read_line(out + (size_t)(n - 1) * LINE_BYTES, n, rest))
            bad &= ~(1u << (n - 1));
        else if (n)
            bad |= 1u << (n - 1);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return bad;
}

static bool read_code(uint8_t out[SHEET_BYTES], const char *text)
{
    char chars[CODE_CHARS + 1];
    size_t len;
    const char *at = strstr(text, PREFIX);
    return at && gather(chars, CODE_CHARS, at + sizeof PREFIX - 1) && ward_base32_decode(out, SHEET_BYTES, &len, chars) &&
           len == SHEET_BYTES;
}

/* What a whole file looks like that belongs on a sheet. */
static int check_bytes(struct ward_keys *k, const uint8_t bytes[SHEET_BYTES], struct ward_error *err)
{
    static const uint8_t none[32];
    int rc = ward_keyfile_read(k, bytes, SHEET_BYTES, err);
    if (rc == WARD_ERR_VERSION)
        return rc;
    if (rc || !k->locked || memcmp(k->link_pk, none, sizeof none) != 0)
        return ward_fail(err, WARD_ERR_SHEET, "its lines do not belong to one sheet");
    return WARD_OK;
}

static int with_keys(int (*work)(struct ward_keys *k, void *ctx, struct ward_error *err), void *ctx, struct ward_error *err)
{
    int rc = ward_crypto_start(err);
    if (rc)
        return rc;
    ward_process_harden();
    struct ward_keys *k = ward_keys_new();
    rc = k ? work(k, ctx, err) : ward_fail(err, WARD_ERR_MEMORY, "keys");
    ward_keys_free(k);
    return rc;
}

struct reading {
    const char *text;
    uint8_t bytes[SHEET_BYTES];
    struct ward_sheet *out;
    uint32_t bad;
};

static int read_text(struct ward_keys *k, void *ctx, struct ward_error *err)
{
    struct reading *x = ctx;
    x->bad = read_code(x->bytes, x->text) ? 0 : read_lines(x->bytes, x->text);
    if (x->bad) {
        char lines[64] = "";
        size_t n = 0;
        for (unsigned i = 0; i < WARD_SHEET_LINES; i++)
            if (x->bad & (1u << i))
                n += (size_t)snprintf(lines + n, sizeof lines - n, "%s%u", n ? ", " : "", i + 1);
        return ward_fail(err, WARD_ERR_SHEET, "line %s", lines);
    }
    int rc = check_bytes(k, x->bytes, err);
    if (rc)
        return rc;
    show(x->out, x->bytes);
    memcpy(x->out->root_pk, k->sign.pk, 32);
    ward_name_ward(&x->out->ward, k->sign.pk);
    return WARD_OK;
}

int ward_sheet_read(const char *text, struct ward_sheet *out, uint32_t *bad, struct ward_error *err)
{
    struct ward_sheet sheet = {.code = ""};
    struct reading x = {.text = text, .out = &sheet};
    int rc = with_keys(read_text, &x, err);
    if (bad)
        *bad = x.bad;
    if (!rc)
        *out = sheet;
    return rc;
}

/* ---- making */

struct making {
    const char *home, *before, *now;
    const struct ward_env *env;
    struct ward_sheet *out;
};

static int seal_root(struct ward_keys *root, const struct making *x, struct ward_buf *b, struct ward_error *err)
{
    int rc = ward_keyfile_seal(b, root, false, &WARD_KDF_SHEET, x->now, err);
    if (rc)
        return rc;
    if (b->len != SHEET_BYTES)
        return ward_fail(err, WARD_ERR_INTERNAL, "a sheet of %zu bytes", b->len);
    show(x->out, b->p);
    memcpy(x->out->root_pk, root->sign.pk, 32);
    ward_name_ward(&x->out->ward, root->sign.pk);
    return WARD_OK;
}

static int make(struct ward_keys *root, void *ctx, struct ward_error *err)
{
    struct making *x = ctx;
    struct ward_buf b;
    char path[640];
    snprintf(path, sizeof path, "%s/root.key", x->home);
    int rc = ward_keys_load_with(root, path, x->before, err);
    if (rc)
        return rc == WARD_ERR_KEY_MISSING ? ward_fail(err, WARD_ERR_ROOT_MISSING, "%s", path) : rc;
    ward_buf_init(&b, x->env);
    rc = seal_root(root, x, &b, err);
    ward_buf_free(&b);
    return rc;
}

int ward_sheet_make(const char *home, const char *before, const char *now, const struct ward_options *options, struct ward_sheet *out,
                    struct ward_error *err)
{
    struct ward_sheet sheet = {.code = ""};
    struct making x = {home, before, now, options && options->env ? options->env : ward_platform_env(), &sheet};
    int rc = with_keys(make, &x, err);
    if (!rc)
        *out = sheet;
    return rc;
}

/* ---- opening */

int ward_sheet_open(struct ward_keys *root, const struct ward_sheet *sheet, const char *passphrase, struct ward_error *err)
{
    uint8_t bytes[SHEET_BYTES];
    if (!read_code(bytes, sheet->code))
        return ward_fail(err, WARD_ERR_SHEET, "code");
    int rc = check_bytes(root, bytes, err);
    if (!rc)
        rc = ward_keyfile_unseal(root, bytes, sizeof bytes, passphrase, err);
    return rc == WARD_ERR_KEY_FILE ? ward_fail(err, WARD_ERR_SHEET, "its public and secret keys do not belong together") : rc;
}

struct checking {
    const ward_replica *r;
    const struct ward_sheet *sheet;
    const char *passphrase;
};

static int check(struct ward_keys *root, void *ctx, struct ward_error *err)
{
    const struct checking *x = ctx;
    int rc = ward_sheet_open(root, x->sheet, x->passphrase, err);
    return !rc && memcmp(root->sign.pk, x->r->root_pk, 32) != 0 ? ward_fail(err, WARD_ERR_SHEET_WARD, "sheet") : rc;
}

int ward_sheet_check(ward_replica *r, const struct ward_sheet *sheet, const char *passphrase, bool remove_root, struct ward_error *err)
{
    struct checking x = {r, sheet, passphrase};
    char path[640];
    if (ward_hash_compare(&sheet->ward, &r->ward) != 0)
        return ward_fail(err, WARD_ERR_SHEET_WARD, "sheet");
    int rc = with_keys(check, &x, err);
    if (rc || !remove_root)
        return rc;
    snprintf(path, sizeof path, "%s/root.key", r->home);
    if (!ward_file_exists(path))
        return ward_fail(err, WARD_ERR_ROOT_MISSING, "%s", path);
    ward_file_sweep(path);
    return ward_file_delete(path, err);
}
