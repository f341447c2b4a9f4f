/* c38_shallow_regions.c -- C38: with two inputs, eight units in one hidden layer make 37 regions, and twelve make 79. */
#include <math.h>
#include <stdio.h>

#include "lab/regions.h"

enum { MOST = 12, ROOM = 4 * MOST + 1 };

/* A drawing shows little more than the crossings. */
static sd_status count(sd_lab *lab, int n, const double *theta, bool draw, int64_t *regions)
{
    char caption[64];
    sd_regions_report r;
    double reach = sd__region_reach(n, theta) * (draw ? 0.55 : 1), window[] = {-reach, reach, -reach, reach};
    SD_TRY(sd__region_count(sd__lab_context(lab), &(sd_region_net){2, 1, {n}}, theta, window, &r));
    *regions = r.slice_regions;
    snprintf(caption, sizeof caption, "%d hidden units: %lld regions", n, (long long)r.slice_regions);
    if (draw)
        sd__lab_regions(lab, caption, &r);
    sd_regions_report_clear(&r);
    return SD_OK;
}

/* Lines at random distances around 0 whose directions are spread evenly: crossings stay near, so that a drawing can show them. */
static void spread(sd_random *random, int n, double *theta)
{
    for (int i = 0; i < n; i++) {
        double angle = M_PI * (i + 0.6 * sd__random_uniform(random)) / n;
        theta[i] = cos(angle);
        theta[n + i] = sin(angle);
        theta[2 * n + i] = sd__random_uniform(random) - 0.5;
        theta[3 * n + i] = 1 + sd__random_uniform(random);
    }
    theta[4 * n] = 0;
}

/* Random networks: how many have the number of theory, and does one have more? */
static sd_status many(sd_lab *lab, int n, int networks, int *exact, int *above)
{
    sd_region_net net = {2, 1, {n}};
    *exact = *above = 0;
    for (int i = 0; i < networks; i++) {
        double theta[ROOM];
        int64_t regions;
        sd_random random = sd__lab_random(lab, n == 8 ? "eight units" : "twelve units", i);
        sd__region_draw(&random, &net, theta);
        SD_TRY(count(lab, n, theta, false, &regions));
        *exact += regions == (int64_t)sd__zaslavsky(n, 2);
        *above += regions > (int64_t)sd__zaslavsky(n, 2);
    }
    return SD_OK;
}

/* Not in general position: all lines through one point make 2 n regions, all parallel n + 1. */
static sd_status special(sd_lab *lab, int n, int64_t *through_point, int64_t *parallel)
{
    double theta[ROOM], window[] = {-20, 20, -20, 20};
    sd_region_net net = {2, 1, {MOST}};
    sd_region_view view;
    sd_random random = sd__lab_random(lab, "directions", n);
    net.width[0] = n;
    spread(&random, n, theta);
    for (int i = 0; i < n; i++)
        theta[2 * n + i] = 0;
    SD_TRY(sd__region_look(lab, &net, theta, window, NULL, &view));
    *through_point = view.regions;
    for (int i = 0; i < n; i++) {
        theta[i] = 1;
        theta[n + i] = 0.5;
        theta[2 * n + i] = i - n / 2.0;
    }
    SD_TRY(sd__region_look(lab, &net, theta, window, NULL, &view));
    *parallel = view.regions;
    return SD_OK;
}

static sd_status one_size(sd_lab *lab, const char *part, int n)
{
    int networks = sd__lab_repeats(lab, 200, 5000), exact, above;
    int64_t drawn, through_point, parallel;
    double theta[ROOM], wanted = sd__zaslavsky(n, 2);
    sd_random random = sd__lab_random(lab, "drawing", n);
    spread(&random, n, theta);
    SD_TRY(count(lab, n, theta, true, &drawn));
    SD_TRY(many(lab, n, networks, &exact, &above));
    SD_TRY(special(lab, n, &through_point, &parallel));
    sd__lab_number(lab, part, (double)drawn, wanted, "%d units: regions in the drawing", n);
    sd__lab_number(lab, part, exact, networks, "%d units: random networks with %.0f regions, of %d", n, wanted, networks);
    sd__lab_number(lab, "c", above, 0, "%d units: random networks with more", n);
    sd__lab_number(lab, "c", (double)through_point, 2 * n, "%d lines through one point: regions", n);
    sd__lab_number(lab, "c", (double)parallel, n + 1, "%d parallel lines: regions", n);
    sd__lab_judge(lab, part, sd__rule_fact(exact == networks && drawn == (int64_t)wanted),
                  "%d of %d random networks have %.0f regions, the drawing has %lld", exact, networks, wanted,
                  (long long)drawn);
    if (n == MOST)
        sd__lab_judge(lab, "c", sd__rule_fact(!above && through_point == 2 * n && parallel == n + 1),
                      "no network has more than %.0f; %d lines through a point make %lld, parallel ones %lld", wanted, n,
                      (long long)through_point, (long long)parallel);
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    SD_TRY(one_size(lab, "a", 8));
    return one_size(lab, "b", MOST);
}

const sd_claim sd__claim_c38_shallow_regions = {
    .id = "C38",
    .title = "Shallow networks: 37 and 79 regions",
    .text = "With two inputs a shallow network of 8 units has 37 linear regions, one of 12 units has 79.",
    .lecture = "D2",
    .slide = "Deep vs Shallow ?",
    .theory = "n lines in general position cut the plane into 1 + n + C(n, 2) regions: line n crosses the n − 1 before it and "
              "so runs through n regions, each of which it cuts in two. 1 + 8 + 28 = 37, 1 + 12 + 66 = 79.",
    .protocol = "200 random networks of each size (5,000 in full), every cell clipped exactly, in a square that holds all "
                "crossings twice over. Then lines through one point, and parallel ones.",
    .caution = "These are the largest numbers. Over a smaller box some crossings lie outside, and there are fewer regions; the "
               "same formula gives the 37 of the slide's figure.",
    .kind = SD_THEOREM,
    .question = SD_WHY_BETTER,
    .part = {{"a", "Eight units make 37 regions.", "Exact count, for every network with random weights.", SD_CONFIRMED},
             {"b", "Twelve units make 79 regions.", "Exact count, for every network with random weights.", SD_CONFIRMED},
             {"c", "No arrangement makes more, and special ones make fewer.",
              "Confirmed if no network exceeds the number, n lines through a point make 2n and parallel ones n + 1.",
              SD_CONFIRMED}},
    .run = run,
};
