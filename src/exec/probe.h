/*
 * probe.h -- what this machine can do at best: the limits against which a profile and the benchmarks are read.
 *
 * A machine's numbers are the best of many bursts, each shorter than a scheduler's slice: what another process takes is seen as a
 * slow burst and dropped, not averaged in.
 */
#ifndef SD_EXEC_PROBE_H
#define SD_EXEC_PROBE_H

#include "base/cpu.h"
#include "base/pool.h"

/* fp32 multiply-add in registers: vfmadd at levels v3 and v4, mulps and addps (two operations an element, too) at v2. */
typedef struct sd_probe_fma {
    double core, all; /* FLOP/s of one core, of all threads of the pool at once */
    double cycles;    /* core cycles per vector instruction */
    double best;      /* cycles that the two FMA pipes of this core allow; 0: not known (v2) */
} sd_probe_fma;

#define SD_PROBE_SIZES 6

typedef struct sd_probe_read {
    size_t bytes;     /* read by each thread (core), or shared out among the threads (all) */
    double core, all; /* bytes a second */
} sd_probe_read;

typedef struct sd_machine {
    int threads;
    sd_level level; /* the highest there is */
    sd_probe_fma fma[SD_VECTOR_LEVELS];
    bool counters; /* cycles come from the hardware counter; else from a chain of dependent additions beside the measurement */
    bool amx;      /* the CPU says that it has tiles */
    sd_probe_read read[SD_PROBE_SIZES];
    double fork_join; /* seconds of a parallel region in which every thread takes one part, workers awake */
    double handover;  /* seconds until a core sees what another has written to a line that both read: several times longer where
                         they share no cache; 0 with one thread, or where two never ran at the same time */
} sd_machine;

/* Measures everything for about `seconds`, at least a tenth. SD_ENOMEM. */
sd_status sd__machine_probe(sd_pool *pool, double seconds, sd_machine *machine);

typedef struct sd_probe_rate {
    double best, mean; /* of a burst, of all */
} sd_probe_rate;

/* Bytes a second at which all threads of the pool together read a block of this size again and again. 0 without memory. */
sd_probe_rate sd__probe_read_rate(sd_pool *pool, size_t bytes, double seconds);

/* FLOP/s of all threads at a level: the denominator of "per cent of the probe". */
double sd__machine_flops(const sd_machine *machine, sd_level level);

/* Bytes a second of all threads for data of this size, interpolated between the sizes that were measured. */
double sd__machine_bandwidth(const sd_machine *machine, double bytes);

/* The least time a step can take: the longer of computing and reading. */
double sd__machine_bound(const sd_machine *machine, sd_level level, double flops, double bytes);

#endif
