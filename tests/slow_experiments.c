/*
 * slow_experiments.c -- the first experiments reach the verdicts that the catalogue foresees, for several seeds; with a
 * fault planted (mutants.tsv: a wrong constant, a swapped comparison, a biased interval, a fixed seed, leaked data) some
 * verdict changes or all are void.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/runner.h"

#include "mutants.h" /* generated: MUTANTS(X) lists X(number, claim, sort) */

#define DECLARE(number, claim, sort) extern const sd_claim sd__mutant_##number;
MUTANTS(DECLARE)

static const struct mutant {
    const sd_claim *claim;
    const char *sort;
} mutants[] = {
#define ROW(number, claim, sort) {&sd__mutant_##number, sort},
    MUTANTS(ROW)};

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

static sd_lab_match run(const sd_claim *claim, uint64_t seed)
{
    sd_lab_options options = {.seed = seed};
    json_t *result = sd__lab_run_one(context, claim, &options);
    assert_non_null(result);
    sd_lab_match match = sd__lab_compare(result);
    if (match != SD_AS_EXPECTED) {
        char *text = json_dumps(json_object_get(result, "parts"), JSON_INDENT(2));
        if (getenv("SONDE_SHOW"))
            print_message("%s\n", text);
        free(text);
    }
    json_decref(result);
    return match;
}

static const sd_claim *find(const char *id)
{
    const sd_catalogue_entry *entry = sd__catalogue_find(id);
    assert_non_null(entry);
    return entry->claim;
}

static void experiments_reach_the_foreseen_verdicts(void **state)
{
    static const char *const exact[] = {"C23", "C30", "C31"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (run(find(exact[i]), 1) != SD_AS_EXPECTED)
            fail_msg("%s: not the verdict that the catalogue foresees", exact[i]);
}

static void three_seeds_agree(void **state)
{
    static const char *const drawn[] = {"C01", "C03", "C10", "C35", "C38", "C39", "C52",  "C65",
                                        "C84", "C85", "C86", "C87", "C88", "C99", "C100", "C122"};
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            if (run(find(drawn[i]), seed) != SD_AS_EXPECTED)
                fail_msg("%s: seed %d gives another verdict", drawn[i], (int)seed);
}

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experiments_reach_the_foreseen_verdicts),
        cmocka_unit_test(three_seeds_agree),
        cmocka_unit_test(every_planted_fault_changes_a_verdict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
