/* test_base_pool.c -- the thread pool: every part once, nested and concurrent calls, floating-point mode, sleeping threads. */
#define _GNU_SOURCE
#include "law.h"

#include <float.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/pool.h"

enum { MOST_PARTS = 300 };

typedef struct counts {
    sd_pool *pool;
    atomic_int run[MOST_PARTS];
} counts;

static void count_part(void *user, int part) { atomic_fetch_add(&((counts *)user)->run[part], 1); }

static sd_pool *pool_of(int threads)
{
    sd_pool *pool;
    assert_ok(sd__pool_new(threads, &pool));
    assert_int_equal(sd__pool_threads(pool), threads);
    return pool;
}

static void check_counts(counts *c, int parts, int wanted)
{
    for (int i = 0; i < MOST_PARTS; i++)
        assert_int_equal(atomic_load(&c->run[i]), i < parts ? wanted : 0);
}

static void every_part_runs_once(void **state)
{
    for (int threads = 1; threads <= 5; threads++) {
        sd_pool *pool = pool_of(threads);
        for (int trial = 0; trial < law_trials(200); trial++) {
            counts c = {0};
            int parts = law_int(0, 3) ? law_int(0, 8) : law_int(0, MOST_PARTS);
            (trial % 2 ? sd__pool_run : sd__pool_run_falling)(pool, count_part, &c, parts);
            check_counts(&c, parts, 1);
        }
        sd__pool_free(pool);
    }
}

typedef struct order {
    atomic_int clock;
    int time[MOST_PARTS]; /* when a part ran */
    pthread_t thread[MOST_PARTS];
} order;

static void note_order(void *user, int part)
{
    order *o = user;
    o->time[part] = atomic_fetch_add(&o->clock, 1);
    o->thread[part] = pthread_self();
}

/* What a thread ran of one range, it ran from the first part to the last, or the other way round. */
static void check_order(const order *o, int begin, int end, bool falling)
{
    for (int i = begin; i < end; i++)
        for (int k = i + 1; k < end; k++)
            if (pthread_equal(o->thread[i], o->thread[k]))
                assert_true((o->time[i] > o->time[k]) == falling);
}

static void parts_of_a_range_run_in_order(void **state)
{
    enum { THREADS = 3, OWN = 40 };
    sd_pool *pool = pool_of(THREADS);
    for (int trial = 0; trial < law_trials(200); trial++) {
        bool falling = trial % 2;
        order o = {0};
        (falling ? sd__pool_run_falling : sd__pool_run)(pool, note_order, &o, THREADS * OWN);
        for (int range = 0; range < THREADS; range++)
            check_order(&o, range * OWN, range * OWN + OWN, falling);
    }
    sd__pool_free(pool);
}

static void without_a_pool_parts_run_in_order(void **state)
{
    counts c = {0};
    sd__pool_run(NULL, count_part, &c, 9);
    check_counts(&c, 9, 1);
    assert_int_equal(sd__pool_threads(NULL), 1);
    sd__pool_free(NULL);
}

/* Plain memory: what a part writes is seen after the run, what was written before is seen in it. Sanitizers look on. */
typedef struct sums {
    int64_t in[64], out[64];
} sums;

static void square_part(void *user, int part)
{
    sums *s = user;
    s->out[part] = s->in[part] * s->in[part];
}

static void runs_order_plain_memory(void **state)
{
    sd_pool *pool = pool_of(4);
    for (int trial = 0; trial < law_trials(2000); trial++) {
        sums s;
        int parts = law_int(1, 64);
        for (int i = 0; i < parts; i++)
            s.in[i] = law_int(-1000, 1000);
        sd__pool_run(pool, square_part, &s, parts);
        for (int i = 0; i < parts; i++)
            assert_int_equal(s.out[i], s.in[i] * s.in[i]);
    }
    sd__pool_free(pool);
}

static void nested_part(void *user, int part)
{
    counts *c = user;
    sd__pool_run(c->pool, count_part, c, 7);
}

static void a_call_from_inside_runs_on_its_thread(void **state)
{
    counts c = {.pool = pool_of(3)};
    sd__pool_run(c.pool, nested_part, &c, 20);
    check_counts(&c, 7, 20);
    sd__pool_free(c.pool);
}

static void *call_repeatedly(void *user)
{
    counts *c = user;
    for (int i = 0; i < 500; i++)
        sd__pool_run(c->pool, count_part, c, 11);
    return NULL;
}

static void concurrent_callers_take_turns(void **state)
{
    counts c = {.pool = pool_of(3)};
    pthread_t caller[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call_repeatedly, &c), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(caller[i], NULL);
    check_counts(&c, 11, 4 * 500);
    sd__pool_free(c.pool);
}

static void nap(long microseconds) { nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL); }

static void slow_part(void *user, int part)
{
    if (part % 3 == 0)
        nap(300);
    count_part(user, part);
}

