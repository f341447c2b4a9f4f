/* cpu.h -- CPU levels: which compiled variant of a kernel file this machine can run. */
#ifndef SD_BASE_CPU_H
#define SD_BASE_CPU_H

#include "base/base.h"

/* x86-64-v2, -v3, -v4; -v4 with bf16 vectors and AMX's tiles of bf16 */
typedef enum sd_level { SD_LEVEL_V2, SD_LEVEL_V3, SD_LEVEL_V4, SD_LEVEL_AMX, SD_LEVEL_COUNT } sd_level;

/* Levels of the files that are compiled once for each width of vectors. */
enum { SD_VECTOR_LEVELS = SD_LEVEL_V4 + 1 };

/* The vectors of a level. */
static inline sd_level sd__vector_level(sd_level level) { return SD_MIN(level, SD_LEVEL_V4); }

sd_level sd__cpu_level(void);               /* the highest that CPU and operating system support; asks that for tiles */
const char *sd__level_name(sd_level level); /* "v2" ... */
bool sd__level_parse(const char *text, sd_level *level);
unsigned sd__cpu_amd_family(void); /* 25: Zen 3 and 4, 26: Zen 5; 0: not made by AMD */
int sd__cpu_count(void);           /* cores this process may use (affinity), at least 1 */

#endif
