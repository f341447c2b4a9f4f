/*
 * pool.c -- fork and join in about a microsecond while the workers are awake.
 *
 * The parts of a job are cut into ranges, one a thread: a thread claims those of its own range first, in order, and then those
 * that others have left. So in every job a thread works on the same share of what parts number, mostly the same stretch of
 * memory, and finds it in its own cache; yet nobody waits for a thread that is late.
 *
 * The state of a range is one 64-bit ticket: the job's number above, how many parts are left to claim below. A thread claims a
 * part by compare-and-swap, which fails if the job has moved on; so a worker that wakes late for a job long finished takes
 * nothing, and the caller need not wait for it. What the job is (task, user, ...) is read before the claim: a claim that
 * succeeds proves that the job was still open, hence that it was this job's.
 *
 * Cores that share no cache take 200 ns and more to hand over a line. So all that a worker needs to begin lies in the one line
 * of its range, on which it also waits; and parts are counted as done by the range, not one by one.
 *
 * Beside the job whose caller waits there may be one that nobody waits for yet: threads that would spin run its parts.
 *
 * Where another program keeps one of two cores busy, the system runs both threads of a pool on the other: the worker then takes the
 * core from the caller when it wakes, and keeps it from it while it spins. So the caller works alone for a while, a recess.
 */
#define _GNU_SOURCE
#include "base/pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MOST_THREADS = 1024, MOST_RANGES = 16, PART_BITS = 24, MOST_PARTS = (1 << PART_BITS) - 1 };

/* Who waits longer sleeps. With 20 us a run of LeNet at batch 1 took 3 % longer, 10 to 14 % where a neighbour slowed one core down. */
enum { SPIN_NS = 30000 };

/* So many meetings on one core within the window lead to a recess; one soon after another is twice as long. */
enum { MEETINGS = 8, WINDOW_NS = 2000000, SOON_NS = 100000000, FIRST_RECESS_NS = 25000000, LAST_RECESS_NS = 200000000 };

/* The parts of a job that one thread claims first: task(user, base + step * left). Described anew only while no part is open. */
typedef struct range {
    _Alignas(64) atomic_uint_fast64_t ticket;
    _Atomic(sd_task *) task;
    void *_Atomic user;
    atomic_int base, step; /* step: -1 from the first part to the last, 1 from the last to the first */
} range;

typedef struct worker {
    sd_pool *pool;
    pthread_t thread;
    int number; /* 1, 2, ...; the caller is 0 */
} worker;

/* What is to be done in parts. The first two are the caller's. */
typedef struct job {
    uint64_t number;               /* counts jobs */
    unsigned parts;                /* in all ranges */
    range range[MOST_RANGES];      /* [ranges] */
    _Alignas(64) atomic_uint done; /* parts finished; who waits for them sleeps on it */
    atomic_bool caller_sleeps;
} job;

/* When the worker first woke on its caller's core, and how often since; until when the caller works alone, for how long. In ns. */
typedef struct recess {
    int64_t met, length;
    int meetings;
    atomic_int caller; /* its core when it last woke the worker */
    atomic_int_fast64_t until;
} recess;

struct sd_pool {
    int threads;
    worker *worker; /* [started] */
    int started;
    int ranges;           /* as many as threads, or MOST_RANGES */
    pthread_mutex_t turn; /* held by the caller whose job runs */
    atomic_bool stop;
    job job, aside;
    atomic_bool has_aside;
    _Alignas(64) atomic_uint epoch; /* counts jobs; workers sleep on it */
    atomic_int sleepers;
    recess recess;
};

/* The pool whose part this thread runs: a call from inside finds its own pool here and does not wait for itself. */
static _Thread_local const sd_pool *inside;

/* The worker that this thread is; NULL if it is none. */
static _Thread_local const worker *self;