/* Longer than anyone spins: workers sleep between runs, the caller sleeps while a worker is slow. */
static void sleepers_wake(void **state)
{
    sd_pool *pool = pool_of(4);
    for (int trial = 0; trial < law_trials(60); trial++) {
        counts c = {0};
        nap(law_int(0, 200));
        sd__pool_run(pool, slow_part, &c, 8);
        check_counts(&c, 8, 1);
    }
    sd__pool_free(pool);
}

/* Each part meets the other: with fewer than two threads at work this would never end. */
static void meet_part(void *user, int part)
{
    counts *c = user;
    atomic_fetch_add(&c->run[part], 1);
    while (!atomic_load(&c->run[0]) || !atomic_load(&c->run[1]))
        nap(10);
}

static void parts_run_at_the_same_time(void **state)
{
    sd_pool *pool = pool_of(2);
    for (int trial = 0; trial < 20; trial++) {
        counts c = {0};
        sd__pool_run_together(pool, meet_part, &c, 2);
        check_counts(&c, 2, 1);
    }
    sd__pool_free(pool);
}

/* ---- two threads on one core ---- */

typedef struct place {
    pthread_t caller;
    atomic_int elsewhere; /* parts that another thread has run */
} place;

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void note_place(void *user, int part)
{
    place *p = user;
    (void)part;
    for (double start = microseconds(); microseconds() < start + 40;) {}
    if (!pthread_equal(pthread_self(), p->caller))
        atomic_fetch_add(&p->elsewhere, 1);
}

/* So many regions, and so long between them that a worker sleeps: how many parts it has run. */
static int parts_elsewhere(sd_pool *pool, int regions)
{
    place p = {.caller = pthread_self()};
    for (int i = 0; i < regions; i++) {
        sd__pool_run(pool, note_place, &p, 2);
        nap(50);
    }
    return atomic_load(&p.elsewhere);
}

static cpu_set_t on_one_core(void)
{
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    return all;
}

