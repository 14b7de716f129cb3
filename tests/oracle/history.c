#include "history.h"
#include "site.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void history_init(struct history *h, const struct ward_env *env)
{
    memset(h, 0, sizeof *h);
    h->by = "histories";
    ward_buf_init(&h->frames, env);
    for (size_t i = 0; i < STATES; i++)
        ward_buf_init(&h->states[i].frames, env);
}

void history_free(struct history *h)
{
    ward_buf_free(&h->frames);
    for (size_t i = 0; i < STATES; i++)
        ward_buf_free(&h->states[i].frames);
}

size_t history_frame(struct history *h, const void *p, size_t len)
{
    for (size_t i = h->run_count; i > 0; i--)
        if (h->at[i] - h->at[i - 1] == len && memcmp(h->frames.p + h->at[i - 1], p, len) == 0)
            return i - 1;
    if (h->run_count == RUNS_MAX)
        abort();
    ward_buf_add(&h->frames, p, len);
    if (h->frames.failed)
        abort();
    h->at[h->run_count + 1] = h->frames.len;
    return h->run_count++;
}

/* ---------------------------------------------------------------- to a line */

static void put_setup(const struct history *h)
{
    printf("{\"seed\":%llu,\"by\":\"%s\",\"branched\":%s,\"root_pk\":\"", (unsigned long long)h->seed, h->by,
           h->branched ? "true" : "false");
    put_hex(stdout, h->root_pk, sizeof h->root_pk);
    fputs("\",\"circles\":[", stdout);
    for (size_t i = 0; i < h->circle_count; i++) {
        fputs(i ? ",[" : "[", stdout);
        for (size_t j = 0; j < h->circles[i].circle_count; j++) {
            fputs(j ? ",\"" : "\"", stdout);
            put_hex(stdout, h->circles[i].circle[j].b, WARD_ID_BYTES);
            putc('"', stdout);
        }
        putc(']', stdout);
    }
    fputs("],\"runs\":[", stdout);
    for (size_t i = 0; i < h->run_count; i++) {
        fputs(i ? ",\"" : "\"", stdout);
        put_hex(stdout, h->frames.p + h->at[i], h->at[i + 1] - h->at[i]);
        putc('"', stdout);
    }
}

/* What was given, which is made anew whenever the history is played. */
static void put_states(const struct history *h)
{
    fputs("],\"states\":[", stdout);
    for (size_t i = 0; i < h->state_count; i++) {
        const struct state *s = &h->states[i];
        printf("%s{\"space\":%zu,\"frames\":[", i ? "," : "", s->space);
        for (size_t j = 0; j < s->count; j++) {
            fputs(j ? ",\"" : "\"", stdout);
            put_hex(stdout, s->frames.p + s->at[j], s->at[j + 1] - s->at[j]);
            putc('"', stdout);
        }
        fputs("]}", stdout);
    }
}

static void put_bases(const struct arrival *a, size_t first, size_t count)
{
    fputs(",[", stdout);
    for (size_t i = first; i < first + count; i++) {
        fputs(i > first ? ",[\"" : "[\"", stdout);
        put_hex(stdout, a->bases[i].feed.b, WARD_HASH_BYTES);
        printf("\",%llu]", (unsigned long long)a->bases[i].seq);
    }
    putc(']', stdout);
}

static void put_arrival(const struct arrival *a)
{
    size_t bases = 0;
    fputs("{\"reader\":\"", stdout);
    put_hex(stdout, a->reader, a->reader_len);
    fputs("\",\"steps\":[", stdout);
    for (size_t i = 0; i < a->count; i++) {
        const struct step *t = &a->steps[i];
        printf("%s[%u,%d,%d,%d", i ? "," : "", (unsigned)t->run, t->result, t->end, t->act);
        if (t->act == LET_GO) {
            put_bases(a, bases, (size_t)t->result);
            bases += (size_t)t->result;
        }
        putc(']', stdout);
    }
    printf("],\"bad\":%llu,\"answer\":", a->bad);
}

