/*
 * probe.c -- measures the machine: multiply-add rate, read bandwidth by size, the price of a parallel region.
 *
 * The inner loops are assembly, so that what is measured is the machine and not the mood of a compiler. Cycles come from the
 * hardware counter where the kernel grants one. Virtual machines seldom do: there, a chain of dependent additions, which takes
 * one cycle each on every x86-64 core, runs right before and after the loop that is measured, and its time is the clock.
 */
#define _GNU_SOURCE
#include "exec/probe.h"

#include <linux/perf_event.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/vector.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- loops ------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#define CLOBBER                                                                                                         \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
        "xmm14", "xmm15", "cc"

/* Twelve chains: with a latency of four or five cycles, two pipes need ten to be always busy. */
#define TWELVE(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define FMA_512(n) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #n "\n\t"
#define FMA_256(n) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #n "\n\t"
#define MUL_ADD_128(n) "mulps %%xmm12, %%xmm" #n "\n\taddps %%xmm13, %%xmm" #n "\n\t"
#define ZERO(n) "xorps %%xmm" #n ", %%xmm" #n "\n\t"
#define FMA_LOOP(body, end)                                                                                       \
    __asm__ volatile(TWELVE(ZERO) ZERO(12) ZERO(13) "1:\n\t" TWELVE(body) TWELVE(body) "dec %0\n\tjnz 1b\n\t" end \
                     : "+r"(n)                                                                                    \
                     :                                                                                            \
                     : CLOBBER)

enum { FMA_UNROLL = 24 };

/* Runs n times FMA_UNROLL multiply-adds; all are zero, so no number grows. */
static void fma_loop(sd_level level, int64_t n)
{
    if (level == SD_LEVEL_V4)
        FMA_LOOP(FMA_512, "vzeroupper");
    else if (level == SD_LEVEL_V3)
        FMA_LOOP(FMA_256, "vzeroupper");
    else
        FMA_LOOP(MUL_ADD_128, "");
}

/* n times 32 additions, each of which waits for the one before: 32 cycles. */
static void cycle_loop(int64_t n)
{
    int64_t a = 1, b = 3;
#define ADD_4 "add %2, %1\n\tadd %2, %1\n\tadd %2, %1\n\tadd %2, %1\n\t"
    __asm__ volatile("1:\n\t" ADD_4 ADD_4 ADD_4 ADD_4 ADD_4 ADD_4 ADD_4 ADD_4 "dec %0\n\tjnz 1b"
                     : "+r"(n), "+r"(a)
                     : "r"(b)
                     : "cc");
}

#define LOAD(move, reg, step)                                                                                             \
    __asm__ volatile("1:\n\t" move " (%0), %%" reg "0\n\t" move " " #step "(%0), %%" reg "1\n\t" move " 2*" #step         \
                     "(%0), %%" reg "2\n\t" move " 3*" #step "(%0), %%" reg "3\n\tadd $4*" #step ", %0\n\tcmp %1, %0\n\t" \
                     "jb 1b"                                                                                              \
                     : "+r"(from)                                                                                         \
                     : "r"(to)                                                                                            \
                     : CLOBBER, "memory")

/* Reads [from, to), a multiple of 256 bytes, 64-byte aligned. */
static void read_loop(sd_level level, const char *from, const char *to)
{
    if (from >= to)
        return;
    if (level == SD_LEVEL_V4)
        LOAD("vmovaps", "zmm", 64);
    else if (level == SD_LEVEL_V3)
        LOAD("vmovaps", "ymm", 32);
    else
        LOAD("movaps", "xmm", 16);
    if (level != SD_LEVEL_V2)
        __asm__ volatile("vzeroupper");
}

/*
 * Cycles that an FMA instruction takes at best on a core with two FMA pipes. The pipes of AMD's family 25 (Zen 3 and 4) are 256
 * bits wide: an instruction of 512 bits takes both.
 */
