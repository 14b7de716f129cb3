/* enter.h - the steps by which a home gets a grant, whether it is new or exists, whether the answer comes over a link or in a file. */
#ifndef WARD_ENTER_H
#define WARD_ENTER_H

#include "replica/request.h"

struct ward_entering {
    const char *home;
    const struct ward_options *options;
    struct ward_asked asked; /* its ward must be known from the start */
    ward_replica *made;      /* the home as it is, without keys; NULL: there is none yet */
    struct ward_keys *keys;  /* those asked with */
};

/* Makes the directory, or opens what is there. WARD_ERR_HOME_EXISTS: something else than a home of this ward. */
int ward_enter(struct ward_entering *x, struct ward_error *err);
int ward_enter_keys(struct ward_entering *x, const struct ward_env *env, struct ward_error *err);
/* The grant has come: the home is made, or goes on under it. */
int ward_enter_grant(struct ward_entering *x, const uint8_t root_pk[32], const struct ward_hash *grant, const void *body, size_t len,
                     struct ward_error *err);
/* rc: how it went; 0: *out is the home. */
void ward_enter_end(struct ward_entering *x, int rc, ward_replica **out);

#endif
