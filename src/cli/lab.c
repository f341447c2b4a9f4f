/* lab.c -- `sonde lab`: the claims of the lectures as experiments: list them, run them, write the site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lab/runner.h"
#include "report/site.h"

enum { EXIT_DIFFERS = 4, EXIT_UNDECIDED = 5 };

static const char *const not_run = "not run";

static const char *results_file(const sd_cli *cli)
{
    const char *path = sd__cli_get(cli, "--results");
    return path ? path : "runs/lab/results.jsonl";
}

/* ---- list ---------------------------------------------------------------------------------------------------------------- */

/* NULL: any. */
typedef struct filter {
    const char *lecture, *kind, *verdict;
} filter;

/* One of n names, in whichever case it is written, or NULL without the option; says what is possible and returns false. */
static bool choice(const sd_cli *cli, const char *option, int n, const char *const *names, const char **chosen)
{
    const char *text = sd__cli_get(cli, option);
    sd_string all = {0};
    *chosen = NULL;
    for (int i = 0; text && i < n; i++) {
        if (!strcasecmp(text, names[i]))
            *chosen = names[i];
        sd__string_add(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", names[i]);
    }
    if (text && !*chosen)
        sd__say(SD_EXIT_USAGE, "%s %s: %s is wanted", option, text, all.text ? all.text : "");
    free(all.text);
    return !text || *chosen;
}

static bool read_filter(const sd_cli *cli, filter *f)
{
    const char *kinds[SD_CLAIM_KINDS], *verdicts[SD_VERDICTS + 1];
    for (int i = 0; i < SD_CLAIM_KINDS; i++)
        kinds[i] = sd__claim_kind_name((sd_claim_kind)i);
    for (int i = 0; i < SD_VERDICTS; i++)
        verdicts[i] = sd__verdict_name((sd_verdict)i);
    verdicts[SD_VERDICTS] = not_run;
    return choice(cli, "--lecture", SD_LECTURES, sd__lectures, &f->lecture) &&
           choice(cli, "--kind", SD_CLAIM_KINDS, kinds, &f->kind) &&
           choice(cli, "--verdict", SD_VERDICTS + 1, verdicts, &f->verdict);
}

static bool passes(const filter *f, const sd_claim *claim, const char *headline)
{
    return (!f->lecture || strstr(claim->lecture, f->lecture)) &&
           (!f->kind || !strcmp(f->kind, sd__claim_kind_name(claim->kind))) && (!f->verdict || strstr(headline, f->verdict));
}

static json_t *claim_json(const sd_claim *claim, const json_t *result)
{
    json_t *parts = json_array();
    for (int i = 0; i < sd__claim_parts(claim); i++)
        json_array_append_new(parts,
                              json_pack("{s:s, s:s, s:s}", "id", claim->part[i].id, "statement", claim->part[i].statement,
                                        "expected", sd__verdict_name(claim->part[i].expected)));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?}", "id", claim->id, "title", claim->title, "lecture",
                     claim->lecture, "slide", claim->slide, "kind", sd__claim_kind_name(claim->kind), "question",
                     sd__question_name(claim->question), "parts", parts, "verdict",
                     json_string_value(json_object_get(result, "verdict")));
}

static void list_claim(const sd_claim *claim, const json_t *result, const char *headline, json_t *all)
{
    if (all)
        json_array_append_new(all, claim_json(claim, result));
    else
        printf("%-5s %-6s %-12s %-54s %s\n", claim->id, claim->lecture, sd__claim_kind_name(claim->kind), claim->title,
               headline);
}

static int list(sd_cli *cli)
{
    int n;
    filter f;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    json_t *results = NULL;
    if (!read_filter(cli, &f))
        return SD_EXIT_USAGE;
    if (sd__lab_results(results_file(cli), &results) == SD_EFORMAT)
        return sd__say_error(SD_EFORMAT); /* no results yet is no error */
    json_t *all = sd__cli_has(cli, "--json") ? json_array() : NULL;
    for (int i = 0; i < n; i++) {
        const json_t *result = json_object_get(results, entries[i].claim->id);
        const char *headline = json_string_value(json_object_get(result, "verdict"));
        if (passes(&f, entries[i].claim, headline ? headline : not_run))
            list_claim(entries[i].claim, result, headline ? headline : not_run, all);
    }
    json_decref(results);
    return all ? sd__print_json(all) : SD_EXIT_OK;
}

