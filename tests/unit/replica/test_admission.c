/* Admission by files, another device in one's place: from the request to the first word under the new grant, interrupted and done again,
 * forged, mixed up; with no hub. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>

#include "../vectors.h"
#include "by_files.h"
#include "replica/admit.h"
#include "replica/identity.h"
#include "values/feed.h"
#include "values/fingerprint.h"

/* ---- files */

static void joins_by_files(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 1);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    assert_int_equal(write_item(&w, a, 'a', "at once, and no hub was met"), WARD_OK);
    assert_false(there(&w, a, WARD_ASKED));
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 1);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Each step twice and more: the same bytes, the same device. */
static void each_step_again(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash first, again;
    struct ward_request_info info;
    char words[2][WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 2);
    f = files_of(&w);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    device_init(&w, 1, 2);
    struct device *d = &w.d[1];
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words[0], &w.err));
    OK(&w, ward_join_request(d->home, code, "tablet", f.other, &d->options, words[1], &w.err));
    assert_string_equal(words[0], words[1]);
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_string_equal(info.words, words[0]);
    assert_false(info.granted || info.replaces_keys);
    assert_string_equal(info.name, "tablet");
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &first, &w.err));
    uint64_t changes = w.d[0].r->dir.spaces[0].changes;
    OK(&w, ward_admit(w.d[0].r, f.other, f.answer, &again, &w.err));
    assert_hash_equal(&first, &again);
    assert_int_equal(w.d[0].r->dir.spaces[0].changes, changes);
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_true(info.granted);
    for (int i = 0; i < 3; i++) {
        struct ward_self self;
        OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
        OK(&w, ward_self(d->r, &self, &w.err));
        assert_hash_equal(&self.grant, &first);
        assert_string_equal(self.words, words[0]);
        ward_close(d->r);
    }
    d->r = NULL;
    world_close(&w);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_true(byte != EOF);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
}

/* Whatever was altered on the way, or is of another, changes nothing on either side. */
static void files_that_will_not_do(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT];
    ward_replica *r = NULL;
    (void)state;
    world_found(&w, 3);
    f = files_of(&w);
    device_init(&w, 1, 3);
    device_init(&w, 2, 4);
    struct device *d = &w.d[1], *other = &w.d[2];
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    uint64_t changes = w.d[0].r->dir.spaces[0].changes;
    struct stat st;
    assert_int_equal(stat(f.request, &st), 0);
    for (long at = 0; at < st.st_size; at++) {
        flip(f.request, at);
        int rc = ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err);
        if (rc != WARD_ERR_REQUEST && rc != WARD_ERR_VERSION && rc != WARD_ERR_SESSION_WARD && rc != WARD_ERR_INVITE_UNKNOWN &&
            rc != WARD_ERR_GRANT_UNKNOWN)
            fail_msg("byte %ld: %d %s", at, rc, w.err.detail);
        flip(f.request, at);
    }
    assert_int_equal(w.d[0].r->dir.spaces[0].changes, changes);
    assert_int_equal(ward_admit(w.d[0].r, w.dir, f.answer, &grant, &w.err) != WARD_OK, true);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));

    assert_int_equal(ward_join_accept(&r, other->home, f.answer, &other->options, &w.err), WARD_ERR_NOT_ASKED);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(other->home, code, "tablet", f.other, &other->options, words, &w.err));
    assert_int_equal(ward_join_accept(&r, other->home, f.answer, &other->options, &w.err), WARD_ERR_ANSWER_FOREIGN);
    assert_int_equal(ward_join_accept(&r, d->home, f.request, &d->options, &w.err), WARD_ERR_ANSWER);
    for (long at = -1; at > -3000; at -= 97) {
        if (stat(f.answer, &st) || st.st_size + at < 0)
            break;
        flip(f.answer, at);
        int rc = ward_join_accept(&r, d->home, f.answer, &d->options, &w.err);
        if (rc != WARD_ERR_ANSWER && rc != WARD_ERR_ANSWER_FOREIGN && rc != WARD_ERR_VERSION)
            fail_msg("byte %ld from the end: %d %s", at, rc, w.err.detail);
        flip(f.answer, at);
    }
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    w.count = 2;
    world_close(&w);
}

