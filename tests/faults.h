/*
 * faults.h -- makes the n-th allocation fail, for n = 1, 2, 3, ... until all succeed.
 *
 * For test programs that are linked with --wrap (their names end in _faults), so that each allocation of the library passes
 * here first. A scenario builds something, uses it, frees it. Whichever allocation fails, it must say SD_ENOMEM and leave
 * nothing behind (./dev asan looks for leaks and stray accesses).
 */
#ifndef SD_TESTS_FAULTS_H
#define SD_TESTS_FAULTS_H

#include "law.h"

#include <errno.h>
#include <stdatomic.h>

static atomic_int countdown; /* 0: nothing fails; n: the n-th allocation from now on */
static atomic_int failed;

static bool fails_now(void)
{
    int left = atomic_load(&countdown);
    while (left > 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1))
        ;
    if (left == 1)
        atomic_fetch_add(&failed, 1);
    return left == 1;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t bytes);
int __real_posix_memalign(void **block, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t bytes);
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes) { return fails_now() ? NULL : __real_malloc(bytes); }
void *__wrap_calloc(size_t count, size_t size) { return fails_now() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *block, size_t bytes) { return fails_now() ? NULL : __real_realloc(block, bytes); }
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes)
{
    return fails_now() ? ENOMEM : __real_posix_memalign(block, alignment, bytes);
}

typedef sd_status scenario(void);

/* Returns how many allocations the scenario makes. tolerated: how many of them it may do without. */
static int starve(scenario *run, int tolerated)
{
    for (int n = 1;; n++) {
        assert_true(n < 100000);
        sd__fail(SD_OK, "%s", "");
        atomic_store(&failed, 0);
        atomic_store(&countdown, n);
        sd_status status = run();
        atomic_store(&countdown, 0);
        if (!atomic_load(&failed)) {
            assert_ok(status);
            return n - 1;
        }
        if (status == SD_OK && tolerated-- > 0)
            continue;
        if (status != SD_ENOMEM)
            print_error("allocation %d failed; this came back: %s (%s)\n", n, sd_status_text(status), sd_error());
        assert_int_equal(status, SD_ENOMEM);
    }
}

#endif
