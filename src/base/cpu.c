/* cpu.c -- which level this machine has: what the CPU offers and the operating system saves. */
#define _GNU_SOURCE
#include "base/cpu.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>

#define BIT(n) (1u << (n))

/* Registers that the operating system saves at a task switch (XCR0). */
static unsigned saved_registers(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has(unsigned word, unsigned wanted) { return (word & wanted) == wanted; }

/*
 * Tiles for all threads, present and future, of this process: Linux gives them to who asks, again and again as well. CPUID's leaf of
 * their shapes is not read: hypervisors hide it though tiles work.
 */
static bool may_use_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18, TILE_STATE = BIT(17) | BIT(TILE_DATA) };
    unsigned a, a1 = 0, b, c, d = 0;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    __get_cpuid_count(7, 1, &a1, &b, &c, &a);
    const unsigned amx_bf16_and_tile = BIT(22) | BIT(24), avx512_bf16 = BIT(5);
    return has(d, amx_bf16_and_tile) && has(a1, avx512_bf16) && has(saved_registers(), TILE_STATE) &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

/* The feature lists are those of the x86-64 psABI, section "Micro-Architecture Levels". */
sd_level sd__cpu_level(void)
{
    enum { AVX_STATE = 0x6, AVX512_STATE = 0xe6 };
    unsigned a, b, c1 = 0, d, b7 = 0, c7, ce = 0;
    __get_cpuid(1, &a, &b, &c1, &d);
    __get_cpuid_count(7, 0, &a, &b7, &c7, &d);
    __get_cpuid(0x80000001u, &a, &b, &ce, &d);
    const unsigned osxsave_avx_fma_movbe_f16c = BIT(27) | BIT(28) | BIT(12) | BIT(22) | BIT(29);
    const unsigned avx2_bmi1_bmi2 = BIT(5) | BIT(3) | BIT(8);
    const unsigned avx512_f_dq_cd_bw_vl = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31);
    if (!has(c1, osxsave_avx_fma_movbe_f16c) || !has(b7, avx2_bmi1_bmi2) || !has(ce, BIT(5)) ||
        !has(saved_registers(), AVX_STATE))
        return SD_LEVEL_V2;
    if (!has(b7, avx512_f_dq_cd_bw_vl) || !has(saved_registers(), AVX512_STATE))
        return SD_LEVEL_V3;
    return may_use_tiles() ? SD_LEVEL_AMX : SD_LEVEL_V4;
}

unsigned sd__cpu_amd_family(void)
{
    unsigned a = 0, b = 0, c, d;
    __get_cpuid(0, &a, &b, &c, &d);
    if (b != signature_AMD_ebx)
        return 0;
    __get_cpuid(1, &a, &b, &c, &d);
    return (a >> 8 & 15) + (a >> 20 & 255);
}
#else
sd_level sd__cpu_level(void) { return SD_LEVEL_V2; }
unsigned sd__cpu_amd_family(void) { return 0; }
#endif

static const char *const level_name[SD_LEVEL_COUNT] = {"v2", "v3", "v4", "amx"};

const char *sd__level_name(sd_level level) { return (unsigned)level < SD_LEVEL_COUNT ? level_name[level] : "?"; }

bool sd__level_parse(const char *text, sd_level *level)
{
    for (int i = 0; i < SD_LEVEL_COUNT; i++)
        if (!strcmp(text, level_name[i]))
            return *level = (sd_level)i, true;
    return false;
}

int sd__cpu_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return SD_MAX(CPU_COUNT(&allowed), 1);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than the set has room for */
    return online > 0 ? (int)SD_MIN(online, 4096) : 1;
}