unsigned sd__fp_enter(void)
{
#if defined(__x86_64__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040, ROUNDING = 0x6000 };
    unsigned mode = _mm_getcsr();
    _mm_setcsr((mode & ~(unsigned)ROUNDING) | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return mode;
#else
    return 0;
#endif
}

void sd__fp_leave(unsigned mode)
{
#if defined(__x86_64__)
    _mm_setcsr(mode);
#endif
}

static void pause_cpu(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int threads) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0); }

/* What does not divide goes to the first ranges: the caller begins before its workers have seen the job. */
static int range_begin(int parts, int r, int ranges) { return (int)(((int64_t)parts * r + ranges - 1) / ranges); }

/* A part that a thread has claimed. */
typedef struct claimed {
    sd_task *task;
    void *user;
    int part;
} claimed;

/* Claims the next part of a range of the open job, if one is left. */
static bool claim(range *r, claimed *c)
{
    uint64_t ticket = atomic_load_explicit(&r->ticket, memory_order_acquire);
    while (ticket & MOST_PARTS) {
        c->task = atomic_load_explicit(&r->task, memory_order_acquire);
        c->user = atomic_load_explicit(&r->user, memory_order_acquire);
        unsigned base = (unsigned)atomic_load_explicit(&r->base, memory_order_acquire);
        unsigned step = (unsigned)atomic_load_explicit(&r->step, memory_order_acquire);
        c->part = (int)(base + step * (unsigned)(ticket & MOST_PARTS)); /* unsigned: of two jobs, base and step may overflow */
        if (atomic_compare_exchange_weak_explicit(&r->ticket, &ticket, ticket - 1, memory_order_acq_rel, memory_order_acquire))
            return true;
    }
    return false;
}

/* Runs parts of a range, `most` at most, and counts them as done: true if there were any. */
static bool run_range(job *j, int r, unsigned most)
{
    claimed c;
    unsigned ran = 0;
    for (; ran < most && claim(&j->range[r], &c); ran++)
        c.task(c.user, c.part);
    if (!ran)
        return false;
    /* seq_cst here, and in wait_for_parts(): either the caller sees these parts done, or we see the caller asleep. */
    atomic_fetch_add(&j->done, ran);
    if (atomic_load(&j->caller_sleeps))
        futex_wake(&j->done, 1);
    return true;
}

/* Runs parts of the open job until none is left to claim: first those of the thread's own range. */
static void work(sd_pool *pool, job *j, int thread)
{
    for (int i = 0; i < pool->ranges; i++)
        run_range(j, (thread + i) % pool->ranges, MOST_PARTS);
}

/* One part of the job that nobody waits for. */
static bool work_aside(sd_pool *pool, int thread)
{
    for (int i = 0; i < pool->ranges; i++)
        if (run_range(&pool->aside, (thread + i) % pool->ranges, 1))
            return true;
    return false;
}

/* What the thread waits for: a worker for parts in its range, the caller of a job for parts that are done, beside `done`. */
static bool is_due(const sd_pool *pool, int thread, const job *awaited, unsigned done)
{
    if (awaited)
        return atomic_load_explicit(&awaited->done, memory_order_acquire) != done;
    const range *own = &pool->job.range[thread % pool->ranges];
    return (atomic_load_explicit(&own->ticket, memory_order_acquire) & MOST_PARTS) ||
           atomic_load_explicit(&pool->stop, memory_order_acquire);
}

/*
 * Waits up to SPIN_NS, and runs what is set aside meanwhile; true if what it waits for has come. Jobs that leave this thread out
 * and parts set aside are no reason to sleep.
 */
static bool spin(sd_pool *pool, int thread, const job *awaited, unsigned done)
{
    int64_t end = now_ns() + SPIN_NS;
    for (unsigned before = atomic_load(&pool->epoch), epoch; now_ns() < end; before = epoch) {
        bool busy = false;
        for (int i = 0; i < 16; i++) {
            if (is_due(pool, thread, awaited, done))
                return true;
            if (work_aside(pool, thread))
                busy = true;
            else
                pause_cpu();
        }
        epoch = atomic_load(&pool->epoch);
        if (busy || epoch != before)
            end = now_ns() + SPIN_NS;
    }
    return false;
}

