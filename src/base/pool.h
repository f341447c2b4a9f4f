/*
 * pool.h -- threads that run the numbered parts of a task.
 *
 * Each thread has a range of the parts and claims those first, then what others have left; so which thread runs a part is
 * chance, though mostly the same one, and what a part computes must not depend on it. Waiting threads spin for about 30 us,
 * then sleep on a futex.
 */
#ifndef SD_BASE_POOL_H
#define SD_BASE_POOL_H

#include "base/base.h"

typedef void sd_task(void *user, int part);

/* threads >= 1, the caller included; threads - 1 are started. */
sd_status sd__pool_new(int threads, sd_pool **pool);
void sd__pool_free(sd_pool *pool);
int sd__pool_threads(const sd_pool *pool);

/* The calling thread's number in jobs of the pool, below its threads: 0, the caller's, if it is no worker of this pool. */
int sd__pool_seat(const sd_pool *pool);

/*
 * Calls task(user, part) for part = 0..parts-1 and returns when all are done. pool NULL, one part, or a call from inside a
 * part of the same pool: everything on the caller, in order. Concurrent calls from several threads take turns. Worker
 * threads run in the floating-point mode of sd__fp_enter(). Where both threads of a pool of two must share a core, because
 * other programs have the rest, everything is on the caller, too, for up to a fifth of a second at a time.
 */
void sd__pool_run(sd_pool *pool, sd_task *task, void *user, int parts);

/*
 * The same, but a thread claims the parts of its range from the last to the first. Hardware that fetches ahead runs tens of
 * kilobytes beyond the last part of a range, into what the next thread has in its cache: that thread gets it back if it comes to
 * its own first part after that, not before.
 */
void sd__pool_run_falling(sd_pool *pool, sd_task *task, void *user, int parts);

/* As sd__pool_run(), but always with all threads: parts may wait for each other if there are no more of them than threads. */
void sd__pool_run_together(sd_pool *pool, sd_task *task, void *user, int parts);

/*
 * A job that nobody waits for yet: threads of the pool that would spin run its parts, one at a time between two looks at what
 * they wait for; so a part should take a fraction of a microsecond. False if there is such a job already, or nobody to run it:
 * then nothing happens. Else sd__pool_finish_aside() must follow, from the same caller: all threads share what is left then.
 */
bool sd__pool_set_aside(sd_pool *pool, sd_task *task, void *user, int parts);
void sd__pool_finish_aside(sd_pool *pool);

/* Round to nearest, flush denormals; returns the caller's mode for sd__fp_leave(). The register is per thread. */
unsigned sd__fp_enter(void);
void sd__fp_leave(unsigned mode);

#endif
