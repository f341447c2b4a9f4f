/* c71_three_nodes.c -- C71: training the 3-node AND network is set splitting in disguise, which is NP-hard. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "classic/halfspaces.h"
#include "lab/claim.h"

enum { MOST_ELEMENTS = 7, MOST_SETS = 8, LEAST_TIMED = 10, MOST_TIMED = 20 };

/* Subsets of {0 .. elements-1} as bits. */
typedef struct family {
    int elements, sets;
    unsigned set[MOST_SETS];
} family;

static const family fano = {
    7, 7, {0x07, 0x19, 0x61, 0x2a, 0x52, 0x4c, 0x34}}; /* the seven lines of the projective plane of order 2 */

/* Is no set wholly inside one of the two parts? */
static bool splits(const family *f, unsigned part)
{
    for (int s = 0; s < f->sets; s++)
        if (!(f->set[s] & part) || !(f->set[s] & ~part))
            return false;
    return true;
}

/* Number of ways to split, the two parts not told apart: element 0 lies in the second. Stops at the first if told so. */
static int64_t splittings(const family *f, bool first)
{
    int64_t found = 0;
    for (unsigned part = 0; part < 1u << (f->elements - 1) && !(first && found); part++)
        found += splits(f, part << 1);
    return found;
}

/* The reduction of Blum and Rivest: 0 is positive, each unit vector negative, the sum over each set positive; a 1 for the threshold. */
static void reduce(const family *f, sd_labelled *p)
{
    int d = f->elements + 1;
    p->d = d;
    p->n = 1 + f->elements + f->sets;
    memset(p->x, 0, (size_t)(p->n * d) * sizeof *p->x);
    for (int i = 0; i < p->n; i++) {
        p->x[i * d + d - 1] = 1;
        p->y[i] = i >= 1 && i <= f->elements ? -1 : 1;
        for (int e = 0; e < f->elements; e++)
            if (i > f->elements ? f->set[i - 1 - f->elements] >> e & 1 : i == e + 1)
                p->x[i * d + e] = 1;
    }
}

/* Can the network classify the points of the reduction? */
static sd_status trainable(const family *f, bool *yes)
{
    double x[(1 + MOST_ELEMENTS + MOST_SETS) * (MOST_ELEMENTS + 1)], y[1 + MOST_ELEMENTS + MOST_SETS];
    sd_labelled points = {.x = x, .y = y};
    int64_t tried;
    reduce(f, &points);
    return sd__two_halfspaces(&points, yes, &tried);
}

static family draw(sd_random *random)
{
    family f = {3 + (int)sd__random_below(random, 4), 1 + (int)sd__random_below(random, MOST_SETS), {0}};
    for (int s = 0; s < f.sets; s++)
        while (__builtin_popcount(f.set[s]) < 2) /* a set of one element can never be split; that case is too easy */
            f.set[s] |= 1u << sd__random_below(random, (uint64_t)f.elements);
    return f;
}

static sd_status compare(sd_lab *lab, int families, int *differ, int *feasible)
{
    for (int i = 0; i < families; i++) {
        sd_random random = sd__lab_random(lab, "family", i);
        family f = draw(&random);
        bool yes, split = splittings(&f, true) > 0;
        SD_TRY(trainable(&f, &yes));
        *differ += yes != split;
        *feasible += yes;
    }
    return SD_OK;
}

/* Seconds that brute force needs to see that the Fano plane cannot be split, with further elements that no set uses. */
static double seconds(int elements)
{
    family f = fano;
    struct timespec from, to;
    double best = INFINITY;
    f.elements = elements;
    for (int again = 0; again < 5; again++) {
        int64_t found = 0,
                rounds = (int64_t)1 << (MOST_TIMED - elements); /* the same work for every size, so that the clock can tell */
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int64_t r = 0; r < rounds; r++)
            found += splittings(&f, false);
        clock_gettime(CLOCK_MONOTONIC, &to);
        best = fmin(best, ((double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec)) / (double)rounds);
        if (found)
            return NAN;
    }
    return best;
}

