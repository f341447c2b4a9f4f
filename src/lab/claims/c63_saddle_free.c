/* c63_saddle_free.c -- C63: Newton's method is drawn to saddles, and the saddle-free Newton method escapes from them. */
#include <complex.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "lab/digits.h"
#include "lab/race.h"
#include "lab/surface.h"

enum { HIDDEN = 2, SAMPLES = 100, BATCH = 20, RATES = 3, STARTS = 1000, SHOWN = 5 };
enum { SGD = 2, METHODS = 3, COMPARISONS = 4 };

static const double deep = -10, flat = 0.01;
static const char *const method_name[METHODS] = {"Newton, damped", "saddle-free Newton, damped", "SGD, tuned"};

static const struct setup {
    const char *name;
    sd_loss_kind loss;
    int steps;           /* of either Newton */
    double rates[RATES]; /* tried for SGD */
    double alike;        /* the loss of naming all classes alike */
    bool log_y;
} setups[] = {{"cross-entropy", SD_CROSS_ENTROPY, 25, {0.1, 0.3, 1}, M_LN10, true},
              {"squared loss", SD_MSE, 40, {0.3, 1, 3}, 0.09, false}};

enum { PLATEAU = 1, SETUPS = SD_COUNT(setups) };

/* ---- two saddles -------------------------------------------------------------------------------------------------------------------- */

static sd_status judge_saddle(sd_lab *lab)
{
    double newton = 0, free_of = 0;
    for (int i = 0; i < STARTS; i++) {
        sd_random random = sd__lab_random(lab, "saddle", i);
        double at[2] = {sd__random_normal(&random), sd__random_normal(&random)}, a[2] = {at[0], at[1]}, b[2] = {at[0], at[1]};
        SD_TRY(sd__surface_step(&sd__surface_saddle, SD_NEWTON, a));
        SD_TRY(sd__surface_step(&sd__surface_saddle, SD_SADDLE_FREE, b));
        newton = fmax(newton, hypot(a[0], a[1]) / hypot(at[0], at[1]));
        free_of = fmax(free_of, hypot(b[0], b[1] - 2 * at[1]) / hypot(at[0], at[1]));
    }
    sd__lab_number(lab, "a", newton, 0, "x² − y²: distance from the saddle after one step of Newton, relative");
    sd__lab_number(lab, "a", free_of, 0, "x² − y²: distance from (0, 2y) after one saddle-free step, relative");
    sd__lab_judge(
        lab, "a", sd__rule_fact(newton < 1e-12 && free_of < 1e-12),
        "from %d starts Newton's step ends at a distance of %.1g from the saddle, the saddle-free one of %.1g from (0, 2y)",
        STARTS, newton, free_of);
    return SD_OK;
}

/* Where theory puts the next point on the monkey saddle: Newton halves z, and |H| is 6|z| times the identity. */
static double complex next_of(sd_newton_kind kind, double complex z)
{
    return kind == SD_NEWTON ? z / 2 : z - conj(z) * conj(z) / (2 * cabs(z));
}

static sd_status draw_paths(sd_lab *lab)
{
    static const double start[3][2] = {{1, 0.02}, {0.3, 0.9}, {-0.5, -0.6}};
    sd__lab_figure(lab,
                   "Steps on the monkey saddle x³ − 3xy²: Newton halves the distance to it, the saddle-free steps turn away",
                   "x", "y", false, false);
    for (int kind = SD_SADDLE_FREE; kind >= SD_NEWTON; kind--) {
        sd__lab_series(lab, kind == SD_NEWTON ? "theory: Newton" : "theory: saddle-free", SD_SERIES_LINE);
        for (int i = 0; i < 3; i++) {
            double complex z = start[i][0] + I * start[i][1];
            for (int t = 0; t < SHOWN; t++, z = next_of((sd_newton_kind)kind, z))
                sd__lab_point(lab, creal(z), cimag(z));
            sd__lab_point(lab, NAN, NAN); /* the line ends */
        }
    }
    SD_TRY(sd__surface_draw(lab, "saddle-free, from three starts", &sd__surface_monkey, SD_SADDLE_FREE, 3, start, SHOWN));
    return sd__surface_draw(lab, "Newton, from the same starts", &sd__surface_monkey, SD_NEWTON, 3, start, SHOWN);
}

typedef struct escapes {
    double off;            /* largest distance of a saddle-free step from theory's, relative */
    int escaped, caught;   /* starts that got away; from which Newton closed in */
    int shortest, longest; /* fewest and most steps that an escape took */
} escapes;