/* The invitation counts for files as it does on a link. */
static void invitations_that_will_not_do(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    struct ward_id id;
    struct ward_invitation v;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 4);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 4), cell = admit(&w, 'a', WARD_ROLE_CELL, 5);
    device_init(&w, 3, 6);
    device_init(&w, 4, 7);
    struct device *d = &w.d[3], *e = &w.d[4];
    invite(&w, 0, 'a', WARD_ROLE_OPERATOR);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_UNKNOWN);
    meet_all(&w);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_admit(w.d[cell].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    OK(&w, ward_invitation_parse(&v, code, &w.err));
    memcpy(id.b, v.link_pk, sizeof id.b);
    OK(&w, ward_invite_withdraw(w.d[0].r, &id, &w.err));
    assert_int_equal(ward_invite_withdraw(w.d[0].r, &id, &w.err), WARD_ERR_NOTHING);
    assert_int_equal(ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_WITHDRAWN);

    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err)); /* another code: other keys */
    OK(&w, ward_join_request(e->home, code, "tablet", f.other, &e->options, words, &w.err));
    w.d[0].outside.now_ms += 2 * DAY_MS;
    assert_int_equal(ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err), WARD_ERR_INVITE_EXPIRED);
    meet_all(&w);
    OK(&w, ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err)); /* by the hub's clock it has not */
    assert_int_equal(ward_admit(w.d[hub].r, f.other, f.answer, &grant, &w.err), WARD_ERR_INVITE_USED);
    OK(&w, ward_invitation_parse(&v, code, &w.err));
    memcpy(id.b, v.link_pk, sizeof id.b);
    assert_int_equal(ward_invite_withdraw(w.d[hub].r, &id, &w.err), WARD_ERR_INVITE_USED);
    w.count = 3;
    world_close(&w);
}

/* Who asks an ended hub is told that it is the hub which has no rights, and can ask elsewhere with the same code or request. */
static void who_is_ended_lets_nobody_in(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 15);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1), cell = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    device_init(&w, 3, 3);
    OK(&w, ward_join_request(w.d[3].home, code, "tablet", f.request, &w.d[3].options, words, &w.err));
    OK(&w, ward_rotate_request(w.d[cell].r, f.other, &w.d[cell].options, words, &w.err));
    meet_all(&w);
    OK(&w, ward_revoke(w.d[0].r, &w.d[hub].grant, "sold", &w.err));
    give(&w, 0, hub);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    assert_int_equal(ward_admit(w.d[hub].r, f.other, f.answer, &grant, &w.err), WARD_ERR_NOT_ENTITLED);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err));
    world_close(&w);
}

/* Two cells, no hub, no operator: what one of them learns of the other's rights it learns by itself. */
static void two_cells_and_no_hub(void **state)
{
    struct world w;
    struct ward_bundle_info info;
    (void)state;
    world_found(&w, 5);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1), b = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2);
    ward_close(w.d[0].r); /* nobody else is there from now on */
    w.d[0].r = NULL;
    assert_int_equal(write_item(&w, b, 'a', "of a device that a has never heard of"), WARD_OK);
    assert_int_equal(give_bundle(&w, b, a, false, &info), WARD_OK);
    assert_int_equal(info.refused, 0);
    assert_int_equal(items(&w, a), 1);
    assert_true(ward_grant_effective(&w.d[a].r->dir, &w.d[b].grant));

    /* A device that gave itself its rights, to begin with. */
    struct ward_grant g = {.unit = unit_id('a'), .role = WARD_ROLE_CELL}, forged;
    struct ward_keys *keys = ward_keys_new();
    struct ward_buf body;
    size_t c = w.count++;
    device_init(&w, c, 9);
    OK(&w, ward_keys_generate(keys, &w.d[c].outside.env, &w.err));
    memcpy(g.sign_pk, keys->sign.pk, 32);
    memcpy(g.link_pk, keys->link_pk, 32);
    ward_buf_init(&body, &w.d[c].outside.env);
    ward_grant_write(&body, &g);
    OK(&w, ward_grant_parse(&forged, body.p, body.len, &w.err));
    w.d[c].grant = forged.id;
    assert_int_equal(mkdir(w.d[c].home, 0700), 0);
    OK(&w, ward_home_create(&w.d[c].r, w.d[c].home, &w.d[c].options, keys, &w.d[a].r->ward, w.d[a].r->root_pk, &forged.id, &w.err));
    OK(&w, ward_home_keep_grant(w.d[c].r, body.p, body.len, &w.err));
    assert_int_equal(write_item(&w, c, 'a', "by nobody's leave"), WARD_ERR_GRANT_UNKNOWN);
    assert_int_equal(give_bundle(&w, c, a, false, &info) == WARD_OK, false);
    assert_int_equal(items(&w, a), 1);
    ward_buf_free(&body);
    ward_keys_free(keys);
    world_close(&w);
}

/* ---- a home goes on */

