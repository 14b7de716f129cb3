/* Stands before libsodium's: a seal that this program has made itself, or has seen to hold, is not worked out again. Histories are sealed
 * here and delivered to several replicas, and half of the time would go into that. Any other seal is looked at as ever. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 192
#define KNOWN       4096 /* a power of two */

struct known {
    unsigned char sig[crypto_sign_BYTES], pk[crypto_sign_PUBLICKEYBYTES], message[MESSAGE_MAX];
    unsigned long long len; /* 0: none */
};
static struct known known[KNOWN];

static struct known *place(const unsigned char *sig)
{
    return &known[(sig[0] | sig[1] << 8) & (KNOWN - 1)];
}

static void note(const unsigned char *sig, const unsigned char *m, unsigned long long len, const unsigned char *pk)
{
    struct known *k = place(sig);
    if (len == 0 || len > MESSAGE_MAX)
        return;
    memcpy(k->sig, sig, sizeof k->sig);
    memcpy(k->pk, pk, sizeof k->pk);
    memcpy(k->message, m, (size_t)len);
    k->len = len;
}

/* dlsym gives functions as object pointers. */
static void *original(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    if (!p)
        abort();
    return p;
}

__attribute__((visibility("default"))) int crypto_sign_detached(unsigned char *sig, unsigned long long *len_p, const unsigned char *m,
                                                                unsigned long long len, const unsigned char *sk)
{
    int (*sign)(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long, const unsigned char *);
    void *p = original("crypto_sign_detached");
    memcpy(&sign, &p, sizeof sign);
    int rc = sign(sig, len_p, m, len, sk);
    if (rc == 0)
        note(sig, m, len, sk + crypto_sign_SEEDBYTES);
    return rc;
}

__attribute__((visibility("default"))) int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                                                       unsigned long long len, const unsigned char *pk)
{
    int (*verify)(const unsigned char *, const unsigned char *, unsigned long long, const unsigned char *);
    const struct known *k = place(sig);
    if (k->len == len && memcmp(k->sig, sig, sizeof k->sig) == 0 && memcmp(k->pk, pk, sizeof k->pk) == 0 &&
        memcmp(k->message, m, (size_t)len) == 0)
        return 0;
    void *p = original("crypto_sign_verify_detached");
    memcpy(&verify, &p, sizeof verify);
    int rc = verify(sig, m, len, pk);
    if (rc == 0)
        note(sig, m, len, pk);
    return rc;
}
