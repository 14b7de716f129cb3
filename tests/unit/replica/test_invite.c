/* Invitations at the hub's side: known, expired by the hub's own clock, used once, repeated by the same keys; and codes that were mangled
 * on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replica/invite.h"
#include "shell/platform.h"
#include "values/feed.h"

#define DAY_MS 86400000ll

struct world {
    char home[64];
    int64_t now_ms;
    struct ward_env env;
    struct ward_options options;
    ward_replica *hub;
    struct ward_id unit;
};

static int64_t wall(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void *grow(void *ctx, void *p, size_t size)
{
    (void)ctx;
    return ward_platform_env()->alloc(NULL, p, size);
}

static int64_t mono(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int noise(void *ctx, void *out, size_t len)
{
    (void)ctx;
    return ward_platform_env()->random(NULL, out, len);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct ward_error err = {0};
    assert_non_null(w);
    strcpy(w->home, "/tmp/ward-invite-XXXXXX");
    assert_non_null(mkdtemp(w->home));
    w->now_ms = 1800000000000;
    w->env = (struct ward_env){.ctx = w, .alloc = grow, .wall_ms = wall, .mono_ms = mono, .random = noise};
    w->options.env = &w->env;
    w->unit.b[0] = 7;
    if (ward_found(&w->hub, w->home, "Phường thử", &w->unit, "máy thử", &w->options, &err))
        fail_msg("%s: %s", ward_error_name(err.code), err.detail);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    ward_close(w->hub);
    snprintf(command, sizeof command, "rm -rf '%s'", w->home);
    int rc = system(command);
    free(w);
    return rc;
}

static void invite(struct world *w, struct ward_invitation *out, char *code, size_t size)
{
    struct ward_error err = {0};
    const char *const at[] = {"tcp://127.0.0.1:7450"};
    if (ward_invite(w->hub, &w->unit, WARD_ROLE_CELL, at, 1, 14 * DAY_MS, code, size, &err) || ward_invitation_parse(out, code, &err))
        fail_msg("%s: %s", ward_error_name(err.code), err.detail);
}

/* What a device with these keys would send, and what the hub makes of it. */
static int ask(struct world *w, const struct ward_invitation *v, const struct ward_keys *keys, bool sign_well, struct ward_hash *grant)
{
    static const char name[] = "máy của chi bộ";
    struct ward_buf frame, answer;
    struct ward_message m;
    struct ward_hash request;
    struct ward_error err = {0};
    uint8_t sig[64];
    ward_buf_init(&frame, &w->env);
    ward_buf_init(&answer, &w->env);
    ward_join_hash(&request, &v->ward, v->link_pk, name, strlen(name), keys->sign.pk, keys->link_pk);
    crypto_sign_detached(sig, NULL, request.b, sizeof request.b, keys->sign.sk);
    sig[0] = (uint8_t)(sig[0] ^ !sign_well);
    ward_frame_join(&frame, name, keys->sign.pk, keys->link_pk, sig);
    assert_int_equal(ward_frame_parse(&m, frame.p, frame.len, &err), 0);
    int rc = ward_invitation_accept(w->hub, v->link_pk, &m, &answer, grant, &err);
    if (!rc) {
        assert_int_equal(ward_frame_parse(&m, answer.p, answer.len, &err), 0);
        assert_int_equal(m.type, WARD_MSG_JOINED);
    }
    ward_buf_free(&frame);
    ward_buf_free(&answer);
    return rc;
}

static struct ward_keys *new_keys(struct world *w)
{
    struct ward_keys *keys = ward_keys_new();
    assert_non_null(keys);
    assert_int_equal(ward_keys_generate(keys, &w->env, NULL), 0);
    return keys;
}

static void lets_one_device_in(void **state)
{
    struct world *w = *state;
    struct ward_invitation v = {0};
    struct ward_hash first, again;
    char code[WARD_INVITE_MAX];
    invite(w, &v, code, sizeof code);
    assert_int_equal(v.address_count, 1);
    assert_string_equal(v.addresses[0], "tcp://127.0.0.1:7450");
    struct ward_keys *one = new_keys(w), *two = new_keys(w);
    assert_int_equal(ask(w, &v, one, false, &first), WARD_ERR_SEAL);
    assert_int_equal(ask(w, &v, one, true, &first), 0);
    assert_int_equal(ask(w, &v, one, true, &again), 0); /* its answer was lost: the same device, not a second one */
    assert_int_equal(ward_hash_compare(&first, &again), 0);
    assert_int_equal(ask(w, &v, two, true, &again), WARD_ERR_INVITE_USED);
    struct ward_status status;
    assert_int_equal(ward_status(w->hub, &status, NULL), 0);
    assert_int_equal(status.devices, 2);
    ward_keys_free(one);
    ward_keys_free(two);
}

static void expires_by_the_hubs_clock(void **state)
{
    struct world *w = *state;
    struct ward_invitation v;
    struct ward_hash grant;
    struct ward_status before, after;
    char code[WARD_INVITE_MAX];
    invite(w, &v, code, sizeof code);
    struct ward_keys *keys = new_keys(w);
    assert_int_equal(ward_status(w->hub, &before, NULL), 0);
    w->now_ms += 14 * DAY_MS + 1;
    assert_int_equal(ask(w, &v, keys, true, &grant), WARD_ERR_INVITE_EXPIRED);
    assert_int_equal(ward_status(w->hub, &after, NULL), 0);
    assert_int_equal(before.changes, after.changes);
    w->now_ms -= 2;
    assert_int_equal(ask(w, &v, keys, true, &grant), 0);
    ward_keys_free(keys);
}