static void growth(sd_lab *lab)
{
    double n[MOST_TIMED], log_time[MOST_TIMED];
    int count = 0;
    sd__lab_figure(lab, "Time of the brute-force search on a family that cannot be split", "elements n", "seconds", false,
                   true);
    sd__lab_series(lab, "measured", SD_SERIES_POINTS);
    for (int e = LEAST_TIMED; e <= MOST_TIMED; e++, count++) {
        n[count] = e;
        log_time[count] = log2(seconds(e));
        sd__lab_point(lab, e, exp2(log_time[count]));
    }
    sd_regression fit = sd_regress(count, n, log_time, 0.95);
    sd__lab_series(lab, "theory: ∝ 2ⁿ", SD_SERIES_LINE);
    for (int i = 0; i < count; i++)
        sd__lab_point(lab, n[i], exp2(log_time[count - 1] + n[i] - n[count - 1]));
    sd__lab_measure(lab, "c", fit.slope, 1, "slope of log₂ time against n");
    sd_verdict near = sd__rule_both(sd__rule_at_least(fit.slope, 0.9), sd__rule_at_most(fit.slope, 1.1));
    sd__lab_judge(lab, "c", near, "time grows by a factor of 2^%.3f an element (95 %% interval %.3f to %.3f)",
                  fit.slope.estimate, fit.slope.low, fit.slope.high);
}

static sd_status run(sd_lab *lab)
{
    int families = sd__lab_repeats(lab, 500, 20000), differ = 0, feasible = 0;
    int64_t ways = 0;
    bool whole, less, any = true;
    SD_TRY(compare(lab, families, &differ, &feasible));
    SD_TRY(trainable(&fano, &whole));
    for (int line = 0; line < 7; line++) { /* by symmetry every line is as good as another; all are tried */
        family f = fano;
        f.set[line] = f.set[--f.sets];
        SD_TRY(trainable(&f, &less));
        ways = 2 * splittings(&f, false); /* with the two parts told apart */
        any = any && less && ways == 10;
    }
    sd__lab_number(lab, "a", differ, 0, "families on which solver and set splitting disagree, of %d", families);
    sd__lab_number(lab, "a", feasible, NAN, "families that can be split");
    sd__lab_number(lab, "b", splittings(&fano, false), 0, "splittings of the Fano plane");
    sd__lab_number(lab, "b", ways, 10, "splittings of the Fano plane without one line");
    bool both = feasible > families / 10 && feasible < families - families / 10; /* else agreement says little */
    sd__lab_judge(lab, "a",
                  differ ? SD_REFUTED
                  : both ? SD_CONFIRMED
                         : SD_NOT_DECIDED,
                  "the exact solver and brute-force set splitting disagree on %d of %d families, of which %d can be split",
                  differ, families, feasible);
    sd__lab_judge(lab, "b", sd__rule_fact(!whole && !splittings(&fano, true) && any),
                  "the Fano plane has %s; without one line it %s, in %lld ways",
                  whole ? "a network" : "no network and no splitting", any ? "has both" : "lacks one", (long long)ways);
    growth(lab);
    return SD_OK;
}

const sd_claim sd__claim_c71_three_nodes = {
    .id = "C71",
    .title = "Training three nodes is NP-hard",
    .text =
        "Deciding whether two threshold units and an AND (or XOR) gate can classify a given data set without error is NP-hard.",
    .lecture = "D3",
    .slide = "Is deep learning computationally feasible? (Theory 2)",
    .theory = "Blum and Rivest 1992 reduce set splitting to it: over elements 1 … n put 0 as positive, each e_i as negative, "
              "and for each set "
              "c the sum of its e_i as positive. Two halfspaces that contain all positives and together exclude every negative "
              "give each "
              "element to one that excludes it; if all of c went to the same, then a·e_i ≤ b < 0 for all of them, and their "
              "sum would be "
              "excluded, too. So every set is split; and a splitting gives two halfspaces. Set splitting is NP-complete "
              "(Lovász 1973).",
    .protocol =
        "500 random families (20,000 in full) of up to 8 sets over 3 to 6 elements, and the Fano plane whole and without each "
        "of its "
        "lines. The network is decided by trying every assignment of negatives to the two units and solving each half by the "
        "simplex method, with a proof of either answer; splitting is decided by brute force. Time: brute force on the Fano "
        "plane "
        "with unused elements, n = 10 … 20, alone on the machine.",
    .caution =
        "Hardness is a theorem about the worst case; the run shows the reduction. The AND gate is tried, the XOR gate is not.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .alone = true,
    .part = {{"a", "The network can be trained exactly if the family can be split.",
              "Confirmed if solver and brute force agree on every family, and each answer comes up in a tenth of them at "
              "least; refuted "
              "by one disagreement.",
              SD_CONFIRMED},
             {"b", "The Fano plane cannot be split; without one line it can, in 10 ways.",
              "Exact counts, and the solver agrees.", SD_CONFIRMED},
             {"c", "Brute force takes time proportional to 2ⁿ.",
              "The 95 % interval of the slope of log₂ time lies within 1 ± 0.1.", SD_CONFIRMED}},
    .run = run,
};
