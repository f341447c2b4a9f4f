/* slow_experiments.c -- the first experiments reach the verdicts that the catalogue foresees, for several seeds. */
#include "experiments.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experiments_reach_the_foreseen_verdicts),
        cmocka_unit_test(three_seeds_agree),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