/* An answer that was given already is named by the number of its replica. */
void history_tell(const struct history *h, char *const *answers)
{
    put_setup(h);
    put_states(h);
    fputs("],\"replicas\":[", stdout);
    for (size_t i = 0; i < h->replica_count; i++) {
        size_t same = 0;
        fputs(i ? "," : "", stdout);
        put_arrival(&h->replicas[i]);
        while (strcmp(answers[same], answers[i]) != 0)
            same++;
        if (same < i)
            printf("%zu}", same);
        else
            printf("%s}", answers[i]);
    }
    fputs("]}\n", stdout);
}

/* ---------------------------------------------------------------- from a file */

/* Bytes written in hex; their number, or SIZE_MAX. */
static size_t from_hex(const json_t *text, uint8_t *out, size_t max)
{
    const char *s = json_string_value(text);
    size_t n = s ? strlen(s) / 2 : SIZE_MAX;
    if (!s || n > max)
        return SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        if (sscanf(s + 2 * i, "%2x", &byte) != 1)
            return SIZE_MAX;
        out[i] = (uint8_t)byte;
    }
    return n;
}

static bool load_circles(struct history *h, const json_t *circles)
{
    size_t i, j;
    json_t *circle, *unit;
    json_array_foreach(circles, i, circle)
    {
        if (h->circle_count == sizeof h->circles / sizeof h->circles[0])
            return false;
        struct paper_space *s = &h->circles[h->circle_count++];
        s->circle_count = 0;
        json_array_foreach(circle, j, unit) if (j >= CIRCLE_MOST || from_hex(unit, s->circle[s->circle_count++].b, 16) != 16) return false;
    }
    return true;
}

static bool load_arrival(struct history *h, const json_t *replica)
{
    size_t i;
    json_t *step;
    struct arrival *a = &h->replicas[h->replica_count++];
    a->count = 0;
    a->reader_len = from_hex(json_object_get(replica, "reader"), a->reader, sizeof a->reader);
    json_array_foreach(json_object_get(replica, "steps"), i, step)
    {
        json_int_t run = json_integer_value(json_array_get(step, 0)), act = json_integer_value(json_array_get(step, 3));
        size_t most = act == TAKE_RUN ? h->run_count : act == LET_GO ? 1 : h->state_count;
        if (a->count == STEPS_MAX || act < TAKE_RUN || act > TAKE_STATE || run < 0 || (size_t)run >= most)
            return false;
        a->steps[a->count++] =
            (struct step){.run = (uint16_t)run, .act = (uint8_t)act, .end = (uint8_t)json_integer_value(json_array_get(step, 2))};
    }
    return a->reader_len != SIZE_MAX;
}

static bool load(struct history *h, const json_t *doc)
{
    static uint8_t frame[1 << 18];
    size_t i;
    json_t *one;
    h->seed = (uint64_t)json_integer_value(json_object_get(doc, "seed"));
    h->branched = json_is_true(json_object_get(doc, "branched"));
    h->run_count = h->circle_count = h->replica_count = h->state_count = 0;
    ward_buf_clear(&h->frames);
    if (from_hex(json_object_get(doc, "root_pk"), h->root_pk, 32) != 32 || !load_circles(h, json_object_get(doc, "circles")))
        return false;
    json_array_foreach(json_object_get(doc, "runs"), i, one)
    {
        size_t len = from_hex(one, frame, sizeof frame);
        if (len == SIZE_MAX || history_frame(h, frame, len) != i)
            return false;
    }
    json_array_foreach(json_object_get(doc, "states"), i, one)
    {
        json_int_t space = json_integer_value(json_object_get(one, "space"));
        if (i >= STATES || space < 0 || (size_t)space >= h->circle_count)
            return false;
        h->states[h->state_count++].space = (size_t)space;
    }
    json_array_foreach(json_object_get(doc, "replicas"), i, one) if (i >= REPLICAS || !load_arrival(h, one)) return false;
    return h->replica_count > 0;
}

bool history_load(struct history *h, const char *path)
{
    json_error_t why = {.text = "not a history"};
    json_t *doc = json_load_file(path, 0, &why);
    bool good = doc && load(h, doc);
    if (!good)
        fprintf(stderr, "%s: %s\n", path, why.text);
    json_decref(doc);
    return good;
}