/* A step lengthens |z| to 1.5 |z| at most, and the surface is nowhere below -|z|^3: so many steps lead from |z| = 1 to below `deep`. */
static int least_steps(void) { return (int)ceil(log(cbrt(-deep)) / log(1.5)); }

/* From one point of the unit circle the saddle-free method, until it is deep down, and as many steps of Newton. */
static sd_status leave_monkey(double angle, escapes *e)
{
    double z[2] = {cos(angle), sin(angle)}, newton[2] = {z[0], z[1]};
    int t = 0;
    for (; t < 100 && sd__surface_monkey.value(z) > deep; t++) {
        double from = hypot(z[0], z[1]);
        double complex next = next_of(SD_SADDLE_FREE, z[0] + I * z[1]);
        SD_TRY(sd__surface_step(&sd__surface_monkey, SD_SADDLE_FREE, z));
        SD_TRY(sd__surface_step(&sd__surface_monkey, SD_NEWTON, newton));
        e->off = fmax(e->off, hypot(z[0] - creal(next), z[1] - cimag(next)) / from);
    }
    e->escaped += t >= least_steps() && sd__surface_monkey.value(z) <= deep;
    e->caught += t > 0 && hypot(newton[0], newton[1]) < 2 * pow(0.5, t); /* it has halved t times */
    e->shortest = SD_MIN(e->shortest, t);
    e->longest = SD_MAX(e->longest, t);
    return SD_OK;
}

static sd_status judge_monkey(sd_lab *lab)
{
    escapes e = {.shortest = INT_MAX};
    double ridge[2] = {1, 0};
    for (int i = 0; i < STARTS; i++) {
        sd_random random = sd__lab_random(lab, "monkey saddle", i);
        SD_TRY(leave_monkey(2 * M_PI * sd__random_uniform(&random), &e));
    }
    for (int t = 0; t < 30; t++)
        SD_TRY(sd__surface_step(&sd__surface_monkey, SD_SADDLE_FREE, ridge));
    bool all = e.escaped == STARTS && e.caught == STARTS;
    sd__lab_number(lab, "b", e.off, 0, "x³ − 3xy²: distance of a saddle-free step from theory's, relative");
    sd__lab_number(lab, "b", e.escaped, STARTS, "starts on the unit circle from which the saddle-free method falls below −10");
    sd__lab_number(lab, "b", e.caught, STARTS, "starts from which Newton halves its distance to the saddle at every step");
    sd__lab_number(lab, "b", e.shortest, NAN, "fewest steps that an escape took (theory: at least %d)", least_steps());
    sd__lab_number(lab, "b", e.longest, NAN, "most steps that an escape took");
    sd__lab_number(lab, "b", ridge[0], pow(0.5, 30),
                   "distance from the saddle after 30 saddle-free steps from (1, 0), on the ridge");
    sd__lab_judge(
        lab, "b", sd__rule_fact(e.off < 1e-12 && all && ridge[0] == pow(0.5, 30)),
        "%d of %d starts escape, in %d to %d steps, while Newton closes in from %d; on the ridge itself the saddle-free "
        "method closes in as well",
        e.escaped, STARTS, e.shortest, e.longest, e.caught);
    return draw_paths(lab);
}

/* ---- networks ------------------------------------------------------------------------------------------------------------------------ */

static sd_built build(sd_builder *b, void *user)
{
    sd_node h = sd_layer_activation(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = HIDDEN}), SD_TANH, 0, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = 10}), (sd_loss_spec){*(const sd_loss_kind *)user, 0});
}

static sd_status race_of(sd_lab *lab, const sd_digit_sets *d, int setup, int run, sd_race *race)
{
    const struct setup *s = &setups[setup];
    sd_model_spec spec = {.build = build, .user = (void *)(uintptr_t)&s->loss, .classes = 10, .dtype = SD_F64};
    spec.input = SD_SHAPE(SD_DIGIT_PIXELS);
    spec.seed = sd__lab_seed(lab, "weights", run * SETUPS + setup);
    return sd__race_new(sd__lab_context(lab), &spec, SAMPLES, d->x + (ptrdiff_t)run * SAMPLES * SD_DIGIT_PIXELS,
                        d->y + (ptrdiff_t)run * SAMPLES, s->steps, race);
}

