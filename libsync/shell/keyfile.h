/* keyfile.h - the bytes of a key file and of a recovery sheet, open or sealed with a passphrase. proto/keyfile.md. */
#ifndef WARD_KEYFILE_H
#define WARD_KEYFILE_H

#include "base/buf.h"
#include "shell/keys.h"

#define WARD_KEY_FILE_MAX 512u
#define WARD_SALT_BYTES   16u

/* What a guess at a passphrase costs: Argon2id goes so many times over so much memory. */
struct ward_kdf {
    uint32_t passes, kib;
};
/* 64 MiB three times, RFC 9106's second recommended choice: 0.09 s measured on a server core of 2021, about a second on a laptop ten
 * years old. A person waits for it at every command that writes, and such a laptop has 64 MiB to spare. */
#define WARD_KDF_KEY_FILE ((struct ward_kdf){3, 65536})
/* A sheet lies where others pass, and is opened once in years: 256 MiB four times, 0.6 s and some five seconds. */
#define WARD_KDF_SHEET ((struct ward_kdf){4, 262144})
/* What a file may ask for: 2.5 s here at most, half a minute there, and no more memory than any laptop has. */
#define WARD_KDF_PASSES_MAX 8u
#define WARD_KDF_KIB_MIN    8u
#define WARD_KDF_KIB_MAX    524288u

/* The room is taken at once, so that growing leaves no copy behind; the caller wipes it. WARD_ERR_MEMORY shows in the buffer. */
void ward_keyfile_write(struct ward_buf *out, const struct ward_keys *k);
/* full: both secrets, as in a key file; else the signing seed alone, as on a sheet. WARD_ERR_PASSPHRASE_SHORT, WARD_ERR_UTF8,
 * WARD_ERR_MEMORY, WARD_ERR_RANDOM. */
int ward_keyfile_seal(struct ward_buf *out, const struct ward_keys *k, bool full, const struct ward_kdf *kdf, const char *passphrase,
                      struct ward_error *err);

/* Reads a file as far as it goes without a passphrase: k holds the public halves, and all of it where the file is open; k->locked
 * tells. WARD_ERR_KEY_FILE: damaged, or asking for more than is allowed; WARD_ERR_VERSION. */
int ward_keyfile_read(struct ward_keys *k, const void *p, size_t len, struct ward_error *err);
/* Opens the same file; nothing to do where it is open already. WARD_ERR_PASSPHRASE: it is the wrong one. */
int ward_keyfile_unseal(struct ward_keys *k, const void *p, size_t len, const char *passphrase, struct ward_error *err);

#endif
