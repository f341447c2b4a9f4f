/* c39_deep_regions.c -- C39: deep networks reach 44 and 176 regions by folding, which is a lower bound and not the maximum. */
#include <math.h>
#include <string.h>

#include "lab/regions.h"

enum { ROOM = 128, ZIGZAG_SIDE = 50 };

static sd_region_net deep(int layers)
{
    sd_region_net net = {2, layers, {0}};
    for (int l = 0; l < layers; l++)
        net.width[l] = 4;
    return net;
}

static double guaranteed(int layers) { return pow(4, layers - 1) * sd__zaslavsky(4, 2); }

/* ---- folding ----------------------------------------------------------------------------------------------------------- */

/*
 * The tent R(2x) - R(4x - 2) folds [0,1] in the middle, so a layer of four units lays the four quarters of the square on each other. The
 * last layer draws four lines with six crossings into it; they appear in every part. Its units are turned so that the output depends
 * on both coordinates at each border of the square: else parts that meet there would be one region.
 */
static void folded(int layers, double *theta)
{
    static const double first[] = {2, 4, 0, 0, 0, 0, 2, 4, 0, -2, 0, -2};
    static const double again[] = {2, 4, 0, 0, -2, -4, 0, 0, 0, 0, 2, 4, 0, 0, -2, -4, 0, -2, 0, -2};
    static const double lines[] = {1, 0, 1, -1, -1, 0, -1, 1, 0, -1, 1, 1, 0, 1, -1, -1, -0.45, 0.45, -1.05, 0.05};
    static const double out[] = {1, 2, 3, 5, 0};
    memcpy(theta, first, sizeof first);
    theta += 12;
    for (int l = 2; l < layers; l++, theta += 20)
        memcpy(theta, again, sizeof again);
    memcpy(theta, lines, sizeof lines);
    memcpy(theta + 20, out, sizeof out);
}

static sd_status fold(sd_lab *lab, int layers, int64_t *regions)
{
    double theta[ROOM];
    const double window[] = {0, 1, 0, 1};
    const char *caption = layers == 2 ? "Folding once: 4 copies of 11 regions" : "Folding twice: 16 copies of 11 regions";
    sd_region_net net = deep(layers);
    sd_region_view view;
    folded(layers, theta);
    SD_TRY(sd__region_look(lab, &net, theta, window, caption, &view));
    *regions = view.regions;
    sd__lab_number(lab, "a", (double)view.regions, guaranteed(layers), "%d layers of 4, folded: regions of the unit square",
                   layers);
    return SD_OK;
}

/* ---- two networks of width 2, side by side ------------------------------------------------------------------------------- */

/* Layer l of such a network, of the input t or of the sum s of the layer before: R(t), R(1 - t); R(s - 2), R(3 - s); R(3 s - 4), R(5 - 3 s). */
static void layer_of(int l, double slope[2], double offset[2])
{
    static const double slopes[][2] = {{1, -1}, {1, -1}, {3, -3}}, offsets[][2] = {{0, 1}, {-2, 3}, {-4, 5}};
    int kind = l < 2 ? l : 2;
    memcpy(slope, slopes[kind], sizeof slopes[kind]);
    memcpy(offset, offsets[kind], sizeof offsets[kind]);
}

/* The output adds up all units, or, if told so, the second of each pair. */
static void side_by_side(int layers, bool second_only, double *theta)
{
    memset(theta, 0, ROOM * sizeof *theta);
    for (int l = 0; l < layers; l++) {
        double slope[2], offset[2];
        int in = l ? 2 : 1;
        layer_of(l, slope, offset);
        for (int unit = 0; unit < 4; unit++) {
            for (int i = 0; i < in; i++)
                theta[(unit / 2 * in + i) * 4 + unit] = slope[unit % 2];
            theta[8 * in + unit] = offset[unit % 2];
        }
        theta += 8 * in + 4;
    }
    for (int unit = 0; unit < 4; unit++)
        theta[unit] = second_only && unit % 2 == 0 ? 0 : 1;
}

/* The sum of the last of `layers` layers at t = p/q, times q: all weights are whole numbers, so this is one too. */
static int64_t sum_at(int layers, int64_t p, int64_t q)
{
    int64_t s = p;
    for (int l = 0; l < layers; l++) {
        double slope[2], offset[2];
        int64_t next = 0;
        layer_of(l, slope, offset);
        for (int u = 0; u < 2; u++)
            next += SD_MAX(0, (int64_t)slope[u] * s + (int64_t)offset[u] * q);
        s = next;
    }
    return s;
}