/* An operator invites, and it is another operator's machine that answers at the address of the hub. */
static void names_the_key_of_whoever_answers_at_the_address(void **state)
{
    static const char *const at[] = {"tcp://127.0.0.1:7450"};
    struct world *w = *state;
    struct ward_invitation v = {0};
    struct ward_hash other;
    char code[WARD_INVITE_MAX];
    invite(w, &v, code, sizeof code);
    assert_memory_equal(v.hub_link_pk, w->hub->keys->link_pk, 32); /* nobody was met there */
    assert_int_equal(ward_invite(w->hub, &w->unit, WARD_ROLE_OPERATOR, at, 1, DAY_MS, code, sizeof code, NULL), 0);
    assert_int_equal(ward_invitation_parse(&v, code, NULL), 0);
    struct ward_keys *theirs = new_keys(w);
    assert_int_equal(ask(w, &v, theirs, true, &other), 0);
    struct ward_store_peer met = {.grant = other, .last_contact_ms = w->now_ms, .address = "tcp://127.0.0.1:7450"};
    assert_int_equal(ward_store_begin(w->hub->store, NULL), 0);
    assert_int_equal(ward_store_put_peer(w->hub->store, &met, NULL), 0);
    assert_int_equal(ward_store_commit(w->hub->store, NULL), 0);
    invite(w, &v, code, sizeof code);
    assert_memory_equal(v.hub_link_pk, theirs->link_pk, 32);
    assert_int_equal(ward_revoke(w->hub, &other, "lost", NULL), 0);
    invite(w, &v, code, sizeof code);
    assert_memory_equal(v.hub_link_pk, w->hub->keys->link_pk, 32); /* it lets nobody in any more */
    ward_keys_free(theirs);
}

static void unknown_key_is_no_invitation(void **state)
{
    struct world *w = *state;
    struct ward_invitation v = {0};
    struct ward_hash grant;
    char code[WARD_INVITE_MAX];
    invite(w, &v, code, sizeof code);
    assert_int_equal(ward_invitation_known(w->hub, v.link_pk, NULL), 0);
    v.link_pk[31] ^= 1;
    assert_int_equal(ward_invitation_known(w->hub, v.link_pk, NULL), WARD_ERR_INVITE_UNKNOWN);
    struct ward_keys *keys = new_keys(w);
    assert_int_equal(ask(w, &v, keys, true, &grant), WARD_ERR_INVITE_UNKNOWN);
    ward_keys_free(keys);
}

static void secret_is_not_kept(void **state)
{
    struct world *w = *state;
    struct ward_invitation v;
    char code[WARD_INVITE_MAX], command[256];
    invite(w, &v, code, sizeof code);
    char hex[65];
    sodium_bin2hex(hex, sizeof hex, v.link_sk, sizeof v.link_sk);
    /* Neither the code nor the key made from the secret stands in any file of the hub. */
    snprintf(command, sizeof command, "! cat '%s'/replica.db* | od -An -v -tx1 | tr -d ' \\n' | grep -q %s", w->home, hex);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "! grep -aq '%.40s' '%s'/replica.db*", code + 90, w->home);
    assert_int_equal(system(command), 0);
}

static void every_typing_error_is_noticed(void **state)
{
    struct world *w = *state;
    struct ward_invitation v;
    char code[WARD_INVITE_MAX], bad[WARD_INVITE_MAX];
    invite(w, &v, code, sizeof code);
    for (size_t i = 0; i < strlen(code); i++) {
        strcpy(bad, code);
        bad[i] = code[i] == 'A' ? 'B' : 'A';
        assert_int_equal(ward_invitation_parse(&v, bad, NULL), WARD_ERR_INVITE_MANGLED);
        strcpy(bad, code);
        bad[i] = 0; /* cut off */
        assert_int_equal(ward_invitation_parse(&v, bad, NULL), WARD_ERR_INVITE_MANGLED);
    }
    size_t n = 0; /* as people write it: small letters, groups */
    for (size_t i = 0; code[i]; i++) {
        bad[n++] = (char)(code[i] >= 'A' && code[i] <= 'Z' ? code[i] + 32 : code[i]);
        if (i > 4 && i % 6 == 0)
            bad[n++] = i % 12 ? '-' : ' ';
    }
    bad[n] = 0;
    assert_int_equal(ward_invitation_parse(&v, bad, NULL), 0);
}

static void only_who_may_admit_invites(void **state)
{
    struct world *w = *state;
    char code[WARD_INVITE_MAX];
    struct ward_id nobody = {{0}};
    const char *const bad[] = {"127.0.0.1:7450"};
    assert_int_equal(ward_invite(w->hub, &nobody, WARD_ROLE_CELL, NULL, 0, DAY_MS, code, sizeof code, NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_invite(w->hub, &w->unit, WARD_ROLE_ROOT, NULL, 0, DAY_MS, code, sizeof code, NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_invite(w->hub, &w->unit, WARD_ROLE_CELL, bad, 1, DAY_MS, code, sizeof code, NULL), WARD_ERR_ADDRESS);
    assert_int_equal(ward_invite(w->hub, &w->unit, WARD_ROLE_CELL, NULL, 0, 0, code, sizeof code, NULL), WARD_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lets_one_device_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expires_by_the_hubs_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_the_key_of_whoever_answers_at_the_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_key_is_no_invitation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secret_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_typing_error_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_who_may_admit_invites, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