static double best_cycles(sd_level level)
{
    if (level == SD_LEVEL_V2)
        return 0;
    return level == SD_LEVEL_V4 && sd__cpu_amd_family() == 25 ? 1 : 0.5;
}

static bool has_amx(void)
{
    unsigned a, b, c, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1);
}

#endif

/* ---- clocks ------------------------------------------------------------------------------------------------------------ */

#if defined(__x86_64__)

enum { MOST_BURSTS = 1000, CYCLE_ROUNDS = 2000 };

/* Three bursts at least, more while there is time. */
static bool time_left(double start, double seconds, int bursts) { return bursts < 3 || now() - start < seconds; }

static int open_counter(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_CPU_CYCLES,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t read_counter(int counter)
{
    uint64_t value = 0;
    return read(counter, &value, sizeof value) == (ssize_t)sizeof value ? value : 0;
}

static double time_cycle_loop(void)
{
    double start = now();
    cycle_loop(CYCLE_ROUNDS);
    return now() - start;
}

/* Core cycles of a burst: counted, or its time by the clock that the chains before and after it show. */
static double burst_cycles(int counter, sd_level level, int64_t n, double *seconds)
{
    uint64_t first = counter >= 0 ? read_counter(counter) : 0;
    double before = counter >= 0 ? 0 : time_cycle_loop(), start = now();
    fma_loop(level, n);
    *seconds = now() - start;
    if (counter >= 0)
        return (double)(read_counter(counter) - first);
    double hertz = 2 * 32.0 * CYCLE_ROUNDS / (before + time_cycle_loop());
    return *seconds * hertz;
}

/* ---- multiply-add ------------------------------------------------------------------------------------------------------ */

static double flops_of(sd_level level, int64_t n)
{
    static const int width[SD_VECTOR_LEVELS] = {4, 8, 16};
    return 2.0 * width[level] * FMA_UNROLL * (double)n;
}

static double instructions_of(sd_level level, int64_t n) { return (level == SD_LEVEL_V2 ? 2.0 : 1.0) * FMA_UNROLL * (double)n; }

/* Bursts of about 100 us. The rate is the best; cycles are the median, since an interrupted chain makes them too few. */
static void probe_core(sd_level level, double seconds, sd_machine *machine)
{
    double cycles[MOST_BURSTS] = {0}, spent;
    int counter = open_counter(), bursts = 0;
    int64_t n = 10000;
    sd_probe_fma *fma = &machine->fma[level];
    burst_cycles(counter, level, n, &spent);
    for (double start = now(); bursts < MOST_BURSTS && time_left(start, seconds, bursts); bursts++) {
        cycles[bursts] = burst_cycles(counter, level, n, &spent) / instructions_of(level, n);
        fma->core = SD_MAX(fma->core, flops_of(level, n) / spent);
    }
    qsort(cycles, (size_t)bursts, sizeof *cycles, sd__ascending);
    fma->cycles = cycles[bursts / 2];
    fma->best = best_cycles(level);
    machine->counters = counter >= 0;
    if (counter >= 0)
        close(counter);
}

typedef struct fma_job {
    sd_level level;
    int64_t n;
} fma_job;

static void fma_part(void *user, int part)
{
    (void)part;
    const fma_job *job = user;
    fma_loop(job->level, job->n);
}

/* True if the threads have been seen at work on several cores. */
static bool spread(const sd_probe_fma *fma, int threads) { return threads == 1 || fma->all > 1.2 * fma->core; }

/*
 * A burst of a millisecond for every thread; one that a thread slept through, so that another did two parts, is no best. While
 * all threads do no more than one, the system may not have spread them over the cores yet: it is given longer.
 */
static void probe_all(sd_pool *pool, sd_level level, double seconds, sd_machine *machine)
{
    enum { LONGER = 8 };
    sd_probe_fma *fma = &machine->fma[level];
    fma_job job = {level, 100000};
    int bursts = 0;
    for (double start = now(); time_left(start, spread(fma, machine->threads) ? seconds : LONGER * seconds, bursts); bursts++) {
        double from = now();
        sd__pool_run_together(pool, fma_part, &job, machine->threads);
        double rate = machine->threads * flops_of(level, job.n) / (now() - from);
        fma->all = SD_MAX(fma->all, rate);
    }
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

typedef struct read_job {
    sd_level level;
    const char *block;
    size_t bytes; /* of one part, a multiple of 256 */
    int rounds;
} read_job;

static void read_part(void *user, int part)
{
    const read_job *job = user;
    const char *from = job->block + (size_t)part * job->bytes;
    for (int i = 0; i < job->rounds; i++)
        read_loop(job->level, from, from + job->bytes);
}

/*
 * Best rate at which `parts` threads read a block of `bytes`, and over all bursts; small ones several times over, so that a burst
 * is worth timing.
 */
static sd_probe_rate read_rate(sd_pool *pool, int parts, const char *block, size_t bytes, double seconds)
{
    enum { LEAST = 8 << 20 };
    read_job job = {.level = sd__vector_level(sd__cpu_level()), .block = block, .bytes = bytes / (size_t)parts & ~(size_t)255};
    size_t total = job.bytes * (size_t)parts;
    sd_probe_rate rate = {0};
    int bursts = 0;
    if (!total)
        return rate;
    job.rounds = (int)(total < LEAST ? LEAST / total : 1);
    double spent = 0;
    for (double start = now(); time_left(start, seconds, bursts); bursts++) {
        double from = now();
        sd__pool_run_together(pool, read_part, &job, parts);
        double burst = now() - from;
        rate.best = SD_MAX(rate.best, (double)total * job.rounds / burst);
        spent += burst;
    }
    rate.mean = (double)total * job.rounds * bursts / spent;
    return rate;
}

sd_probe_rate sd__probe_read_rate(sd_pool *pool, size_t bytes, double seconds)
{
    char *block = sd__alloc_aligned(bytes + 64);
    if (!block)
        return (sd_probe_rate){0};
    memset(block, 0, bytes);
    sd_probe_rate rate = read_rate(pool, sd__pool_threads(pool), block, bytes, seconds);
    free(block);
    return rate;
}

static sd_status probe_reads(sd_pool *pool, double seconds, sd_machine *machine)
{
    static const size_t size[SD_PROBE_SIZES] = {16 << 10, 256 << 10, 2 << 20, 8 << 20, 32 << 20, 128 << 20};
    char *block = sd__alloc_aligned(size[SD_PROBE_SIZES - 1]);
    if (!block)
        return sd__fail(SD_ENOMEM, "no memory for a block of %zu bytes to read", size[SD_PROBE_SIZES - 1]);
    memset(block, 0, size[SD_PROBE_SIZES - 1]);
    for (int i = 0; i < SD_PROBE_SIZES; i++) {
        machine->read[i].bytes = size[i];
        machine->read[i].core = read_rate(pool, 1, block, size[i], seconds).best;
        machine->read[i].all = read_rate(pool, machine->threads, block, size[i], seconds).best;
    }
    free(block);
    return SD_OK;
}

/* ---- parallel regions -------------------------------------------------------------------------------------------------- */

/* Every part waits for all the others to begin: else the caller would do the work of a worker that is slow to come. */
static void meet(void *user, int part)
{
    atomic_int *missing = user;
    (void)part;
    atomic_fetch_sub(missing, 1);
    while (atomic_load_explicit(missing, memory_order_acquire) > 0)
        __builtin_ia32_pause();
}

static double probe_fork_join(sd_pool *pool, double seconds)
{
    enum { REGIONS = 10 };
    double best = INFINITY;
    int bursts = 0, threads = sd__pool_threads(pool);
    for (double start = now(); time_left(start, seconds, bursts); bursts++) {
        double from = now();
        for (int i = 0; i < REGIONS; i++) {
            atomic_int missing = threads;
            sd__pool_run_together(pool, meet, &missing, threads);
        }
        best = fmin(best, (now() - from) / REGIONS);
    }
    return best;
}

/* A line that two threads write in turn, until one of them has waited so long that the other cannot be running. */
typedef struct ball {
    atomic_int missing;
    _Alignas(64) atomic_int at; /* handovers so far, or LOST */
} ball;

enum { HANDOVERS = 1000, LOST = -1, PATIENCE = 1 << 16 };

static void play(void *user, int part)
{
    ball *b = user;
    meet(&b->missing, part);
    for (int i = part; i < HANDOVERS; i += 2) {
        int at, looks = 0;
        while ((at = atomic_load_explicit(&b->at, memory_order_acquire)) != i)
            if (at == LOST || ++looks > PATIENCE) {
                atomic_store_explicit(&b->at, LOST, memory_order_release);
                return;
            }
        atomic_store_explicit(&b->at, i + 1, memory_order_release);
    }
}

static double probe_handover(sd_pool *pool, double seconds)
{
    double best = INFINITY;
    int bursts = 0;
    if (sd__pool_threads(pool) < 2)
        return 0;
    for (double start = now(); time_left(start, seconds, bursts); bursts++) {
        ball b = {.missing = 2};
        double from = now();
        sd__pool_run_together(pool, play, &b, 2);
        if (atomic_load(&b.at) == HANDOVERS)
            best = fmin(best, (now() - from) / HANDOVERS);
    }
    return isfinite(best) ? best : 0;
}

/* ---- all together ------------------------------------------------------------------------------------------------------ */

sd_status sd__machine_probe(sd_pool *pool, double seconds, sd_machine *machine)
{
    *machine = (sd_machine){.threads = sd__pool_threads(pool), .level = sd__cpu_level(), .amx = has_amx()};
    double slice = fmax(seconds, 0.1) / (2 * SD_VECTOR_LEVELS + 2 * SD_PROBE_SIZES + 2);
    for (int level = 0; level <= (int)sd__vector_level(machine->level); level++) {
        probe_core((sd_level)level, slice, machine);
        probe_all(pool, (sd_level)level, slice, machine);
    }
    machine->fork_join = probe_fork_join(pool, slice);
    machine->handover = probe_handover(pool, slice);
    return probe_reads(pool, slice, machine);
}

#else

sd_status sd__machine_probe(sd_pool *pool, double seconds, sd_machine *machine)
{
    *machine = (sd_machine){0};
    return sd__fail(SD_EUNSUPPORTED, "the machine's limits are measured on x86-64 only");
}

sd_probe_rate sd__probe_read_rate(sd_pool *pool, size_t bytes, double seconds) { return (sd_probe_rate){0}; }

#endif

/* ---- limits ------------------------------------------------------------------------------------------------------------ */

double sd__machine_flops(const sd_machine *machine, sd_level level) { return machine->fma[sd__vector_level(level)].all; }

/* Straight between measured sizes on a logarithmic axis; the first and last hold beyond. */
double sd__machine_bandwidth(const sd_machine *machine, double bytes)
{
    const sd_probe_read *read = machine->read;
    if (bytes <= (double)read[0].bytes)
        return read[0].all;
    for (int i = 1; i < SD_PROBE_SIZES; i++)
        if (bytes <= (double)read[i].bytes) {
            double low = (double)read[i - 1].bytes, high = (double)read[i].bytes;
            double at = log(bytes / low) / log(high / low);
            return read[i - 1].all + at * (read[i].all - read[i - 1].all);
        }
    return read[SD_PROBE_SIZES - 1].all;
}

double sd__machine_bound(const sd_machine *machine, sd_level level, double flops, double bytes)
{
    double peak = sd__machine_flops(machine, level), bandwidth = sd__machine_bandwidth(machine, bytes);
    return fmax(peak > 0 ? flops / peak : 0, bandwidth > 0 ? bytes / bandwidth : 0);
}
