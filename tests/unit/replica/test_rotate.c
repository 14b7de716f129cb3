/* New keys for a device that stays the same one, and where a cut lies: from what is announced or asked to the first word under the new
 * grant; operators who end each other, and go on with the root gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../vectors.h"
#include "by_files.h"
#include "replica/admit.h"
#include "replica/identity.h"
#include "values/feed.h"

static bool is_cut(struct world *w, size_t at, const struct ward_hash *grant)
{
    OK(w, ward_replica_refresh(w->d[at].r, &w->err));
    return ward_grant_is_cut(&w->d[at].r->dir, grant);
}

static void operator_takes_new_keys(void **state)
{
    struct world w;
    struct ward_hash old;
    const struct ward_hash *former;
    (void)state;
    world_found(&w, 11);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    old = w.d[0].grant;
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err));
    w.d[0].grant = w.d[0].r->self;
    assert_true(ward_hash_compare(&old, &w.d[0].grant) != 0);
    assert_true(is_cut(&w, 0, &old));
    assert_true(ward_grant_effective(&w.d[0].r->dir, &w.d[0].grant));
    assert_true(ward_grant_effective(&w.d[0].r->dir, &w.d[a].grant)); /* what the old keys gave stays */
    assert_int_equal(ward_replica_former(w.d[0].r, &former), 1);
    assert_hash_equal(former, &old);
    assert_int_equal(write_item(&w, 0, 'a', "under the new ones"), WARD_OK);
    give(&w, 0, a);
    assert_int_equal(items(&w, a), 1);
    reopen(&w, 0);
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err)); /* and again */
    w.d[0].grant = w.d[0].r->self;
    assert_int_equal(ward_replica_former(w.d[0].r, &former), 2);
    give(&w, 0, a);
    assert_converged(&w);
    assert_sound(&w);
    world_close(&w);
}

/* A hub's keys: announced, heard by those who sync, and only then taken. */
static void announced_before_they_are_taken(void **state)
{
    struct world w;
    struct ward_hash old;
    struct ward_self self;
    char words[2][WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 17);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    old = w.d[0].grant;
    OK(&w, ward_rotate_announce(w.d[0].r, &w.d[0].options, words[0], &w.err));
    OK(&w, ward_rotate_announce(w.d[0].r, &w.d[0].options, words[1], &w.err)); /* the same again */
    assert_string_equal(words[0], words[1]);
    assert_int_equal(ward_rotate_announce(w.d[a].r, &w.d[a].options, words[1], &w.err), WARD_ERR_NOT_ENTITLED);
    assert_hash_equal(&w.d[0].r->self, &old);
    assert_int_equal(write_item(&w, 0, 'a', "under the old ones"), WARD_OK);
    give(&w, 0, a);
    reopen(&w, 0);
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err));
    OK(&w, ward_self(w.d[0].r, &self, &w.err));
    assert_string_equal(self.words, words[0]);
    w.d[0].grant = self.grant;
    assert_true(ward_grant_effective(&w.d[a].r->dir, &self.grant)); /* known there before it was met */
    assert_true(is_cut(&w, 0, &old));
    assert_int_equal(items(&w, 0), 1);
    give(&w, 0, a);
    assert_converged(&w);
    world_close(&w);
}

/* The keys that were announced are ended before they are taken: the next ones are others, for nobody takes those a second time. */
static void announced_and_ended(void **state)
{
    struct world w;
    struct ward_self self;
    struct ward_hash announced;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 18);
    size_t b = join_by_files(&w, 0, 'w', WARD_ROLE_OPERATOR, 1);
    OK(&w, ward_rotate_announce(w.d[0].r, &w.d[0].options, words, &w.err));
    assert_true(ward_grant_follower(w.d[0].r, &w.d[0].grant, &announced, &w.err));
    give(&w, 0, b);
    OK(&w, ward_revoke(w.d[b].r, &announced, "lost", &w.err));
    give(&w, b, 0);
    OK(&w, ward_rotate(w.d[0].r, NULL, 0, &w.d[0].options, &w.err));
    OK(&w, ward_self(w.d[0].r, &self, &w.err));
    w.d[0].grant = self.grant;
    assert_string_not_equal(self.words, words);
    assert_true(ward_hash_compare(&self.grant, &announced) != 0);
    assert_int_equal(write_item(&w, 0, 'a', "under the new ones"), WARD_OK);
    give(&w, 0, b);
    assert_int_equal(items(&w, b), 1);
    assert_converged(&w);
    world_close(&w);
}