/* The best rate of SGD on the images of that run. */
static sd_status tune(sd_lab *lab, const sd_digit_sets *d, int setup, int run, sd_optimizer_spec *sgd)
{
    sd_race race;
    uint64_t seeds[RATES];
    for (int r = 0; r < RATES; r++)
        seeds[r] = sd__lab_seed(lab, "order while tuning", r * SETUPS + setup);
    sd_status status = race_of(lab, d, setup, run, &race);
    if (status == SD_OK)
        status = sd__race_tune(&race, sgd, BATCH, RATES, setups[setup].rates, seeds, &sgd->lr);
    sd__race_free(&race);
    return status;
}

static sd_status compare(sd_lab *lab, const sd_digit_sets *d, int setup, int run, const sd_optimizer_spec *sgd, sd_course *of)
{
    sd_race race;
    sd_status status = race_of(lab, d, setup, run, &race);
    for (int kind = SD_NEWTON; kind <= SD_SADDLE_FREE && status == SD_OK; kind++)
        status = sd__race_newton(&race, (sd_newton_kind)kind, &of[kind]);
    if (status == SD_OK)
        status = sd__race_optimizer(&race, sgd, BATCH, sd__lab_seed(lab, "order", run * SETUPS + setup), &of[SGD]);
    sd__race_free(&race);
    return status;
}

static void draw_courses(sd_lab *lab, const struct setup *s, const sd_races *races)
{
    char caption[160];
    snprintf(caption, sizeof caption, "Training loss (%s) of a network with %d tanh units on %d digits, mean of all runs",
             s->name, HIDDEN, SAMPLES);
    sd__lab_figure(lab, caption, "gradients computed (a Hessian-vector product counts as one)", "training loss", false,
                   s->log_y);
    sd__lab_line(lab, "theory: all classes alike", SD_SERIES_DASHES, 0, s->alike, races->first->work[s->steps], s->alike);
    sd__races_draw(lab, races);
}

/* idle: a method that lowered no loss, or NULL */
static void judge_lower(sd_lab *lab, const char *part, const char *idle, sd_interval lead)
{
    if (idle)
        sd__lab_judge(lab, part, SD_NOT_DECIDED, "%s did not lower the loss, so there is nothing to compare", idle);
    else
        sd__lab_judge(lab, part, sd__rule_at_most(lead, 0), "the saddle-free loss is lower by %.3f (interval %.3f to %.3f)",
                      -lead.estimate, -lead.high, -lead.low);
}

static void judge_networks(sd_lab *lab, const sd_races *races, bool plateau)
{
    sd_interval newton = sd__races_lead(races, SD_SADDLE_FREE, SD_NEWTON, sd__lab_confidence(COMPARISONS));
    sd_interval sgd = sd__races_lead(races, SD_SADDLE_FREE, SGD, sd__lab_confidence(COMPARISONS));
    const char *idle = sd__races_idle(races);
    double fall = sd__races_record(lab, plateau ? "e" : "", races);
    sd__lab_measure(lab, plateau ? "e" : "c", newton, NAN, "%s: saddle-free − Newton", races->task);
    sd__lab_measure(lab, plateau ? "e" : "d", sgd, NAN, "%s: saddle-free − SGD", races->task);
    sd__races_record_index(lab, races);
    if (!plateau) {
        judge_lower(lab, "c", idle, newton);
        judge_lower(lab, "d", idle, sgd);
        return;
    }
    sd_verdict both = sd__rule_both(sd__rule_at_most(newton, 0), sd__rule_at_most(sgd, 0));
    const char *why = idle                     ? ", since not every method lowered the loss"
                      : fall > flat            ? ", so this is no plateau yet"
                      : both != SD_NOT_DECIDED ? ""
                                               : "; an interval that holds 0 decides nothing";
    sd__lab_judge(
        lab, "e", fall <= flat && !idle ? both : SD_NOT_DECIDED,
        "saddle-free − Newton is %.4f (%.4f to %.4f), saddle-free − SGD %.4f (%.4f to %.4f); the last tenth changed no "
        "mean loss by more than %.1f %%%s",
        newton.estimate, newton.low, newton.high, sgd.estimate, sgd.low, sgd.high, 100 * fall, why);
}

static sd_status one_setup(sd_lab *lab, const sd_digit_sets *d, int setup, int sets)
{
    const struct setup *s = &setups[setup];
    sd_runs runs;
    sd_optimizer_spec sgd = sd_optimizer_default(SD_SGD);
    SD_TRY(tune(lab, d, setup, sets, &sgd));
    sd__lab_number(lab, "", sgd.lr, NAN, "%s: best rate of SGD, found on images of its own", s->name);
    SD_TRY(sd__runs_new(sets, METHODS * sizeof(sd_course), &runs));
    sd_status status = SD_OK;
    for (int i = 0; i < sets && status == SD_OK; i++)
        status = compare(lab, d, setup, i, &sgd, (sd_course *)runs.row + (ptrdiff_t)i * METHODS);
    if (status == SD_OK) {
        sd_races races = {&runs, runs.row, s->name, method_name, METHODS, SGD, s->steps};
        draw_courses(lab, s, &races);
        judge_networks(lab, &races, setup == PLATEAU);
    }
    sd__runs_free(&runs);
    return status;
}

