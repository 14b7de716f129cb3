/* platform_thread.c - one more thread, and the jobs that wait for it. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/err.h"
#include "shell/platform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

struct thread {
    struct ward_helper helper; /* first: it is what others know of it */
    pthread_t id;
    bool started;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t asked, done;
    struct ward_job *first, *last; /* that wait, and the one it is at */
    bool ends;
};

static void *work(void *arg)
{
    struct thread *t = arg;
    pthread_mutex_lock(&t->lock);
    for (;;) {
        struct ward_job *job = t->first;
        if (!job && t->ends)
            break;
        if (!job) {
            pthread_cond_wait(&t->asked, &t->lock);
            continue;
        }
        pthread_mutex_unlock(&t->lock);
        job->run(job);
        pthread_mutex_lock(&t->lock);
        t->first = job->next;
        job->done = true;
        pthread_cond_broadcast(&t->done);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Signals are for the threads of the application. */
static bool start(struct thread *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->started = pthread_create(&t->id, NULL, work, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t->started;
}

static void begin(void *ctx, struct ward_job *job)
{
    struct thread *t = ctx;
    pthread_mutex_lock(&t->lock);
    job->next = NULL;
    job->done = false;
    if (t->started || start(t)) {
        if (t->first)
            t->last->next = job;
        else
            t->first = job;
        t->last = job;
        pthread_cond_signal(&t->asked);
    } else { /* there can be no more threads */
        job->run(job);
        job->done = true;
    }
    pthread_mutex_unlock(&t->lock);
}

static bool finish(void *ctx, struct ward_job *job, bool wait)
{
    struct thread *t = ctx;
    pthread_mutex_lock(&t->lock);
    while (!job->done && wait)
        pthread_cond_wait(&t->done, &t->lock);
    bool done = job->done;
    pthread_mutex_unlock(&t->lock);
    return done;
}

static bool withdraw(void *ctx, struct ward_job *job)
{
    struct thread *t = ctx;
    pthread_mutex_lock(&t->lock);
    struct ward_job *before = t->first; /* the one it is at */
    while (before && before->next != job)
        before = before->next;
    if (before) {
        before->next = job->next;
        t->last = t->last == job ? before : t->last;
    }
    pthread_mutex_unlock(&t->lock);
    return before != NULL;
}

static bool several_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

int ward_helper_open(struct ward_helper **out, struct ward_error *err)
{
    struct thread *t = NULL;
    if (several_processors()) {
        t = calloc(1, sizeof *t);
        if (!t)
            return ward_fail(err, WARD_ERR_MEMORY, "thread");
        t->helper = (struct ward_helper){t, begin, finish, withdraw};
        pthread_mutex_init(&t->lock, NULL);
        pthread_cond_init(&t->asked, NULL);
        pthread_cond_init(&t->done, NULL);
    }
    *out = t ? &t->helper : NULL;
    return WARD_OK;
}

void ward_helper_close(struct ward_helper *helper)
{
    struct thread *t = (struct thread *)helper;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->ends = true;
    pthread_cond_signal(&t->asked);
    pthread_mutex_unlock(&t->lock);
    if (t->started)
        pthread_join(t->id, NULL);
    pthread_cond_destroy(&t->asked);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