/* What an operator tells again under a new grant has not seen who gave it that grant. It may be little, and does not go ahead for that. */
static void told_again_goes_behind_its_grant(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 19);
    struct files f = files_of(&w);
    size_t b = join_by_files(&w, 0, 'w', WARD_ROLE_OPERATOR, 1);
    struct device *d = &w.d[b];
    char words[WARD_FINGERPRINT];
    invite(&w, b, 'a', WARD_ROLE_CELL); /* which parts the other's runs */
    give(&w, b, 0);
    invite(&w, b, 'a', WARD_ROLE_CELL); /* nobody hears of this one before the device is ended */
    OK(&w, ward_replace(w.d[0].r, &d->grant, "broken", NULL, 0, DAY_MS, code, sizeof code, &w.err));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    reopen(&w, b);
    give(&w, b, 0);
    for (int i = 0; i < 20; i++)
        invite(&w, 0, 'a', WARD_ROLE_CELL);
    size_t c = join_by_files(&w, 0, 'c', WARD_ROLE_CELL, 2); /* its answer holds all of that */
    give(&w, 0, c);
    give(&w, 0, b);
    assert_converged(&w);
    world_close(&w);
}

/* By files: what the device had not delivered comes with its request, so the cut of its old keys lies after it. */
static void cell_takes_new_keys_by_files(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, again;
    struct ward_request_info info;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 12);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    old = d->grant;
    assert_int_equal(write_item(&w, a, 'a', "not delivered"), WARD_OK);
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_request_show(w.d[0].r, f.request, &info, &w.err));
    assert_true(info.replaces_keys);
    assert_string_equal(info.words, words);
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &again, &w.err));
    assert_hash_equal(&again, &d->grant);
    assert_int_equal(items(&w, 0), 1);
    assert_true(is_cut(&w, 0, &old));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &d->grant);
    assert_int_equal(items(&w, a), 1); /* nothing fell */
    struct ward_status status;
    OK(&w, ward_status(d->r, &status, &w.err));
    assert_int_equal(status.unsent, 0); /* the answer tells that it has arrived */
    assert_int_equal(write_item(&w, a, 'a', "and on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 2);
    assert_converged(&w);
    world_close(&w);
}

/* An answer of before, and a code of before, while new keys are asked for: what was asked stays, and so do the keys that were granted. */
static void former_answers_forget_nothing(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 22);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.other, &grant, &w.err));
    ward_close(d->r);
    d->r = NULL;
    assert_int_equal(ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err), WARD_ERR_ANSWER_FOREIGN);
    assert_true(there(&w, a, WARD_NEXT_KEY) && there(&w, a, WARD_ASKED));
    OK(&w, ward_join(&d->r, d->home, code, "tablet", 1, &d->options, &w.err)); /* it is in: nobody is asked */
    assert_hash_equal(&d->r->self, &old);
    assert_true(there(&w, a, WARD_NEXT_KEY) && there(&w, a, WARD_ASKED));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.other, &d->options, &w.err));
    assert_hash_equal(&d->r->self, &grant);
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.other, &d->options, &w.err)); /* the latest may be taken again */
    assert_false(there(&w, a, WARD_NEXT_KEY) || there(&w, a, WARD_ASKED));
    d->grant = grant;
    assert_int_equal(write_item(&w, a, 'a', "goes on"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 1);
    assert_converged(&w);
    world_close(&w);
}