static sd_status run(sd_lab *lab)
{
    int sets = sd__lab_repeats(lab, 10, 50);
    sd_digit_sets digits;
    SD_TRY(judge_saddle(lab));
    SD_TRY(judge_monkey(lab));
    SD_TRY(sd__digit_sets_draw(lab, sets + 1, SAMPLES, &digits)); /* the last set is for tuning */
    sd_status status = SD_OK;
    for (int s = 0; s < SETUPS && status == SD_OK; s++)
        status = one_setup(lab, &digits, s, sets);
    sd__digit_sets_free(&digits);
    return status;
}

const sd_claim sd__claim_c63_saddle_free = {
    .id = "C63",
    .title = "Saddle-free Newton escapes",
    .text = "Gradient descent can be slowed down dramatically by saddle points, and even get stuck. The “saddle-free Newton "
            "method” can escape them.",
    .lecture = "D0",
    .slide = "How much do we lose in non-convexity? (2)",
    .theory = "Along an eigenvector of the Hessian with eigenvalue b and slope c Newton moves by −c/b: to where the slope is "
              "0, uphill where b < 0. The saddle-free step −c/|b| goes down everywhere. On x² − y² Newton ends on the saddle "
              "at once, and the other takes y to 2y. On x³ − 3xy² = Re z³ the Hessian's absolute value is 6|z|, so the "
              "saddle-free step is −z̄²/(2|z|): from an angle θ off a ridge it leads to one near 4θ, except exactly on the "
              "ridge, where it halves z like Newton.",
    .protocol = "Both surfaces in closed form, 1,000 starts each. Then a network 100-2-10 with tanh units (232 parameters) on "
                "100 digits of 10 × 10 pixels, 10 sets of images and weights (50 in full), 25 steps of either kind with the "
                "whole Hessian. Damping H + δI or |H| + δI: of δ = 10³, 10² … 10⁻⁸ of the largest |eigenvalue| and 0 the one "
                "with the least training loss. SGD from the same start, in batches of 20 with a rate that falls to 0, computes "
                "as many gradients, where a Hessian-vector product counts as one (it takes about as long here); its first rate "
                "is the best of three on images of its own. Then the same sets with squared loss, 40 steps.",
    .caution = "The outcome depends on the budget and on the samples: SGD leads at first, and gains as samples are added (a "
               "trial with 150 digits and 20 steps found the two level). Cross-entropy of samples that a network can separate "
               "has no minimum, so no plateau to compare at: part e is about squared loss. There methods may end level, which "
               "is not decided: the rule asks for a difference whose interval excludes 0, and that two methods are equal would "
               "need a margin stated beforehand, which the catalogue does not have. The rate of SGD falls to 0, so its loss "
               "stands still in the end whatever the budget: only of the other two does the last tenth say that they have "
               "settled. A step costs as many products as there are parameters.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_WELL,
    .part =
        {{"a", "On x² − y² Newton lands on the saddle in one step, and the saddle-free step takes (x, y) to (0, 2y).",
          "Both within 1e-12 of the distance, from every start.", SD_CONFIRMED},
         {"b", "The saddle-free method escapes from the monkey saddle, except exactly on a ridge; Newton never does.",
          "Every start on the unit circle falls below −10 in 2 steps or more (by theory no step does more than lengthen the "
          "distance 1.5-fold), while Newton halves its distance; every step is theory's within 1e-12; from (1, 0) both "
          "halve it.",
          SD_CONFIRMED},
         {"c", "On a network its training loss ends at or below that of damped Newton (cross-entropy, equal steps).",
          "Simultaneous 95 % interval of the paired difference, upper end at most 0; not decided if a method lowered no loss.",
          SD_CONFIRMED},
         {"d", "… and at or below that of tuned SGD (cross-entropy, equal gradients).",
          "Simultaneous 95 % interval of the paired difference, upper end at most 0.", SD_CONFIRMED},
         {"e", "The same of both at the plateau (squared loss).",
          "As before, for both differences; not decided unless the last tenth of the budget changes every method's mean "
          "loss by less than 1 %.",
          SD_CONFIRMED}},
    .run = run,
};