static void goes_on_where_it_was_cut(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old;
    const struct ward_hash *former;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 6);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "delivered"), WARD_OK);
    give(&w, a, 0);
    old = d->grant;
    OK(&w, ward_replace(w.d[0].r, &old, "broken", NULL, 0, DAY_MS, code, sizeof code, &w.err));
    give(&w, 0, a);
    assert_int_equal(write_item(&w, a, 'a', "too late"), WARD_ERR_CUT);
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_request(d->home, code, "another name", f.request, &d->options, words, &w.err));
    reopen(&w, a); /* asking changes nothing yet */
    assert_hash_equal(&d->r->self, &old);
    assert_true(there(&w, a, WARD_NEXT_KEY));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_false(there(&w, a, WARD_NEXT_KEY) || there(&w, a, WARD_ASKED));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_int_equal(ward_replica_former(d->r, &former), 1);
    assert_hash_equal(former, &old);
    assert_int_equal(items(&w, a), 1);
    assert_int_equal(write_item(&w, a, 'a', "goes on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 2);
    struct ward_self self;
    OK(&w, ward_self(d->r, &self, &w.err));
    assert_string_equal(self.device_name, "tablet"); /* the name goes on too */
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* Two copies of one home, an invitation each. */
static void clones_go_on_each_on_its_own(void **state)
{
    struct world w;
    struct files f;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 7);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1), b = w.count++;
    assert_int_equal(write_item(&w, a, 'a', "of both"), WARD_OK);
    give(&w, a, 0);
    ward_close(w.d[a].r);
    device_init(&w, b, 2);
    copy_home(w.d[a].home, w.d[b].home);
    w.d[b].unit = w.d[a].unit;
    w.d[b].role = w.d[a].role;
    for (size_t i = a; i <= b; i++) {
        struct device *d = &w.d[i];
        invite(&w, 0, 'a', WARD_ROLE_CELL);
        OK(&w, ward_join_request(d->home, code, i == a ? "one" : "two", f.request, &d->options, words, &w.err));
        OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
        OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
        assert_int_equal(write_item(&w, i, 'a', "of one"), WARD_OK);
    }
    assert_true(ward_hash_compare(&w.d[a].grant, &w.d[b].grant) != 0);
    meet_all(&w);
    meet_all(&w);
    assert_int_equal(items(&w, 0), 3);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

static void keeps_what_it_may_not_leave(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash before;
    char words[WARD_FINGERPRINT];
    ward_replica *r = NULL;
    (void)state;
    world_found(&w, 8);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "of unit a"), WARD_OK);
    before = d->r->self;
    ward_close(d->r);
    d->r = NULL;
    invite(&w, 0, 'b', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    assert_int_equal(ward_join_accept(&r, d->home, f.answer, &d->options, &w.err), WARD_ERR_HOME_HOLDS_MORE);
    reopen(&w, a);
    assert_hash_equal(&d->r->self, &before);
    invite(&w, 0, 'a', WARD_ROLE_INSPECTOR); /* who may read more */
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    world_close(&w);
}