/* ---- run ----------------------------------------------------------------------------------------------------------------- */

/* Experiments ask for data sets by name alone, so the folder goes where they are looked for. */
static int take_data_dir(const sd_cli *cli)
{
    const char *folder = sd__cli_get(cli, "--data-dir");
    if (folder && setenv("SONDE_DATA", folder, 1))
        return sd__say(SD_EXIT_FAILURE, "out of memory");
    return SD_EXIT_OK;
}

typedef struct progress {
    const sd_cli *cli;
    int done, all;
    bool differs, undecided, lost;
} progress;

static void print_result(const sd_claim *claim, const json_t *result)
{
    json_t *part;
    size_t i;
    printf("%s  %s\n", claim->id, claim->title);
    json_array_foreach(json_object_get(result, "parts"), i, part)
    {
        const char *verdict = json_string_value(json_object_get(part, "verdict"));
        const char *expected = json_string_value(json_object_get(part, "expected"));
        printf("  %s  %-11s  %s%s%s%s\n", json_string_value(json_object_get(part, "id")), verdict,
               json_string_value(json_object_get(part, "reason")), strcmp(verdict, expected) ? " (expected: " : "",
               strcmp(verdict, expected) ? expected : "", strcmp(verdict, expected) ? ")" : "");
    }
}

static void on_result(void *user, const sd_claim *claim, const json_t *result)
{
    progress *p = user;
    sd_lab_match match = sd__lab_compare(result);
    p->differs |= match == SD_DIFFERS;
    p->undecided |= match == SD_UNDECIDED;
    if (sd__lab_keep(results_file(p->cli), result) != SD_OK) {
        sd__say_error(SD_EIO);
        p->lost = true;
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "[%d/%d] %s in %.1f s\n", ++p->done, p->all, claim->id,
                json_number_value(json_object_get(result, "seconds")));
    if (sd__cli_has(p->cli, "--json")) {
        char *line = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(12));
        puts(line ? line : "{}");
        free(line);
    } else {
        print_result(claim, result);
    }
    fflush(stdout);
}

