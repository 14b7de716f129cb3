/* check_secrets.c - what may stand in key files alone stands in no frame, no error and no other file (S19). */
#include "check_parts.h"
#include "disk_inside.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* At one place in so many the bytes that follow are looked at: wherever a secret stands, one of its first so many places is. */
#define SECRET_STEP 8u

static uint64_t eight(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint8_t *secret_mark(struct world *w, uint64_t x, uint8_t *bit)
{
    uint64_t h = x * 0x9e3779b97f4a7c15u >> 47;
    *bit = (uint8_t)(1u << h % 8);
    return &w->secret_marks[h / 8];
}

void check_keep_secret(struct world *w, const void *p, size_t len)
{
    if (w->secret_count == SECRETS_MAX || len > sizeof w->secrets[0].b || len < SECRET_STEP + sizeof(uint64_t))
        return;
    memcpy(w->secrets[w->secret_count].b, p, len);
    w->secrets[w->secret_count++].len = len;
    for (size_t i = 0; i < SECRET_STEP; i++) {
        uint8_t bit, *mark = secret_mark(w, eight((const uint8_t *)p + i), &bit);
        *mark |= bit;
    }
}

void check_keep_keys(struct device *d)
{
    static const char *const names[] = {"device.key", "root.key"};
    char path[80];
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        snprintf(path, sizeof path, "%s/%s", d->home, names[i]);
        const uint8_t *p = disk_file(d->disk, path, &len);
        if (!p || len < 70)
            continue;
        check_keep_secret(d->w, p + 4, 32); /* [1, seed, link_sk] */
        check_keep_secret(d->w, p + 38, 32);
        if (i == 0)
            crypto_scalarmult_base(d->link_pk, p + 38);
    }
}

static bool stands_around(const struct world *w, const uint8_t *p, size_t len, size_t at)
{
    for (size_t j = 0; j < w->secret_count; j++)
        for (size_t before = 0; before < SECRET_STEP && before <= at; before++)
            if (w->secrets[j].len <= len - (at - before) && memcmp(p + at - before, w->secrets[j].b, w->secrets[j].len) == 0)
                return true;
    return false;
}

static bool holds_secret(struct world *w, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= len; i += SECRET_STEP) {
        uint8_t bit;
        if (*secret_mark(w, eight(p + i), &bit) & bit && stands_around(w, p, len, i))
            return true;
    }
    return false;
}

void check_no_secret(struct world *w, const char *where, const void *p, size_t len)
{
    if (holds_secret(w, p, len))
        violated(w, "S19", "a secret stands in %s", where);
}

void check_error(struct device *d, const struct ward_error *err)
{
    check_no_secret(d->w, "an error", err->detail, strlen(err->detail));
}

static void look_at_file(void *ctx, const char *path, const uint8_t *p, size_t len)
{
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".key") != 0)
        check_no_secret(ctx, path, p, len);
}

void check_secrets_on_disks(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        disk_each(w->d[i].disk, look_at_file, w);
}
