/* test_hub.c - a hub apart from the founder: whom it lets in, where others are sent, and who may take its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "replica/invite.h"
#include "replica/route.h"
#include "replicas.h"
#include "values/hash.h"

#include <sodium.h>

#define DAY_MS 86400000

static const char *const address = "tcp://10.0.0.5:7450";

static void invite(struct world *w, enum ward_role role, struct ward_invitation *out)
{
    char code[WARD_INVITE_MAX];
    struct ward_id unit = unit_id('a');
    OK(w, ward_invite(w->d[0].r, &unit, role, &address, 1, DAY_MS, code, sizeof code, &w->err));
    OK(w, ward_invitation_parse(out, code, &w->err));
}

/* What a device with new keys says to be let in; its answer. */
static int ask(struct world *w, size_t at, const struct ward_invitation *v)
{
    struct ward_keys *keys = ward_keys_new();
    struct ward_hash request, grant;
    struct ward_buf frame, answer;
    struct ward_message m;
    uint8_t sig[64];
    assert_non_null(keys);
    OK(w, ward_keys_generate(keys, &w->d[0].outside.env, &w->err));
    ward_join_hash(&request, &v->ward, v->link_pk, "new", 3, keys->sign.pk, keys->link_pk);
    crypto_sign_detached(sig, NULL, request.b, sizeof request.b, keys->sign.sk);
    ward_buf_init(&frame, &w->d[0].outside.env);
    ward_buf_init(&answer, &w->d[0].outside.env);
    ward_frame_join(&frame, "new", keys->sign.pk, keys->link_pk, sig);
    OK(w, ward_frame_parse(&m, frame.p, frame.len, &w->err));
    int rc = ward_invitation_accept(w->d[at].r, v->link_pk, &m, &answer, &grant, &w->err);
    ward_buf_free(&frame);
    ward_buf_free(&answer);
    ward_keys_free(keys);
    return rc;
}

static void a_hub_uses_up_no_invitation_that_it_may_not_answer(void **state)
{
    struct world w;
    struct ward_invitation cell, inspector;
    (void)state;
    world_found(&w, 1);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1);
    invite(&w, WARD_ROLE_CELL, &cell);
    invite(&w, WARD_ROLE_INSPECTOR, &inspector);
    assert_memory_equal(cell.hub_link_pk, w.d[hub].r->keys->link_pk, 32);
    assert_memory_equal(inspector.hub_link_pk, w.d[0].r->keys->link_pk, 32); /* the operator's own: the hub may let cells in alone */
    give(&w, 0, hub);
    assert_int_equal(ask(&w, hub, &inspector), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ask(&w, hub, &cell), WARD_OK);
    assert_int_equal(ask(&w, 0, &inspector), WARD_OK);
    world_close(&w);
}

static bool leads_to(struct world *w, size_t from, size_t to)
{
    struct ward_routes routes;
    bool found = false;
    if (ward_routes_find(w->d[from].r, NULL, NULL, &routes, &w->err))
        return false;
    for (size_t i = 0; i < routes.count; i++)
        found |= memcmp(routes.v[i].link_pk, w->d[to].r->keys->link_pk, 32) == 0 && strcmp(routes.v[i].address, address) == 0;
    return found;
}

static void another_hub_takes_the_place_of_a_lost_one(void **state)
{
    struct world w;
    struct ward_invitation v;
    (void)state;
    world_found(&w, 2);
    size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 2), first = admit(&w, 'h', WARD_ROLE_HUB, 2);
    invite(&w, WARD_ROLE_CELL, &v); /* makes the address known */
    give(&w, 0, cell);
    assert_true(leads_to(&w, 0, first)); /* a founder was invited by nobody and finds its hub all the same */
    assert_true(leads_to(&w, cell, first));
    OK(&w, ward_revoke(w.d[0].r, &w.d[first].grant, "burnt down", &w.err));
    size_t second = admit(&w, 'h', WARD_ROLE_HUB, 2);
    give(&w, 0, cell);
    assert_true(leads_to(&w, cell, second));
    assert_false(leads_to(&w, cell, first));
    world_close(&w);
}