static int unknown_claim(const char *id)
{
    int n;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    const char **names = sd__alloc((size_t)n, sizeof *names), *near = NULL;
    for (int i = 0; names && i < n; i++)
        names[i] = entries[i].claim->id;
    if (names)
        near = sd__nearest(id, n, names);
    sd__say(0, "there is no experiment for '%s'%s%s%s; `sonde lab list` lists them", id, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    free(names);
    return SD_EXIT_USAGE;
}

/* The claims named by arguments 1.., each once, in the order of the catalogue; or an exit code. */
static int choose(const sd_cli *cli, const sd_claim **chosen, int *count)
{
    int n;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    bool all = false;
    for (int a = 1; a < cli->n_arguments; a++) {
        if (!strcmp(cli->argument[a], "all"))
            all = true;
        else if (!sd__catalogue_find(cli->argument[a]))
            return unknown_claim(cli->argument[a]);
    }
    *count = 0;
    for (int i = 0; i < n; i++) {
        bool named = all;
        for (int a = 1; a < cli->n_arguments; a++)
            named = named || !strcasecmp(cli->argument[a], entries[i].claim->id);
        if (named)
            chosen[(*count)++] = entries[i].claim;
    }
    if (*count)
        return SD_EXIT_OK;
    return sd__say(SD_EXIT_USAGE, "lab run needs claims: `sonde lab run C01 C03`, or `sonde lab run all`");
}

static int run_chosen(const sd_cli *cli, int n, const sd_claim *const *claims, const sd_lab_options *options)
{
    int code;
    progress p = {.cli = cli, .all = n};
    sd_context *context = sd__cli_context(cli, &code);
    if (!context)
        return code;
    sd_status status = sd__lab_run(context, n, claims, options, on_result, &p);
    sd_context_free(context);
    if (status != SD_OK)
        return sd__say_error(status);
    if (p.lost)
        return SD_EXIT_FAILURE;
    if (sd__cli_has(cli, "--expect") && (p.differs || p.undecided))
        return p.differs ? EXIT_DIFFERS : EXIT_UNDECIDED;
    return SD_EXIT_OK;
}

static int run_claims(sd_cli *cli)
{
    int64_t seed, seeds;
    int n, count = 0;
    if (!sd__cli_int(cli, "--seed", 0, INT64_MAX, 1, &seed) || !sd__cli_int(cli, "--seeds", 1, 1000000, 0, &seeds))
        return SD_EXIT_USAGE;
    if (sd__cli_has(cli, "--quick") && sd__cli_has(cli, "--full"))
        return sd__say(SD_EXIT_USAGE, "--quick and --full exclude each other");
    sd_lab_options options = {.full = sd__cli_has(cli, "--full"), .seeds = (int)seeds, .seed = (uint64_t)seed};
    sd__catalogue(&n);
    const sd_claim **chosen = sd__alloc((size_t)n, sizeof *chosen);
    if (!chosen)
        return sd__say(SD_EXIT_FAILURE, "out of memory");
    int code = choose(cli, chosen, &count);
    if (code == SD_EXIT_OK)
        code = take_data_dir(cli);
    if (code == SD_EXIT_OK)
        code = run_chosen(cli, count, chosen, &options);
    free(chosen);
    return code;
}

/* ---- report -------------------------------------------------------------------------------------------------------------- */

static int report(sd_cli *cli)
{
    if (cli->n_arguments != 2)
        return sd__say(SD_EXIT_USAGE, "lab report needs one folder for the site: `sonde lab report site`");
    json_t *results;
    sd_status status = sd__lab_results(results_file(cli), &results);
    if (status == SD_OK) {
        status = sd__lab_site(cli->argument[1], results);
        json_decref(results);
    }
    if (status == SD_OK)
        printf("the site is in %s: open %s/index.html\n", cli->argument[1], cli->argument[1]);
    return status == SD_OK ? SD_EXIT_OK : sd__say_error(status);
}

static int run(sd_cli *cli)
{
    static const char *const names[] = {"list", "run", "report"};
    static int (*const action[])(sd_cli *) = {list, run_claims, report};
    for (size_t i = 0; i < SD_COUNT(names); i++)
        if (!strcmp(cli->argument[0], names[i]))
            return action[i](cli);
    const char *near = sd__nearest(cli->argument[0], (int)SD_COUNT(names), names);
    return sd__say(SD_EXIT_USAGE, "lab has no action '%s'%s%s%s; there are list, run ID...|all, report DIR", cli->argument[0],
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const sd_command sd__command_lab = {
    .name = "lab",
    .arguments = "list|run ID...|report DIR",
    .doc = "check what five lectures claim about deep learning",
    .text = "list shows the claims and their verdicts so far. run makes the experiments of the claims named (or of all of\n"
            "them) and prints the verdict of each part beside the reason. report writes a static site: an index, and a page\n"
            "a claim with theory, measurement, figure and data. Results are kept as lines of JSON with seed, commit and\n"
            "machine; the last line of a claim counts. With --expect the exit code is 4 if a verdict differs from the one\n"
            "that the catalogue foresees, 5 if one was not reached.",
    .least = 1,
    .most = 256,
    .option = {{"--lecture", "D0..D4", "list: claims of this lecture", false},
               {"--kind", "KIND", "list: theorem, construction, arithmetic, measurement or opinion", false},
               {"--verdict", "VERDICT", "list: claims with a part that is CONFIRMED, REFUTED or NOT DECIDED, or those not run",
                false},
               {"--quick", NULL, "run: two minutes a claim at most (the default)", false},
               {"--full", NULL, "run: the same with more repetitions and sizes, up to half an hour a claim", false},
               {"--seeds", "N", "run: so many repetitions, whatever the claim foresees", false},
               {"--seed", "N", "run: number from which all random streams are derived (1)", false},
               {"--expect", NULL, "run: exit code 4 or 5 unless all verdicts are the foreseen ones", false},
               {"--threads", "N", "run: claims side by side (all cores)", false},
               {"--data-dir", "DIR", "run: folder searched for data sets, in place of SONDE_DATA", false},
               {"--results", "FILE", "where results are kept (runs/lab/results.jsonl)", false},
               {"--json", NULL, "print JSON: list an array, run a line a claim", false}},
    .run = run,
};