/*
 * Pieces on the line, in whole numbers, which round nothing. Every break lies at a multiple of 1/3^(layers-2): where s = 2 or 3, or where a
 * later sum, whose slopes are powers of 3, is 4/3 or 5/3. So a walk over these multiples meets all breaks, and the middle of each step
 * is a check: -1 if a step is not straight.
 */
static int exact_pieces(int layers)
{
    int64_t steps = 1, slope = 0;
    int pieces = 0;
    for (int l = 2; l < layers; l++)
        steps *= 3;
    for (int64_t i = -ZIGZAG_SIDE * steps; i < ZIGZAG_SIDE * steps; i++) {
        int64_t a = sum_at(layers, 2 * i, 2 * steps), b = sum_at(layers, 2 * i + 2, 2 * steps);
        if (a + b != 2 * sum_at(layers, 2 * i + 1, 2 * steps))
            return -1;
        pieces += !pieces || b - a != slope;
        slope = b - a;
    }
    return pieces;
}

static sd_status count_pair(sd_lab *lab, int layers, bool second_only, sd_region_view *view)
{
    static const char *const caption[] = {"Two networks of width 2 side by side, 2 layers: 49 regions",
                                          "The same with 3 layers: 225"};
    double theta[ROOM];
    const double window[] = {-ZIGZAG_SIDE, ZIGZAG_SIDE, -ZIGZAG_SIDE, ZIGZAG_SIDE}, shown[] = {-4, 5, -4, 5};
    sd_region_net net = deep(layers);
    sd_region_view part;
    side_by_side(layers, second_only, theta);
    SD_TRY(sd__region_look(lab, &net, theta, window, NULL, view));
    if (layers > 3 || second_only)
        return SD_OK;
    return sd__region_look(lab, &net, theta, shown, caption[layers - 2], &part);
}

/* ---- hill climbing ------------------------------------------------------------------------------------------------------ */

