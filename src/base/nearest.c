/* nearest.c -- which name did they mean: edit distance, and the nearest of a list. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LONGEST = 64 };

/* Three rows of the usual table: a swap of neighbours looks two rows back. */
typedef struct table {
    int row[3][LONGEST + 1];
} table;

static int step(const table *t, const char *a, const char *b, int i, int j)
{
    const int *here = t->row[i % 3], *above = t->row[(i + 2) % 3], *over = t->row[(i + 1) % 3];
    int best = above[j - 1] + (a[i - 1] != b[j - 1]);
    best = SD_MIN(best, above[j] + 1);
    best = SD_MIN(best, here[j - 1] + 1);
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = SD_MIN(best, over[j - 2] + 1);
    return best;
}

/* Names beyond LONGEST bytes count as wholly different unless equal: nobody mistypes such a name for a key. */
int sd__edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return strcmp(a, b) ? (int)SD_MIN(SD_MAX(n, m), 1u << 30) : 0;
    table t;
    for (int j = 0; j <= (int)m; j++)
        t.row[0][j] = j;
    for (int i = 1; i <= (int)n; i++) {
        t.row[i % 3][0] = i;
        for (int j = 1; j <= (int)m; j++)
            t.row[i % 3][j] = step(&t, a, b, i, j);
    }
    return t.row[n % 3][m];
}

/* Near: at most a third of the letters wrong (one in short names), and not all of them. */
const char *sd__nearest(const char *wanted, int n, const char *const *names)
{
    int length = (int)SD_MIN(strlen(wanted), 1000), best = SD_MAX(1, length / 3) + 1;
    const char *found = NULL;
    for (int i = 0; i < n; i++) {
        int distance = sd__edit_distance(wanted, names[i]);
        if (distance < best && distance < (int)SD_MAX(strlen(names[i]), (size_t)length)) {
            best = distance;
            found = names[i];
        }
    }
    return found;
}