/* What a hub may not grant it notes; it may not cut either. */
static void hub_and_operator_share_the_work(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, grant;
    struct ward_request_info info;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 13);
    f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1), cell = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 2),
           inspector = join_by_files(&w, 0, 'k', WARD_ROLE_INSPECTOR, 3);
    meet_all(&w);
    struct device *d = &w.d[cell];
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[hub].r, f.request, f.answer, &d->grant, &w.err));
    assert_false(is_cut(&w, hub, &old)); /* left for an operator */
    assert_true(ward_grant_effective(&w.d[hub].r->dir, &d->grant));

    d = &w.d[inspector];
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_KEYS_WAIT);
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_KEYS_WAIT);
    give(&w, hub, 0);
    OK(&w, ward_request_noted(w.d[0].r, &d->grant, &info, &w.err));
    assert_string_equal(info.words, words);
    assert_int_equal(ward_admit_noted(w.d[0].r, &w.d[cell].grant, NULL, &grant, &w.err), WARD_ERR_NOT_FOUND);
    OK(&w, ward_admit_noted(w.d[0].r, &d->grant, f.answer, &grant, &w.err));
    assert_false(is_cut(&w, 0, &d->grant)); /* what it has written may not have come to this operator yet */
    give(&w, 0, hub);
    OK(&w, ward_admit(w.d[hub].r, f.request, f.other, &old, &w.err)); /* asked again: it has been granted */
    assert_hash_equal(&old, &grant);
    world_close(&w);
}

/* Who was granted new keys by another operator still has to end the old ones: asked again it does that, and takes no further keys. */
static void ends_its_former_keys_when_asked_again(void **state)
{
    struct world w;
    struct ward_hash old, grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 23);
    struct files f = files_of(&w);
    size_t hub = admit(&w, 'h', WARD_ROLE_HUB, 1), b = join_by_files(&w, 0, 'p', WARD_ROLE_OPERATOR, 2);
    struct device *d = &w.d[b];
    meet_all(&w);
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[hub].r, f.request, f.answer, &grant, &w.err), WARD_ERR_KEYS_WAIT);
    give(&w, hub, 0);
    OK(&w, ward_admit_noted(w.d[0].r, &old, f.answer, &d->grant, &w.err));
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_false(is_cut(&w, b, &old));
    OK(&w, ward_rotate(d->r, NULL, 0, &d->options, &w.err));
    assert_true(is_cut(&w, b, &old));
    assert_hash_equal(&d->r->self, &d->grant);
    give(&w, b, 0);
    give(&w, 0, hub);
    assert_converged(&w);
    world_close(&w);
}

/* The old keys name one set of new ones. Whoever comes with other new ones, or after the cut, or with another's name, is told so. */
static void old_keys_speak_once(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash grant;
    char words[WARD_FINGERPRINT], next[400];
    (void)state;
    world_found(&w, 14);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &grant, &w.err));
    snprintf(next, sizeof next, "%s/" WARD_NEXT_KEY, d->home);
    assert_int_equal(unlink(next), 0); /* lost, or a thief's copy of the home */
    OK(&w, ward_rotate_request(d->r, f.other, &d->options, words, &w.err));
    assert_int_equal(ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err), WARD_ERR_KEYS_REPLACED);
    OK(&w, ward_revoke(w.d[0].r, &grant, "a thief's", &w.err));
    assert_int_equal(ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err), WARD_ERR_CUT);
    world_close(&w);
}

/* The link broke before the answer, and the device hears elsewhere that its old keys are ended: it asks again, and goes on. */
static void the_end_was_heard_of_before_the_answer(void **state)
{
    struct world w;
    struct files f;
    struct ward_hash old, first, grant;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 27);
    f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    give(&w, 0, a);
    old = d->grant;
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &first, &w.err));
    give(&w, 0, a);
    assert_true(is_cut(&w, a, &old));
    OK(&w, ward_rotate_request(d->r, f.other, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.other, f.answer, &grant, &w.err));
    assert_hash_equal(&grant, &first);
    ward_close(d->r);
    d->r = NULL;
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    d->grant = grant;
    assert_hash_equal(&d->r->self, &grant);
    give(&w, a, 0);
    assert_converged(&w);
    OK(&w, ward_revoke(w.d[0].r, &grant, "máy bị mất", &w.err)); /* whose new keys are ended too asks for nothing */
    give(&w, 0, a);
    assert_int_equal(ward_rotate_request(d->r, f.request, &d->options, words, &w.err), WARD_ERR_CUT);
    world_close(&w);
}

static size_t copied(struct world *w, size_t i)
{
    size_t copy = w->count++;
    device_init(w, copy, 99);
    ward_close(w->d[i].r);
    copy_home(w->d[i].home, w->d[copy].home);
    open_again(w, i);
    open_again(w, copy);
    w->d[copy].grant = w->d[i].grant;
    w->d[copy].unit = w->d[i].unit;
    w->d[copy].role = w->d[i].role;
    return copy;
}