/* The only worker has woken. */
static void look_for_caller(sd_pool *pool)
{
    recess *r = &pool->recess;
    if (atomic_load_explicit(&r->caller, memory_order_relaxed) != sched_getcpu())
        return;
    int64_t now = now_ns();
    if (now - r->met > WINDOW_NS)
        r->met = now, r->meetings = 0;
    if (++r->meetings < MEETINGS)
        return;
    r->length = now - atomic_load(&r->until) > SOON_NS ? FIRST_RECESS_NS : SD_MIN(2 * r->length, LAST_RECESS_NS);
    r->meetings = 0;
    atomic_store(&r->until, now + r->length);
}

static bool in_recess(sd_pool *pool)
{
    int64_t until = atomic_load_explicit(&pool->recess.until, memory_order_relaxed);
    return until && now_ns() < until;
}

/* seq_cst: either who has parts to run sees us among the sleepers, or we see the new epoch, and with that the parts. */
static void wait_for_job(sd_pool *pool, int thread)
{
    if (spin(pool, thread, NULL, 0))
        return;
    atomic_fetch_add(&pool->sleepers, 1);
    unsigned epoch = atomic_load(&pool->epoch);
    if (!is_due(pool, thread, NULL, 0) && !work_aside(pool, thread))
        futex_wait(&pool->epoch, epoch);
    atomic_fetch_sub(&pool->sleepers, 1);
    if (pool->threads == 2)
        look_for_caller(pool);
}

static void *worker_main(void *argument)
{
    self = argument;
    sd_pool *pool = self->pool;
    inside = pool;
    sd__fp_enter();
    while (!atomic_load(&pool->stop)) {
        work(pool, &pool->job, self->number);
        wait_for_job(pool, self->number);
    }
    return NULL;
}

static void wait_for_parts(sd_pool *pool, job *j)
{
    for (;;) {
        unsigned done = atomic_load(&j->done);
        if (done == j->parts)
            return;
        if (spin(pool, 0, j, done))
            continue;
        atomic_store(&j->caller_sleeps, true);
        done = atomic_load(&j->done);
        if (done != j->parts)
            futex_wait(&j->done, done);
        atomic_store(&j->caller_sleeps, false);
    }
}

static void wake_workers(sd_pool *pool, int most)
{
    atomic_fetch_add(&pool->epoch, 1);
    int sleepers = atomic_load(&pool->sleepers);
    if (sleepers == 0)
        return;
    atomic_store_explicit(&pool->recess.caller, sched_getcpu(), memory_order_relaxed);
    futex_wake(&pool->epoch, SD_MIN(sleepers, most));
}

static void open_job(sd_pool *pool, job *j, sd_task *task, void *user, int first, int parts, bool falling)
{
    j->number++;
    j->parts = (unsigned)parts;
    atomic_store_explicit(&j->done, 0, memory_order_release);
    for (int i = 0; i < pool->ranges; i++) {
        range *r = &j->range[i];
        int begin = range_begin(parts, i, pool->ranges), end = range_begin(parts, i + 1, pool->ranges);
        atomic_store_explicit(&r->task, task, memory_order_release);
        atomic_store_explicit(&r->user, user, memory_order_release);
        atomic_store_explicit(&r->base, first + (falling ? begin - 1 : end), memory_order_release);
        atomic_store_explicit(&r->step, falling ? 1 : -1, memory_order_release);
        atomic_store_explicit(&r->ticket, j->number << PART_BITS | (unsigned)(end - begin), memory_order_release);
    }
}

static void fork_and_join(sd_pool *pool, sd_task *task, void *user, int first, int parts, bool falling)
{
    open_job(pool, &pool->job, task, user, first, parts, falling);
    wake_workers(pool, parts - 1);
    work(pool, &pool->job, 0);
    wait_for_parts(pool, &pool->job);
}