/* With a core for both, the worker is soon left alone: for a while, and not where parts must run at the same time. */
static void a_crowded_caller_works_alone(void **state)
{
    enum { REGIONS = 30, TRIALS = 200 };
    cpu_set_t all = on_one_core();
    sd_pool *pool = pool_of(2);
    int trials = 0, helped = 0;
    while (parts_elsewhere(pool, REGIONS) > 0 && trials < TRIALS)
        trials++;
    assert_in_range(trials, 0, TRIALS - 1);
    counts c = {0};
    sd__pool_run_together(pool, meet_part, &c, 2);
    check_counts(&c, 2, 1);
    for (trials = 0; !helped && trials < TRIALS; trials++)
        helped = parts_elsewhere(pool, REGIONS);
    assert_true(helped > 0);
    sd__pool_free(pool);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

#if defined(__x86_64__)
typedef struct modes {
    pthread_t caller;
    atomic_int met;
    float half[2]; /* what a denormal times one is, in the caller and in the worker */
    bool worker[2];
} modes;

static void denormal_part(void *user, int part)
{
    modes *m = user;
    volatile float tiny = FLT_MIN / 4, one = 1;
    m->half[part] = tiny * one;
    m->worker[part] = !pthread_equal(m->caller, pthread_self());
    atomic_fetch_add(&m->met, 1);
    while (atomic_load(&m->met) < 2)
        nap(10);
}

static void workers_flush_denormals_callers_choose(void **state)
{
    sd_pool *pool = pool_of(2);
    for (int entered = 0; entered < 2; entered++) {
        modes m = {.caller = pthread_self()};
        unsigned before = entered ? sd__fp_enter() : 0;
        sd__pool_run(pool, denormal_part, &m, 2);
        if (entered)
            sd__fp_leave(before);
        assert_true(m.worker[0] != m.worker[1]);
        for (int part = 0; part < 2; part++)
            assert_true((m.half[part] == 0) == (m.worker[part] || entered));
    }
    volatile float tiny = FLT_MIN / 4, one = 1;
    assert_true(tiny * one != 0);
    sd__pool_free(pool);
}
#else
static void workers_flush_denormals_callers_choose(void **state) { skip(); }
#endif

/* ---- a job set aside ---------------------------------------------------------------------------------------------------- */

/* With jobs in between or none, parts quick or slow (then who finishes must wait, and sleep): each once, all at the end. */
static void parts_set_aside_run_once(void **state)
{
    for (int threads = 2; threads <= 5; threads++) {
        sd_pool *pool = pool_of(threads);
        for (int trial = 0; trial < law_trials(300); trial++) {
            counts aside = {0}, c = {0};
            int parts = law_int(0, 40), jobs = law_int(0, 5);
            assert_true(sd__pool_set_aside(pool, trial % 10 ? count_part : slow_part, &aside, parts));
            for (int i = 0; i < jobs; i++)
                sd__pool_run(pool, count_part, &c, 6);
            sd__pool_finish_aside(pool);
            check_counts(&aside, parts, 1);
            check_counts(&c, 6, jobs);
        }
        sd__pool_free(pool);
    }
}

static void asides_order_plain_memory(void **state)
{
    sd_pool *pool = pool_of(3);
    for (int trial = 0; trial < law_trials(2000); trial++) {
        sums s, other = {0};
        int parts = law_int(1, 64);
        for (int i = 0; i < parts; i++)
            s.in[i] = law_int(-1000, 1000);
        assert_true(sd__pool_set_aside(pool, square_part, &s, parts));
        sd__pool_run(pool, square_part, &other, law_int(0, 9));
        sd__pool_finish_aside(pool);
        for (int i = 0; i < parts; i++)
            assert_int_equal(s.out[i], s.in[i] * s.in[i]);
    }
    sd__pool_free(pool);
}

enum { ASIDES = 8 };

/* Does not end before the parts set aside have run; the other part does nothing, so its thread is free for them. */
static void await_part(void *user, int part)
{
    counts *aside = user;
    for (int waits = 0; part == 0 && waits < 100000; waits++) {
        int done = 0;
        for (int i = 0; i < ASIDES; i++)
            done += atomic_load(&aside->run[i]);
        if (done == ASIDES)
            return;
        nap(50);
    }
}

static void waiting_threads_run_what_is_set_aside(void **state)
{
    sd_pool *pool = pool_of(2);
    for (int trial = 0; trial < 20; trial++) {
        counts aside = {0};
        assert_true(sd__pool_set_aside(pool, count_part, &aside, ASIDES));
        sd__pool_run_together(pool, await_part, &aside, 2);
        check_counts(&aside, ASIDES, 1);
        sd__pool_finish_aside(pool);
        check_counts(&aside, ASIDES, 1);
    }
    sd__pool_free(pool);
}

/* Of two parts that meet the one who finishes can run one only: the other thread sleeps, or just goes to sleep. */
static void sleepers_help_to_finish(void **state)
{
    sd_pool *pool = pool_of(2);
    for (int trial = 0; trial < law_trials(200); trial++) {
        counts c = {0};
        nap(law_int(0, 200));
        assert_true(sd__pool_set_aside(pool, meet_part, &c, 2));
        sd__pool_finish_aside(pool);
        check_counts(&c, 2, 1);
    }
    sd__pool_free(pool);
}

static void one_job_can_be_set_aside(void **state)
{
    sd_pool *pool = pool_of(2), *lonely = pool_of(1);
    counts c = {0}, refused = {0};
    assert_false(sd__pool_set_aside(NULL, count_part, &refused, 3));
    assert_false(sd__pool_set_aside(lonely, count_part, &refused, 3));
    assert_true(sd__pool_set_aside(pool, count_part, &c, 3));
    assert_false(sd__pool_set_aside(pool, count_part, &refused, 3));
    sd__pool_finish_aside(pool);
    assert_true(sd__pool_set_aside(pool, count_part, &c, 3));
    sd__pool_finish_aside(pool);
    check_counts(&c, 3, 2);
    check_counts(&refused, 0, 0);
    sd__pool_free(pool);
    sd__pool_free(lonely);
}

/* Parts are numbered through even where they do not fit into one ticket. */
static void sum_part(void *user, int part) { atomic_fetch_add((atomic_llong *)user, part); }

static void very_many_parts(void **state)
{
    sd_pool *pool = pool_of(2);
    const long long n = (1 << 24) + 5;
    atomic_llong sum = 0;
    if (!getenv("SONDE_SANITIZE")) {
        sd__pool_run(pool, sum_part, &sum, (int)n);
        assert_true(atomic_load(&sum) == n * (n - 1) / 2);
    }
    sd__pool_free(pool);
}

static void pools_come_and_go(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        sd_pool *pool = pool_of(law_int(1, 6));
        counts c = {0};
        if (law_int(0, 1))
            sd__pool_run(pool, count_part, &c, 4);
        sd__pool_free(pool);
    }
}

static void impossible_numbers_of_threads_are_refused(void **state)
{
    sd_pool *pool = (sd_pool *)state;
    assert_status(sd__pool_new(0, &pool), SD_EINVAL);
    assert_null(pool);
    assert_status(sd__pool_new(100000, &pool), SD_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(parts_of_a_range_run_in_order),
        cmocka_unit_test(without_a_pool_parts_run_in_order),
        cmocka_unit_test(runs_order_plain_memory),
        cmocka_unit_test(a_call_from_inside_runs_on_its_thread),
        cmocka_unit_test(concurrent_callers_take_turns),
        cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(parts_run_at_the_same_time),
        cmocka_unit_test(a_crowded_caller_works_alone),
        cmocka_unit_test(workers_flush_denormals_callers_choose),
        cmocka_unit_test(parts_set_aside_run_once),
        cmocka_unit_test(asides_order_plain_memory),
        cmocka_unit_test(waiting_threads_run_what_is_set_aside),
        cmocka_unit_test(sleepers_help_to_finish),
        cmocka_unit_test(one_job_can_be_set_aside),
        cmocka_unit_test(very_many_parts),
        cmocka_unit_test(pools_come_and_go),
        cmocka_unit_test(impossible_numbers_of_threads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