static sd_status climbs(sd_lab *lab)
{
    const double window[] = {-8, 8, -8, 8};
    int starts = sd__lab_repeats(lab, 6, 40), steps = sd__lab_full(lab) ? 4000 : 600;
    double theta[ROOM], best_theta[ROOM], typical = 0;
    int64_t highest = 0, first, best;
    sd_region_net net = deep(2);
    sd_region_view view;
    for (int i = 0; i < starts; i++) {
        sd_random random = sd__lab_random(lab, "climb", i);
        sd__region_draw(&random, &net, theta);
        SD_TRY(sd__region_climb(lab, &net, window, steps, &random, theta, &first, &best));
        typical += (double)first / starts;
        if (best > highest)
            memcpy(best_theta, theta, sizeof best_theta);
        highest = SD_MAX(highest, best);
    }
    sd__lab_number(lab, NULL, typical, NAN, "2 layers of 4 with random weights: regions in a square, mean of %d", starts);
    SD_TRY(
        sd__region_look(lab, &net, best_theta, window, "Two layers of 4 after hill climbing: the most regions found", &view));
    sd__lab_number(lab, NULL, (double)view.regions, NAN, "2 layers of 4, after hill climbing: the most regions found");
    sd__lab_number(lab, NULL, view.smallest, NAN, "area of the smallest cell of that network (of 256 in all)");
    sd__lab_note(lab, "Hill climbing found %lld regions with two layers of four, so 49 is %s.", (long long)view.regions,
                 view.regions > 49 ? "not the maximum either" : "the most that this run knows of");
    return SD_OK;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

enum { DEEPEST = 4 };

/* Of the networks side by side with 2, 3 and 4 layers. */
typedef struct maxima {
    int64_t regions[DEEPEST + 1];
    bool beaten, twice; /* all have more than the slide's maximum; both ways of counting agree with the theory */
} maxima;

static sd_status count_maxima(sd_lab *lab, maxima *m)
{
    m->beaten = m->twice = true;
    for (int layers = 2; layers <= DEEPEST; layers++) {
        sd_region_view view;
        int pieces = exact_pieces(layers), wanted = (2 << layers) - 1;
        SD_TRY(count_pair(lab, layers, false, &view));
        m->regions[layers] = view.regions;
        m->beaten = m->beaten && view.regions > (int64_t)guaranteed(layers);
        m->twice = m->twice && pieces == wanted && view.regions == (int64_t)pieces * pieces;
        sd__lab_number(lab, "b", pieces, wanted, "width 2, %d layers, one input: pieces, in whole numbers", layers);
        sd__lab_number(lab, "b", (double)view.regions, wanted * wanted,
                       "two of them side by side (the slide's maximum: %.0f): regions", guaranteed(layers));
    }
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    int64_t once, twice;
    sd_region_view half; /* of the network that reads one unit of each pair */
    maxima m;
    SD_TRY(fold(lab, 2, &once));
    SD_TRY(fold(lab, 3, &twice));
    SD_TRY(count_maxima(lab, &m));
    SD_TRY(count_pair(lab, 2, true, &half));
    SD_TRY(climbs(lab));
    sd__lab_number(lab, "c", (double)half.patterns, 49, "reading one unit of each pair: activation patterns");
    sd__lab_number(lab, "c", (double)half.regions, 25, "reading one unit of each pair: affine regions");
    sd__lab_note(
        lab, "No network of two layers of four can have more than 11 · 11 = 121 regions: each of the 11 of the first layer is "
             "cut by four lines. Without the exponent n₀, as in Pascanu's abstract, the bound would be 22 and 44.");
    sd__lab_judge(lab, "a", sd__rule_fact(once >= 44 && twice >= 176), "the folded networks have %lld and %lld regions",
                  (long long)once, (long long)twice);
    sd__lab_judge(lab, "b", m.twice ? sd__rule_fact(!m.beaten) : SD_NOT_DECIDED,
                  "networks of 2, 3 and 4 layers of four have %lld, %lld and %lld regions%s", (long long)m.regions[2],
                  (long long)m.regions[3], (long long)m.regions[4],
                  m.twice ? ", counted in two ways" : ", but the two ways of counting disagree");
    sd__lab_judge(lab, "c", sd__rule_fact(half.regions == half.patterns),
                  "one network has %lld patterns but %lld affine regions", (long long)half.patterns, (long long)half.regions);
    return SD_OK;
}

const sd_claim sd__claim_c39_deep_regions = {
    .id = "C39",
    .title = "Deep networks: 44 and 176 regions, and more",
    .text = "With 2 inputs, two hidden layers of 4 units make 44 regions and three make 176: 2^((k−1)n₀) Σ C(2n₀, j) for k "
            "layers of 2n₀ units. One slide says that the maximum is at least this, the next that this is the maximum.",
    .lecture = "D2",
    .slide = "(Dense) Deep vs Shallow: Increased capacity; Deep vs Shallow ?",
    .theory =
        "Two units fold an input: R(2x) − R(4x − 2) lays the halves of [0, 1] on each other. A layer of 2n₀ units folds every "
        "input once, so what the next layer draws appears 2^n₀ times; the last layer draws the Σ C(2n₀, j) = 11 regions of "
        "four lines. That is a construction, so a lower bound. A better one: with one input and two units a layer, s = R(t) + "
        "R(1 − t) has 3 pieces, and each further layer of two units, with thresholds that every branch of the sum before "
        "crosses, adds two breaks a branch: 2^(k+1) − 1 pieces. Two such networks side by side have the product: 49, 225, 961.",
    .protocol = "The folded networks over the unit square and the two side by side over a square that holds all their breaks: "
                "every cell clipped exactly, cells with one affine map merged. The pieces on the line are counted a second "
                "time in whole numbers, which round nothing. Then hill climbing over networks with two layers of four.",
    .caution = "An activation pattern is not yet a region: patterns whose affine maps agree are one. Regions that a network "
               "can have are not regions that training makes; hill climbing shows how rare they are.",
    .kind = SD_CONSTRUCTION,
    .question = SD_WHY_BETTER,
    .part = {{"a", "The construction reaches 44 and 176 regions.", "Confirmed if the folded networks have at least so many.",
              SD_CONFIRMED},
             {"b", "44 and 176 are the maximum.",
              "Refuted if a network of the same shape has more, counted by clipping and, on the line, in whole numbers.",
              SD_REFUTED},
             {"c", "Activation patterns are linear regions.", "Refuted by a network whose two counts differ.", SD_REFUTED}},
    .error = {{"E12", "Maximum number of regions: 2^((k−1)n₀) Σ C(2n₀, j)", "a lower bound on it: 49 > 44 and 225 > 176", "b"}},
    .run = run,
};