/* The old home, as a thief or a backup has it, goes on under the keys that were replaced: what came of that is set aside, and the device
 * tells it again under its new ones. But not while it only takes its answer a second time, for which no keys are loaded. */
static void what_was_written_in_an_older_copy_is_told_again(void **state)
{
    struct world w;
    struct ward_hash again;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 24);
    struct files f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "before"), WARD_OK);
    give(&w, a, 0);
    size_t copy = copied(&w, a);
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    ward_close(d->r);
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    assert_int_equal(write_item(&w, copy, 'a', "in the copy"), WARD_OK);
    give(&w, copy, 0);
    assert_int_equal(items(&w, 0), 1);
    OK(&w, ward_admit(w.d[0].r, f.request, f.other, &again, &w.err)); /* with all that has come since */
    ward_close(d->r);
    OK(&w, ward_join_accept(&d->r, d->home, f.other, &d->options, &w.err));
    give(&w, 0, a);
    give(&w, a, 0); /* nothing is refused: its own keys sealed it */
    assert_int_equal(items(&w, 0), 2);
    assert_int_equal(write_item(&w, copy, 'a', "and again"), WARD_OK);
    give(&w, copy, 0);
    give(&w, 0, a);
    assert_int_equal(items(&w, a), 3);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 3);
    assert_sound(&w);
    world_close(&w);
}

/* A folder and its copy part the feed, and it is cut where they part: under new keys the folder tells again what it wrote itself. */
static void of_two_copies_each_tells_its_own_again(void **state)
{
    struct world w;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 26);
    struct files f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[a];
    assert_int_equal(write_item(&w, a, 'a', "before"), WARD_OK);
    size_t copy = copied(&w, a);
    assert_int_equal(write_item(&w, copy, 'a', "in the copy"), WARD_OK);
    assert_int_equal(write_item(&w, a, 'a', "in the folder"), WARD_OK);
    give(&w, copy, 0);
    give(&w, a, 0);
    give(&w, 0, a);
    assert_int_equal(items(&w, a), 1);
    OK(&w, ward_rotate_request(d->r, f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    ward_close(d->r);
    OK(&w, ward_join_accept(&d->r, d->home, f.answer, &d->options, &w.err));
    give(&w, 0, a);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 2);
    assert_sound(&w);
    world_close(&w);
}

/* Who was let in by an invitation that names a lost device stands in its place. */
static void who_replaces_another_follows_it(void **state)
{
    struct world w;
    struct ward_hash old, follower;
    char words[WARD_FINGERPRINT];
    (void)state;
    world_found(&w, 25);
    struct files f = files_of(&w);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    struct device *d = &w.d[w.count];
    old = w.d[a].grant;
    device_init(&w, w.count++, 2);
    OK(&w, ward_replace(w.d[0].r, &old, "broken", NULL, 0, DAY_MS, code, sizeof code, &w.err));
    assert_false(ward_grant_follower(w.d[0].r, &old, &follower, &w.err));
    OK(&w, ward_join_request(d->home, code, "tablet", f.request, &d->options, words, &w.err));
    OK(&w, ward_admit(w.d[0].r, f.request, f.answer, &d->grant, &w.err));
    assert_true(ward_grant_follower(w.d[0].r, &old, &follower, &w.err));
    assert_hash_equal(&follower, &d->grant);
    world_close(&w);
}

/* ---- where a cut lies */

static void keeps_the_first_changes(void **state)
{
    struct world w;
    (void)state;
    world_found(&w, 15);
    size_t a = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(write_item(&w, a, 'a', i < 2 ? "its own" : "the thief's"), WARD_OK);
    give(&w, a, 0);
    assert_int_equal(items(&w, 0), 4);
    assert_int_equal(ward_revoke_after(w.d[0].r, &w.d[a].grant, 5, "stolen", &w.err), WARD_ERR_RANGE);
    OK(&w, ward_revoke_after(w.d[0].r, &w.d[a].grant, 2, "stolen", &w.err));
    assert_int_equal(items(&w, 0), 2);
    OK(&w, ward_revoke_after(w.d[0].r, &w.d[a].grant, 0, "all of it", &w.err));
    assert_int_equal(items(&w, 0), 0);
    assert_sound(&w);
    world_close(&w);
}

/* ---- the root lost, two operators left */

