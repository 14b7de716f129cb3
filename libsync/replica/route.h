/* route.h - where a peer is and which key it must show. */
#ifndef WARD_ROUTE_H
#define WARD_ROUTE_H

#include "base/limits.h"
#include "replica/replica.h"

struct ward_route {
    char address[128];
    uint8_t link_pk[32];
    struct ward_grant peer; /* id zero while its grant has not arrived here */
    int64_t met_ms;         /* when it answered there last; 0: never */
};
struct ward_routes {
    struct ward_route v[WARD_ROUTES_MAX];
    size_t count;
};
/* For ward_sync and ward_serve: a named device at an address, whoever was met there before, or the hub (address NULL: all of the ward's hub
 * addresses, who answered last first). To be tried in turn; where nobody answers at an address at all, no other key will. WARD_ERR_NO_HUB,
 * WARD_ERR_ADDRESS, WARD_ERR_NOT_FOUND. */
int ward_routes_find(ward_replica *r, const char *address, const struct ward_hash *device, struct ward_routes *out, struct ward_error *err);

#endif
