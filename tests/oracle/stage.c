#include "stage.h"
#include "shell/platform.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void stage_open(struct stage *g)
{
    *g = (struct stage){.env = ward_platform_env()};
    const char *base = getenv("TMPDIR");
    snprintf(g->dir, sizeof g->dir, "%s/ward-oracle-XXXXXX", base ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(g->dir))
        must(WARD_ERR_IO, NULL, g->dir);
}

void stage_close(struct stage *g)
{
    char command[300];
    for (size_t i = 0; i < g->count; i++)
        site_close(&g->sites[i]);
    snprintf(command, sizeof command, "rm -rf '%s'", g->dir);
    if (system(command) != 0)
        fprintf(stderr, "left behind: %s\n", g->dir);
}

static struct site *site_for(struct stage *g, const struct history *h, const struct arrival *a)
{
    size_t i = 0;
    while (i < g->count && (g->fresh || memcmp(g->readers[i], a->reader, a->reader_len) != 0))
        i++;
    if (i < g->count) {
        site_empty(&g->sites[i]);
        return &g->sites[i];
    }
    if (i == SITES_MAX) { /* fresh homes */
        while (g->count)
            site_close(&g->sites[--g->count]);
        i = 0;
    }
    g->count = i + 1;
    memcpy(g->readers[i], a->reader, a->reader_len);
    site_open(&g->sites[i], g->dir, h->root_pk, a->reader, a->reader_len, g->env);
    return &g->sites[i];
}

static void give(struct site *s, const struct history *h, struct step *t, struct state *state)
{
    struct ward_hash space;
    state->count = 0;
    ward_buf_clear(&state->frames);
    must(ward_replica_know_circle(s->r, h->circles[state->space].circle, h->circles[state->space].circle_count, &space), NULL, "circle");
    t->result = site_give(s, &space, &state->frames, state->at, sizeof state->at / sizeof state->at[0], &state->count);
}

static void take_state(struct site *s, struct step *t, const struct state *state)
{
    t->result = 0;
    for (size_t i = 0; i < state->count && t->result >= 0; i++)
        t->result = site_take_state(s, state->frames.p + state->at[i], state->at[i + 1] - state->at[i]);
}

static void act(struct site *s, struct history *h, struct arrival *a, struct step *t)
{
    if (t->act == LET_GO)
        t->result = (int)site_let_go(s, a->bases, &a->base_count);
    else if (t->act == GIVE_STATE)
        give(s, h, t, &h->states[t->run]);
    else if (t->act == TAKE_STATE)
        take_state(s, t, &h->states[t->run]);
    else
        t->result = site_take(s, h->frames.p + h->at[t->run], h->at[t->run + 1] - h->at[t->run]);
}

static void take_in(struct stage *g, struct history *h, struct arrival *a, FILE *answer)
{
    struct site *s = site_for(g, h, a);
    for (size_t i = 0; i < h->circle_count; i++) {
        struct ward_hash space;
        must(ward_replica_know_circle(s->r, h->circles[i].circle, h->circles[i].circle_count, &space), NULL, "circle");
    }
    a->base_count = 0;
    for (size_t i = 0; i < a->count; i++) {
        struct step *t = &a->steps[i];
        act(s, h, a, t);
        if (t->end)
            site_end(s);
        if (t->end == 2)
            site_restart(s);
    }
    site_answer(s, answer);
    a->bad = g->verify ? site_verify(s) : 0;
}

void stage_play(struct stage *g, struct history *h)
{
    char *answers[REPLICAS];
    size_t size;
    for (size_t i = 0; i < h->replica_count; i++) {
        FILE *out = open_memstream(&answers[i], &size);
        if (!out)
            must(WARD_ERR_MEMORY, NULL, "answer");
        take_in(g, h, &h->replicas[i], out);
        fclose(out);
    }
    history_tell(h, answers);
    for (size_t i = 0; i < h->replica_count; i++)
        free(answers[i]);
}