static void operators_go_on_without_the_root(void **state)
{
    struct world w;
    char key[400];
    (void)state;
    world_found(&w, 16);
    snprintf(key, sizeof key, "%s/root.key", w.d[0].home);
    assert_int_equal(unlink(key), 0);
    size_t b = join_by_files(&w, 0, 'p', WARD_ROLE_OPERATOR, 1);
    OK(&w, ward_revoke(w.d[b].r, &w.d[0].grant, "stolen", &w.err)); /* one ends the other */
    size_t c = join_by_files(&w, b, 'q', WARD_ROLE_OPERATOR, 2);    /* and admits a third */
    size_t d = join_by_files(&w, c, 'a', WARD_ROLE_CELL, 3);        /* who admits in turn */
    assert_int_equal(write_item(&w, d, 'a', "by the third one's word"), WARD_OK);
    give(&w, c, b);
    give(&w, d, b);
    assert_int_equal(items(&w, b), 1);
    give(&w, b, 0);
    assert_true(is_cut(&w, 0, &w.d[0].grant));
    OK(&w, ward_rotate(w.d[c].r, NULL, 0, &w.d[c].options, &w.err));
    w.d[c].grant = w.d[c].r->self;
    give(&w, c, b);
    assert_true(ward_grant_effective(&w.d[b].r->dir, &w.d[c].grant) && ward_grant_effective(&w.d[b].r->dir, &w.d[d].grant));
    /* Nobody ends the root: its word is of no device that could be named. */
    struct ward_hash root = w.d[b].r->ward;
    assert_int_equal(ward_revoke(w.d[b].r, &root, "in other hands", &w.err), WARD_ERR_NOT_FOUND);
    world_close(&w);
}

/* Each cuts the other without having seen it: everybody comes to the same end, in whatever order they hear. */
static void mutual_cuts_end_alike(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 28; seed++) {
        struct world w;
        world_found(&w, seed);
        size_t b = join_by_files(&w, 0, 'p', WARD_ROLE_OPERATOR, seed), x = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, seed + 1),
               y = join_by_files(&w, 0, 'a', WARD_ROLE_CELL, seed + 2);
        give(&w, 0, b);
        if (seed & 1) /* deeper on one side */
            assert_int_equal(write_item(&w, 0, 'a', "before"), WARD_OK);
        OK(&w, ward_revoke(w.d[0].r, &w.d[b].grant, "he is a thief", &w.err));
        OK(&w, ward_revoke(w.d[b].r, &w.d[0].grant, "no, he is", &w.err));
        give(&w, 0, x);
        give(&w, b, x);
        give(&w, b, y);
        give(&w, 0, y);
        give(&w, x, 0);
        give(&w, x, b);
        bool first = is_cut(&w, x, &w.d[0].grant), second = is_cut(&w, x, &w.d[b].grant);
        assert_true(first != second); /* one of them stays */
        for (size_t i = 0; i < w.count; i++) {
            assert_int_equal(is_cut(&w, i, &w.d[0].grant), first);
            assert_int_equal(is_cut(&w, i, &w.d[b].grant), second);
        }
        size_t left = first ? b : 0;
        size_t z = w.count;
        if (z < DEVICES_MAX)
            join_by_files(&w, left, 'z', WARD_ROLE_OPERATOR, seed + 3); /* and the ward goes on */
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operator_takes_new_keys),
        cmocka_unit_test(announced_before_they_are_taken),
        cmocka_unit_test(announced_and_ended),
        cmocka_unit_test(told_again_goes_behind_its_grant),
        cmocka_unit_test(cell_takes_new_keys_by_files),
        cmocka_unit_test(former_answers_forget_nothing),
        cmocka_unit_test(hub_and_operator_share_the_work),
        cmocka_unit_test(ends_its_former_keys_when_asked_again),
        cmocka_unit_test(old_keys_speak_once),
        cmocka_unit_test(the_end_was_heard_of_before_the_answer),
        cmocka_unit_test(what_was_written_in_an_older_copy_is_told_again),
        cmocka_unit_test(of_two_copies_each_tells_its_own_again),
        cmocka_unit_test(who_replaces_another_follows_it),
        cmocka_unit_test(keeps_the_first_changes),
        cmocka_unit_test(operators_go_on_without_the_root),
        cmocka_unit_test(mutual_cuts_end_alike),
    };
    return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