static void where_one_was_met_is_tried_first(void **state)
{
    struct world w;
    struct ward_invitation v;
    struct ward_routes routes;
    (void)state;
    world_found(&w, 3);
    size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 3), first = admit(&w, 'h', WARD_ROLE_HUB, 3), second = admit(&w, 'h', WARD_ROLE_HUB, 3);
    invite(&w, WARD_ROLE_CELL, &v);
    give(&w, 0, cell);
    for (int i = 0; i < 2; i++) {
        struct ward_store_peer met = {.grant = w.d[i ? first : second].grant, .last_contact_ms = 2000 + i};
        struct ward_store_peer gone = {.grant = w.d[i ? second : first].grant, .last_contact_ms = 1000};
        strcpy(met.address, address);
        strcpy(gone.address, address);
        OK(&w, ward_store_begin(w.d[cell].r->store, &w.err));
        OK(&w, ward_store_put_peer(w.d[cell].r->store, &met, &w.err));
        OK(&w, ward_store_put_peer(w.d[cell].r->store, &gone, &w.err));
        OK(&w, ward_store_commit(w.d[cell].r->store, &w.err));
        OK(&w, ward_routes_find(w.d[cell].r, NULL, NULL, &routes, &w.err));
        assert_int_equal(routes.count, 2);
        assert_memory_equal(routes.v[0].peer.id.b, met.grant.b, 32);
    }
    world_close(&w);
}

/* An operator's device may be the hub by now (from the recovery sheet, say): it is expected too, after the hubs, by whoever was invited. */
static void any_operator_may_answer(void **state)
{
    struct world w;
    struct ward_invitation v;
    struct ward_routes routes;
    (void)state;
    world_found(&w, 4);
    size_t cell = admit(&w, 'a', WARD_ROLE_CELL, 4), hub = admit(&w, 'h', WARD_ROLE_HUB, 4);
    invite(&w, WARD_ROLE_CELL, &v);
    give(&w, 0, cell);
    assert_false(leads_to(&w, cell, 0)); /* nobody invited it */
    OK(&w, ward_store_begin(w.d[cell].r->store, &w.err));
    OK(&w, ward_store_meta_put(w.d[cell].r->store, "hub_key", w.d[hub].r->keys->link_pk, 32, &w.err));
    OK(&w, ward_store_commit(w.d[cell].r->store, &w.err));
    assert_true(leads_to(&w, cell, 0));
    OK(&w, ward_routes_find(w.d[cell].r, NULL, NULL, &routes, &w.err));
    assert_int_equal(routes.count, 2);
    assert_memory_equal(routes.v[0].peer.id.b, w.d[hub].grant.b, 32);
    OK(&w, ward_revoke(w.d[0].r, &w.d[hub].grant, "burnt down", &w.err)); /* and where the lost one was met, another is expected */
    give(&w, 0, cell);
    struct ward_store_peer met = {.grant = w.d[hub].grant, .last_contact_ms = 5};
    strcpy(met.address, address);
    OK(&w, ward_store_begin(w.d[cell].r->store, &w.err));
    OK(&w, ward_store_put_peer(w.d[cell].r->store, &met, &w.err));
    OK(&w, ward_store_commit(w.d[cell].r->store, &w.err));
    OK(&w, ward_routes_find(w.d[cell].r, address, NULL, &routes, &w.err));
    assert_int_equal(routes.count, 1);
    assert_memory_equal(routes.v[0].peer.id.b, w.d[0].grant.b, 32);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hub_uses_up_no_invitation_that_it_may_not_answer),
        cmocka_unit_test(another_hub_takes_the_place_of_a_lost_one),
        cmocka_unit_test(where_one_was_met_is_tried_first),
        cmocka_unit_test(any_operator_may_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
