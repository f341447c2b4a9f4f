/*
 * slow_mutants.c -- with a fault planted in an experiment (mutants.tsv: a wrong constant, a swapped comparison, a biased interval, a fixed
 * seed, leaked data) some verdict changes or all are void.
 */
#include "experiments.h"

#include "mutants.h" /* generated: MUTANTS(X) lists X(number, claim, sort) */

#define DECLARE(number, claim, sort) extern const sd_claim sd__mutant_##number;
MUTANTS(DECLARE)

static const struct mutant {
    const sd_claim *claim;
    const char *sort;
} mutants[] = {
#define ROW(number, claim, sort) {&sd__mutant_##number, sort},
    MUTANTS(ROW)};

/*
 * Claims whose repetitions take long are mutated with fewer: a fault is caught if it changes what the experiment says at that size. Of C63
 * that is parts a and b, and whether the run is void; its networks need ten repetitions, 40 seconds, to say anything.
 */
static const struct smaller {
    const char *id;
    int seeds;
} smaller[] = {{"C63", 1}, {"C94", 3}};

static int seeds_of(const char *id)
{
    for (size_t i = 0; i < sizeof smaller / sizeof *smaller; i++)
        if (!strcmp(smaller[i].id, id))
            return smaller[i].seeds;
    return 0;
}

/* "a CONFIRMED, b REFUTED", at the size at which faults are planted. */
static void headline(const sd_claim *claim, char *text, size_t room)
{
    sd_lab_options options = {.seed = 1, .seeds = seeds_of(claim->id)};
    json_t *result = sd__lab_run_one(context, claim, &options);
    assert_non_null(result);
    snprintf(text, room, "%s", json_string_value(json_object_get(result, "verdict")));
    json_decref(result);
}

static void every_planted_fault_changes_a_verdict(void **state)
{
    char sound[256], faulty[256];
    int caught = 0, all = (int)(sizeof mutants / sizeof *mutants);
    for (int m = 0; m < all; m++) {
        const sd_claim *claim = mutants[m].claim;
        if (!m || strcmp(claim->id, mutants[m - 1].claim->id)) {
            headline(find(claim->id), sound, sizeof sound);
            assert_string_not_equal(sound, "NOT DECIDED"); /* else a void result would look like it */
        }
        headline(claim, faulty, sizeof faulty);
        bool changed = strcmp(sound, faulty) != 0;
        caught += changed;
        if (!changed)
            print_error("survived: %s, %s\n", claim->id, mutants[m].sort);
        else if (getenv("SONDE_SHOW"))
            print_message("  %s, %s: %s -> %s\n", claim->id, mutants[m].sort, sound, faulty);
    }
    print_message("  %d of %d planted faults change the verdict\n", caught, all);
    assert_int_equal(caught, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_planted_fault_changes_a_verdict)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
