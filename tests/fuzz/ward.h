/* ward.h - a small ward on disks of memory, always the same: an office (the founder, an operator), a second operator, two cells, each with
 * words of its own that the others have not heard yet. For targets that bring what comes from outside to a whole replica.
 *
 * The devices' keys are known here, so that what a target makes up can be sealed: what is fuzzed is what a granted device might write.
 */
#ifndef WARD_TEST_FUZZ_WARD_H
#define WARD_TEST_FUZZ_WARD_H

#include "fuzz.h"
#include "replica/replica.h"

enum who { OFFICE, SECOND, CELL_A, CELL_B, DEVICES };

enum {
    KIND_ITEM = 100,
    TITLE = WARD_FIELD(WARD_OPEN, 1),
    NOTE = WARD_FIELD(WARD_OPEN, 2),
    LEVEL = WARD_FIELD(WARD_OPEN, 3),
    DUE = WARD_FIELD(WARD_GOVERNED, 4),
    OWNER = WARD_FIELD(WARD_OPEN, 5),
    TAGS = WARD_FIELD(WARD_MEMBER, 6),
    COUNTED = WARD_FIELD(WARD_TALLY, 7)
};
extern const struct ward_schema fuzz_schema;

enum { SPACE_WARD, SPACE_A, SPACE_B, SPACE_BOTH, SPACES };

struct fuzz_device {
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    struct ward_sign_key sign;
    uint8_t link_pk[32];
};
struct fuzz_ward {
    struct ward_hash ward;
    struct fuzz_device d[DEVICES];
    struct ward_hash spaces[SPACES];
    char invitation[WARD_INVITE_MAX]; /* to a cell of unit a, by the office, not used yet */
};
extern struct fuzz_ward the_ward;

#define CHECK_OK(call)                                                                                                                     \
    do {                                                                                                                                   \
        struct ward_error check_err = {0}, *err = &check_err;                                                                              \
        int check_rc = (call);                                                                                                             \
        if (check_rc)                                                                                                                      \
            fprintf(stderr, "%s: %d %s: %s\n", #call, check_rc, ward_error_name(check_rc), check_err.detail);                              \
        CHECK(check_rc == WARD_OK);                                                                                                        \
    } while (0)

/* Founds the ward when first called. */
void fuzz_ward_begin(void);
/* A device as it was at the beginning, whatever has become of it: its disk is put back. `at`: which of the two disks of it. */
ward_replica *fuzz_device_open(enum who who, unsigned at);
/* As it is now. */
ward_replica *fuzz_device_reopen(enum who who, unsigned at);
struct disk *fuzz_device_disk(enum who who, unsigned at);
const char *fuzz_device_home(enum who who, unsigned at);
const struct ward_options *fuzz_options(void);
/* Writes a title to an item of a space the device may write. */
void fuzz_write(ward_replica *r, const struct ward_hash *space, uint8_t entity, uint32_t field, const struct ward_value *value);
struct ward_id fuzz_entity(uint8_t n);

/* Everything that counts of a replica, for comparing: its directory and the state of every space. */
struct ward_hash fuzz_print_of(ward_replica *r);
/* The same changes and the same state in every space that either has. */
void fuzz_compare(ward_replica *a, ward_replica *b);
/* Chains, seals, state, plain tables: nothing is wrong with it. */
void fuzz_verify(ward_replica *r);

#endif