static void run_here(sd_task *task, void *user, int parts)
{
    for (int part = 0; part < parts; part++)
        task(user, part);
}

typedef enum manner { RISING, FALLING, TOGETHER } manner;

static void run_all(sd_pool *pool, sd_task *task, void *user, int parts, manner how)
{
    if (!pool || parts < 2 || pool->started == 0 || inside == pool) {
        run_here(task, user, parts);
        return;
    }
    const sd_pool *outer = inside;
    pthread_mutex_lock(&pool->turn);
    inside = pool;
    int first = 0;
    for (; first < parts && how != TOGETHER && in_recess(pool); first++)
        task(user, first);
    for (; first < parts; first += MOST_PARTS)
        fork_and_join(pool, task, user, first, SD_MIN(parts - first, MOST_PARTS), how == FALLING);
    inside = outer;
    pthread_mutex_unlock(&pool->turn);
}

void sd__pool_run(sd_pool *pool, sd_task *task, void *user, int parts) { run_all(pool, task, user, parts, RISING); }

void sd__pool_run_falling(sd_pool *pool, sd_task *task, void *user, int parts) { run_all(pool, task, user, parts, FALLING); }

void sd__pool_run_together(sd_pool *pool, sd_task *task, void *user, int parts) { run_all(pool, task, user, parts, TOGETHER); }

bool sd__pool_set_aside(sd_pool *pool, sd_task *task, void *user, int parts)
{
    if (!pool || pool->started == 0 || parts > MOST_PARTS || atomic_exchange(&pool->has_aside, true))
        return false;
    open_job(pool, &pool->aside, task, user, 0, parts, false);
    return true;
}

/* A job of its own would cost more than what is left mostly takes: threads that spin help anyway, those that sleep are woken. */
void sd__pool_finish_aside(sd_pool *pool)
{
    job *j = &pool->aside;
    if (atomic_load(&j->done) != j->parts) {
        const sd_pool *outer = inside;
        inside = pool;
        wake_workers(pool, pool->started);
        work(pool, j, 0);
        wait_for_parts(pool, j);
        inside = outer;
    }
    atomic_store(&pool->has_aside, false);
}

/* Workers take no signals: Ctrl-C belongs to the thread that knows what to do with it. */
static int start_workers(sd_pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (!error && pool->started < pool->threads - 1) {
        worker *w = &pool->worker[pool->started];
        *w = (worker){.pool = pool, .number = pool->started + 1};
        error = pthread_create(&w->thread, NULL, worker_main, w);
        pool->started += !error;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

sd_status sd__pool_new(int threads, sd_pool **pool)
{
    *pool = NULL;
    if (threads < 1 || threads > MOST_THREADS)
        return sd__fail(SD_EINVAL, "%d threads; 1 to %d are possible", threads, MOST_THREADS);
    sd_pool *p = sd__alloc_aligned(sizeof *p);
    worker *workers = sd__alloc_zeroed((size_t)threads, sizeof *workers);
    if (!p || !workers) {
        free(p);
        free(workers);
        return sd__fail(SD_ENOMEM, "no memory for a pool of %d threads", threads);
    }
    memset(p, 0, sizeof *p);
    p->threads = threads;
    p->ranges = SD_MIN(threads, MOST_RANGES);
    p->worker = workers;
    pthread_mutex_init(&p->turn, NULL);
    int error = start_workers(p);
    if (error) {
        sd__pool_free(p);
        return sd__fail(SD_ENOMEM, "cannot start %d threads: %s", threads, strerror(error));
    }
    *pool = p;
    return SD_OK;
}

void sd__pool_free(sd_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->epoch, 1);
    futex_wake(&pool->epoch, INT_MAX);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_mutex_destroy(&pool->turn);
    free(pool->worker);
    free(pool);
}

int sd__pool_seat(const sd_pool *pool) { return self && self->pool == pool ? self->number : 0; }

int sd__pool_threads(const sd_pool *pool) { return pool ? pool->threads : 1; }
