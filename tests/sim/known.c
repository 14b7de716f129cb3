/* known.c - stands before libsodium's functions of keys and signatures: what was worked out for the very same bytes before is not worked
 * out again. Each seal of a ward is checked by all its devices, several times, and each opening of a home works out its keys: that was a
 * fifth of the simulator's time. The library is the one that ships and asks as ever; an answer, good or bad, is libsodium's own to these
 * bytes, but for that of the passphrase of the recovery sheet. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX  256 /* of what is longer its hash stands there */
#define ANSWER_MAX 96
#define KNOWN      8192 /* a power of two; a later question may take an earlier one's place */

/* What is asked: the function and all bytes that its answer depends on. */
struct question {
    size_t len; /* 0: none */
    unsigned char b[BYTES_MAX];
};
enum function { VERIFY = 1, IS_VALID_POINT, MULTIPLY, MULTIPLY_BASE, KEYS_FROM_SEED, HASHED = 0x80 };

struct known {
    struct question q;
    int rc;
    unsigned char answer[ANSWER_MAX];
};
static struct known known[KNOWN];

static void add(struct question *q, const void *p, unsigned long long len)
{
    unsigned char hash[crypto_generichash_BYTES_MAX];
    if (len > BYTES_MAX - q->len) { /* the message: keys and signatures are short */
        crypto_generichash(hash, sizeof hash, p, len, NULL, 0);
        q->b[0] |= HASHED;
        p = hash;
        len = sizeof hash;
    }
    memcpy(q->b + q->len, p, (size_t)len);
    q->len += (size_t)len;
}

static struct question ask(enum function function, const void *p, size_t len)
{
    struct question q;
    q.len = 1;
    q.b[0] = (unsigned char)function;
    add(&q, p, len);
    return q;
}

static struct known *place(const struct question *q)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < q->len; i++)
        h = (h ^ q->b[i]) * 0x100000001b3u;
    return &known[(h ^ h >> 32) & (KNOWN - 1)];
}

static bool recall(const struct question *q, int *rc, void *answer, size_t len)
{
    const struct known *k = place(q);
    if (k->q.len != q->len || memcmp(k->q.b, q->b, q->len) != 0)
        return false;
    if (len)
        memcpy(answer, k->answer, len);
    *rc = k->rc;
    return true;
}

static int keep(const struct question *q, int rc, const void *answer, size_t len)
{
    struct known *k = place(q);
    k->q.len = q->len;
    memcpy(k->q.b, q->b, q->len);
    if (len)
        memcpy(k->answer, answer, len);
    return k->rc = rc;
}

#define INSTEAD __attribute__((visibility("default")))

INSTEAD int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long len, const unsigned char *pk)
{
    struct question q = ask(VERIFY, sig, crypto_sign_BYTES);
    int rc;
    add(&q, pk, crypto_sign_PUBLICKEYBYTES);
    add(&q, m, len);
    return recall(&q, &rc, NULL, 0) ? rc : keep(&q, crypto_sign_ed25519_verify_detached(sig, m, len, pk), NULL, 0);
}

/* By a pair that libsodium made its own signature is good: nobody needs to work that out again. */
INSTEAD int crypto_sign_detached(unsigned char *sig, unsigned long long *sig_len, const unsigned char *m, unsigned long long len,
                                 const unsigned char *sk)
{
    unsigned char both[crypto_sign_PUBLICKEYBYTES + crypto_sign_SECRETKEYBYTES];
    struct question q = ask(KEYS_FROM_SEED, sk, crypto_sign_SEEDBYTES);
    int made, rc = crypto_sign_ed25519_detached(sig, sig_len, m, len, sk);
    if (rc || !recall(&q, &made, both, sizeof both) || memcmp(both + crypto_sign_PUBLICKEYBYTES, sk, crypto_sign_SECRETKEYBYTES) != 0)
        return rc;
    q = ask(VERIFY, sig, crypto_sign_BYTES);
    add(&q, sk + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES);
    add(&q, m, len);
    return keep(&q, 0, NULL, 0);
}

INSTEAD int crypto_scalarmult(unsigned char *out, const unsigned char *n, const unsigned char *p)
{
    struct question q = ask(MULTIPLY, n, crypto_scalarmult_SCALARBYTES);
    int rc;
    add(&q, p, crypto_scalarmult_BYTES);
    if (recall(&q, &rc, out, crypto_scalarmult_BYTES))
        return rc;
    rc = crypto_scalarmult_curve25519(out, n, p);
    return keep(&q, rc, out, crypto_scalarmult_BYTES);
}

INSTEAD int crypto_scalarmult_base(unsigned char *out, const unsigned char *n)
{
    struct question q = ask(MULTIPLY_BASE, n, crypto_scalarmult_SCALARBYTES);
    int rc;
    if (recall(&q, &rc, out, crypto_scalarmult_BYTES))
        return rc;
    rc = crypto_scalarmult_curve25519_base(out, n);
    return keep(&q, rc, out, crypto_scalarmult_BYTES);
}

INSTEAD int crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed)
{
    struct question q = ask(KEYS_FROM_SEED, seed, crypto_sign_SEEDBYTES);
    unsigned char both[crypto_sign_PUBLICKEYBYTES + crypto_sign_SECRETKEYBYTES];
    int rc;
    if (!recall(&q, &rc, both, sizeof both)) {
        rc = crypto_sign_ed25519_seed_keypair(both, both + crypto_sign_PUBLICKEYBYTES, seed);
        keep(&q, rc, both, sizeof both);
    }
    memcpy(pk, both, crypto_sign_PUBLICKEYBYTES);
    memcpy(sk, both + crypto_sign_PUBLICKEYBYTES, crypto_sign_SECRETKEYBYTES);
    return rc;
}

/* Slow on purpose: that is not worked out at all. Whoever has the passphrase gets the same key each time, and nobody else does. */
INSTEAD int crypto_pwhash(unsigned char *const out, unsigned long long out_len, const char *const passphrase, unsigned long long len,
                          const unsigned char *const salt, unsigned long long passes, size_t memory, int alg)
{
    crypto_generichash_state h;
    crypto_generichash_init(&h, salt, crypto_pwhash_SALTBYTES, (size_t)out_len);
    crypto_generichash_update(&h, (const unsigned char *)&passes, sizeof passes);
    crypto_generichash_update(&h, (const unsigned char *)&memory, sizeof memory);
    crypto_generichash_update(&h, (const unsigned char *)&alg, sizeof alg);
    crypto_generichash_update(&h, (const unsigned char *)passphrase, len);
    return crypto_generichash_final(&h, out, (size_t)out_len);
}

/* This one has no other name in libsodium; and dlsym gives functions as object pointers. */
static int is_valid_point(const unsigned char *p)
{
    static int (*original)(const unsigned char *);
    if (!original) {
        void *at = dlsym(RTLD_NEXT, "crypto_core_ed25519_is_valid_point");
        if (!at)
            abort();
        memcpy(&original, &at, sizeof original);
    }
    return original(p);
}

INSTEAD int crypto_core_ed25519_is_valid_point(const unsigned char *p)
{
    struct question q = ask(IS_VALID_POINT, p, crypto_core_ed25519_BYTES);
    int rc;
    return recall(&q, &rc, NULL, 0) ? rc : keep(&q, is_valid_point(p), NULL, 0);
}