/* The power went between the transaction and the file, or before the transaction: the home opens, as the one or the other. */
static void opens_as_one_or_the_other(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old;
    char words[WARD_FINGERPRINT], next[400], key[400], kept[400];
    (void)state;
    world_found(&w, 9);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    snprintf(next, sizeof next, "%s/" WARD_NEXT_KEY, d->home);
    snprintf(key, sizeof key, "%s/" WARD_DEVICE_KEY, d->home);
    snprintf(kept, sizeof kept, "%s/kept", w.dir);
    old = d->grant;
    copy_file(key, kept);
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    reopen(&w, a);
    assert_hash_equal(&d->r->self, &old);
    ward_close(d->r);
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    ward_close(d->r);
    d->r = NULL;
    assert_int_equal(rename(key, next), 0); /* as it was right after the transaction */
    copy_file(kept, key);
    struct ward_options look = d->options;
    look.read_only = true;
    OK(&w, ward_open(&d->r, d->home, &look, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_true(there(&w, a, WARD_NEXT_KEY)); /* who only looks moves nothing */
    ward_close(d->r);
    OK(&w, ward_open(&d->r, d->home, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_false(there(&w, a, WARD_NEXT_KEY));
    assert_int_equal(write_item(&w, a, 'a', "under the new keys"), WARD_OK);
    ward_close(d->r);
    d->r = NULL;
    copy_file(kept, key); /* keys that are not this device's are noticed before they seal anything */
    assert_int_equal(ward_open(&d->r, d->home, &d->options, &w.err), WARD_ERR_KEY_FILE);
    d->r = NULL;
    world_close(&w);
}

static int give_passphrase(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    (void)err;
    snprintf(out, WARD_PASSPHRASE_MAX, "%s", (const char *)ctx);
    return 0;
}

static void stays_sealed(void **state)
{
    struct world w;
    struct files f;
    struct ward_key_state keys;
    char words[WARD_FINGERPRINT], right[] = "cái khóa này", wrong[] = "một khóa khác";
    (void)state;
    world_found(&w, 10);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_key_passphrase(d->home, NULL, right, &d->options, &w.err));
    d->options.passphrase = give_passphrase;
    d->options.passphrase_ctx = wrong;
    invite(&w, 0, 'a', WARD_ROLE_CELL);
    assert_int_equal(ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err), WARD_ERR_PASSPHRASE);
    assert_false(there(&w, a, WARD_NEXT_KEY));
    d->options.passphrase_ctx = right;
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    OK(&w, ward_key_state(d->home, &keys, &w.err));
    assert_true(keys.device_sealed);
    assert_int_equal(write_item(&w, a, 'a', "sealed and on"), WARD_OK);
    world_close(&w);
}

/* ---- small things */

static void tries_are_counted(void **state)
{
    static struct ward_tries t;
    uint8_t one[32] = {1}, other[32] = {2};
    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_true(ward_tries_left(&t, one, 1000 + i));
        ward_tries_note(&t, one, 1000 + i);
    }
    assert_false(ward_tries_left(&t, one, 2000));
    assert_true(ward_tries_left(&t, other, 2000));
    assert_true(ward_tries_left(&t, one, 1000 + 600000));
    ward_tries_note(&t, one, 1000 + 600000);
    assert_true(ward_tries_left(&t, one, 1001 + 600000));
    for (unsigned i = 0; i < 3 * WARD_TRIES_KEPT; i++) { /* never more than there is room for */
        uint8_t many[32] = {3, (uint8_t)i, (uint8_t)(i >> 8)};
        ward_tries_note(&t, many, 700000 + (int64_t)i);
        assert_true(ward_tries_left(&t, many, 700000 + (int64_t)i));
    }
}

static int check_words(const json_t *one)
{
    struct hex sign = hex_at(one, "sign_pk"), link = hex_at(one, "link_pk");
    char words[WARD_FINGERPRINT];
    ward_fingerprint(words, sign.p, link.p);
    assert_string_equal(words, json_string_value(json_object_get(one, "words")));
    free(sign.p);
    free(link.p);
    return 0;
}

static int check_request(const json_t *one)
{
    struct hex frame = hex_at(one, "frame"), voucher = hex_at(one, "voucher_pk");
    struct ward_hash ward = hash_at(one, "ward"), hash;
    struct ward_message m;
    int rc = ward_frame_parse(&m, frame.p, frame.len, NULL);
    if (!rc && memcmp(m.request.ward, ward.b, 32) != 0)
        rc = WARD_ERR_SESSION_WARD;
    if (!rc) {
        struct ward_asker a = {.by_grant = m.request.by_grant, .name = m.text, .name_len = m.text_len};
        memcpy(a.from, m.request.from, 32);
        memcpy(a.sign_pk, m.request.sign_pk, 32);
        memcpy(a.link_pk, m.request.link_pk, 32);
        ward_request_hash(&hash, &ward, &a);
        if (crypto_sign_verify_detached(m.request.signature, hash.b, 32, a.sign_pk) != 0 ||
            crypto_sign_verify_detached(m.request.voucher, hash.b, 32, voucher.p) != 0)
            rc = WARD_ERR_REQUEST;
        if (!rc && json_object_get(one, "hash")) {
            struct ward_hash expected = hash_at(one, "hash");
            assert_hash_equal(&hash, &expected);
            char words[WARD_FINGERPRINT];
            ward_fingerprint(words, a.sign_pk, a.link_pk);
            assert_string_equal(words, json_string_value(json_object_get(one, "words")));
        }
    }
    free(frame.p);
    free(voucher.p);
    return rc;
}

static void vectors(void **state)
{
    (void)state;
    each_vector("words", check_words);
    each_vector("request", check_request);
    each_vector("request-bad", check_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_by_files),
        cmocka_unit_test(each_step_again),
        cmocka_unit_test(files_that_will_not_do),
        cmocka_unit_test(invitations_that_will_not_do),
        cmocka_unit_test(who_is_ended_lets_nobody_in),
        cmocka_unit_test(two_cells_and_no_hub),
        cmocka_unit_test(goes_on_where_it_was_cut),
        cmocka_unit_test(clones_go_on_each_on_its_own),
        cmocka_unit_test(keeps_what_it_may_not_leave),
        cmocka_unit_test(opens_as_one_or_the_other),
        cmocka_unit_test(stays_sealed),
        cmocka_unit_test(tries_are_counted),
        cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
