/* c63_saddle_free.c -- C63: Newton's method is drawn to saddles, and the saddle-free Newton method escapes from them. */
#include <complex.h>
#include <math.h>
#include <sonde/optim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/claim.h"
#include "lab/digits.h"
#include "probe/newton.h"

enum { HIDDEN = 2, SAMPLES = 100, BATCH = 20, MOST_STEPS = 40, MOST_RUNS = 50, RATES = 3, METHODS = 3, LOSSES = 2 };

static const double rates[LOSSES][RATES] = {{0.1, 0.3, 1}, {0.3, 1, 3}}, deep = -10, flat = 0.01;
static const char *const method_name[METHODS] = {"Newton, damped", "saddle-free Newton, damped", "SGD, tuned"};
static const sd_loss_kind loss_kind[LOSSES] = {SD_CROSS_ENTROPY, SD_MSE};
static const int steps[LOSSES] = {25, 40}; /* of either Newton */
static const char *const loss_name[LOSSES] = {"cross-entropy", "squared loss"};

/* ---- two saddles -------------------------------------------------------------------------------------------------------------------- */

typedef struct surface {
    void (*derivatives)(const double *z, double *gradient, double *hessian); /* [2], [2,2] */
} surface;

static void saddle(const double *z, double *g, double *h)
{
    memcpy(g, (double[]){2 * z[0], -2 * z[1]}, 2 * sizeof *g);
    memcpy(h, (double[]){2, 0, 0, -2}, 4 * sizeof *h);
}

/* x^3 - 3 x y^2 = Re z^3: three valleys, and between them three ridges that rise along the angles 0 and +-120 degrees. */
static void monkey(const double *z, double *g, double *h)
{
    memcpy(g, (double[]){3 * z[0] * z[0] - 3 * z[1] * z[1], -6 * z[0] * z[1]}, 2 * sizeof *g);
    memcpy(h, (double[]){6 * z[0], -6 * z[1], -6 * z[1], -6 * z[0]}, 4 * sizeof *h);
}

static double monkey_value(const double *z) { return z[0] * z[0] * z[0] - 3 * z[0] * z[1] * z[1]; }

static sd_status step(sd_newton_kind kind, const surface *s, double *z)
{
    double g[2], h[4], move[2];
    sd_bends bends;
    s->derivatives(z, g, h);
    SD_TRY(sd__bends_of(2, h, g, &bends));
    sd__newton_step(kind, &bends, 0, move);
    sd__bends_free(&bends);
    z[0] += move[0];
    z[1] += move[1];
    return SD_OK;
}

static sd_status judge_saddle(sd_lab *lab, int starts)
{
    static const surface s = {saddle};
    double newton = 0, free_of = 0;
    for (int i = 0; i < starts; i++) {
        sd_random random = sd__lab_random(lab, "saddle", i);
        double at[2] = {sd__random_normal(&random), sd__random_normal(&random)}, a[2] = {at[0], at[1]}, b[2] = {at[0], at[1]};
        SD_TRY(step(SD_NEWTON, &s, a));
        SD_TRY(step(SD_SADDLE_FREE, &s, b));
        newton = fmax(newton, hypot(a[0], a[1]) / hypot(at[0], at[1]));
        free_of = fmax(free_of, hypot(b[0], b[1] - 2 * at[1]) / hypot(at[0], at[1]));
    }
    sd__lab_number(lab, "a", newton, 0, "x² − y²: distance from the saddle after one step of Newton, relative");
    sd__lab_number(lab, "a", free_of, 0, "x² − y²: distance from (0, 2y) after one saddle-free step, relative");
    sd__lab_judge(lab, "a", sd__rule_fact(newton < 1e-12 && free_of < 1e-12),
                  "from %d starts Newton's step ends %.1g from the saddle, the saddle-free one %.1g from (0, 2y)", starts,
                  newton, free_of);
    return SD_OK;
}

/* Where theory puts the next point: Newton halves z, and |H| is 6|z| times the identity. */
static double complex next_of(sd_newton_kind kind, double complex z)
{
    return kind == SD_NEWTON ? z / 2 : z - conj(z) * conj(z) / (2 * cabs(z));
}

static sd_status draw_paths(sd_lab *lab)
{
    static const surface s = {monkey};
    static const double start[3][2] = {{1, 0.02}, {0.3, 0.9}, {-0.5, -0.6}};
    sd__lab_figure(lab,
                   "Steps on the monkey saddle x³ − 3xy²: Newton halves the distance to it, the saddle-free steps turn away",
                   "x", "y", false, false);
    for (int kind = SD_SADDLE_FREE; kind >= SD_NEWTON; kind--)
        for (int i = 0; i < 3; i++) {
            char name[64];
            double complex z = start[i][0] + I * start[i][1];
            snprintf(name, sizeof name, "theory: %s, start %d", kind == SD_NEWTON ? "Newton" : "saddle-free", i + 1);
            sd__lab_series(lab, name, SD_SERIES_LINE);
            for (int t = 0; t < 5; t++, z = next_of(kind, z))
                sd__lab_point(lab, creal(z), cimag(z));
        }
    for (int kind = SD_SADDLE_FREE; kind >= SD_NEWTON; kind--) {
        sd__lab_series(lab, kind == SD_NEWTON ? "Newton" : "saddle-free", SD_SERIES_POINTS);
        for (int i = 0; i < 3; i++) {
            double z[2] = {start[i][0], start[i][1]};
            for (int t = 0; t < 5; t++) {
                sd__lab_point(lab, z[0], z[1]);
                SD_TRY(step((sd_newton_kind)kind, &s, z));
            }
        }
    }
    return SD_OK;
}

static sd_status judge_monkey(sd_lab *lab, int starts)
{
    static const surface s = {monkey};
    double off = 0, ridge[2] = {1, 0}, from[2];
    int escaped = 0, caught = 0, longest = 0;
    for (int i = 0; i < starts; i++) {
        sd_random random = sd__lab_random(lab, "monkey saddle", i);
        double angle = 2 * M_PI * sd__random_uniform(&random), z[2] = {cos(angle), sin(angle)}, w[2] = {z[0], z[1]};
        int t = 0;
        for (; t < 100 && monkey_value(z) > deep; t++) {
            memcpy(from, z, sizeof from);
            double complex next = next_of(SD_SADDLE_FREE, from[0] + I * from[1]);
            SD_TRY(step(SD_SADDLE_FREE, &s, z));
            off = fmax(off, hypot(z[0] - creal(next), z[1] - cimag(next)) / hypot(from[0], from[1]));
            SD_TRY(step(SD_NEWTON, &s, w));
        }
        escaped += t < 100;
        caught += hypot(w[0], w[1]) < 2 * pow(0.5, t); /* it has halved t times */
        longest = SD_MAX(longest, t);
    }
    for (int t = 0; t < 30; t++)
        SD_TRY(step(SD_SADDLE_FREE, &s, ridge));
    sd__lab_number(lab, "b", off, 0, "x³ − 3xy²: distance of a saddle-free step from theory's, relative");
    sd__lab_number(lab, "b", escaped, starts, "starts on the unit circle from which the saddle-free method falls below −10");
    sd__lab_number(lab, "b", caught, starts, "starts from which Newton halves its distance to the saddle at every step");
    sd__lab_number(lab, "b", longest, NAN, "most steps that an escape took");
    sd__lab_number(lab, "b", ridge[0], pow(0.5, 30),
                   "distance from the saddle after 30 saddle-free steps from (1, 0), on the ridge");
    sd__lab_judge(
        lab, "b", sd__rule_fact(off < 1e-12 && escaped == starts && caught == starts && ridge[0] == pow(0.5, 30)),
        "%d of %d starts escape, in %d steps at most, while Newton closes in from %d; on the ridge itself the saddle-free "
        "method closes in as well",
        escaped, starts, longest, caught);
    return draw_paths(lab);
}

/* ---- networks ------------------------------------------------------------------------------------------------------------------------ */

/* One data set and one start, on which the methods are compared. */
typedef struct task {
    sd_model *model;
    sd_dataset *data;
    double *start;
    int64_t parameters;
    int steps;
} task;

/* Losses after as many gradients as 0, 1, ... second-order steps cost. */
typedef struct course {
    double loss[MOST_STEPS + 1], first_index, last_index;
} course;

static sd_built build(sd_builder *b, void *user)
{
    sd_node h = sd_layer_activation(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = HIDDEN}), SD_TANH, 0, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = 10}), (sd_loss_spec){*(const sd_loss_kind *)user, 0});
}

static void task_free(task *t)
{
    sd_model_free(t->model);
    sd_dataset_free(t->data);
    free(t->start);
}

static sd_status task_new(sd_context *context, int loss, uint64_t seed, const double *x, const int32_t *y, task *t)
{
    *t = (task){.steps = steps[loss]};
    sd_model_spec spec = {.build = build, .user = (void *)(uintptr_t)&loss_kind[loss], .input = SD_SHAPE(SD_DIGIT_PIXELS)};
    spec.classes = 10;
    spec.dtype = SD_F64;
    spec.seed = seed;
    SD_TRY(sd_model_new(context, &spec, &t->model));
    sd_memory memory = {.samples = SAMPLES, .shape = spec.input, .dtype = SD_F64, .input = x, .labels = y, .classes = 10};
    SD_TRY(sd_dataset_from_memory(&memory, &t->data));
    t->parameters = sd_model_params(t->model).length;
    t->start = sd_model_vector(t->model);
    if (!t->start)
        return sd__fail(SD_ENOMEM, "no memory for a network's weights");
    memcpy(t->start, sd_model_theta(t->model), (size_t)t->parameters * sizeof *t->start);
    return SD_OK;
}

static void restart(const task *t) { memcpy(sd_model_theta(t->model), t->start, (size_t)t->parameters * sizeof *t->start); }

static sd_status descend(const task *t, sd_newton_kind kind, course *c)
{
    sd_subject subject = {.model = t->model, .data = t->data};
    sd_newton_report report;
    restart(t);
    for (int i = 0; i < t->steps; i++) {
        SD_TRY(sd__newton_descend(&subject, kind, &report));
        c->loss[i] = report.before;
        c->loss[i + 1] = report.after;
        c->first_index = i ? c->first_index : (double)report.index;
        c->last_index = (double)report.index;
    }
    return SD_OK;
}

/* Gradients over all samples that one second-order step costs: a product counts as one, the loss of a trial as a third of one. */
static int step_cost(int64_t parameters) { return (int)parameters + 1 + 14 / 3; }

/* The rate falls to 0 along half a cosine: one that stays never settles, and would be a weak opponent. */
static sd_status sgd_epochs(const task *t, sd_loader *loader, sd_optimizer *optimizer, double *gradient)
{
    const sd_schedule cosine = {.kind = SD_SCHEDULE_COSINE};
    int64_t epoch = SAMPLES / BATCH, some = step_cost(t->parameters) * epoch;
    for (int64_t b = 0; b < some; b++) {
        sd_batch batch;
        SD_TRY(sd_loader_next(loader, &batch));
        SD_TRY(sd_model_run(t->model, SD_TRAIN, BATCH, &(sd_model_io){.x = batch.input, .y = batch.labels, .grad = gradient}));
        double norm = sd_optimizer_grad_norm(optimizer, gradient, NULL), base = sd_optimizer_get(optimizer)->lr;
        double rate = sd_schedule_lr(&cosine, base, sd_optimizer_steps(optimizer), epoch, some * t->steps);
        SD_TRY(sd_optimizer_step(optimizer, sd_model_theta(t->model), gradient, rate, norm, NULL));
    }
    return SD_OK;
}

static sd_status whole_loss(const task *t, double *loss)
{
    double x[SAMPLES * SD_DIGIT_PIXELS];
    int32_t y[SAMPLES], position[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        position[i] = i;
    SD_TRY(sd_dataset_read(t->data, SAMPLES, position, SD_F64, NULL, x, y, NULL));
    return sd_model_run(t->model, SD_EVAL, SAMPLES, &(sd_model_io){.x = x, .y = y, .loss = loss});
}

static sd_status sgd(const task *t, double rate, uint64_t seed, course *c)
{
    sd_optimizer_spec spec = sd_optimizer_default(SD_SGD);
    sd_optimizer *optimizer = NULL;
    sd_loader *loader = NULL;
    double *gradient = sd_model_vector(t->model);
    spec.lr = rate;
    restart(t);
    sd_status status = gradient ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a gradient");
    if (status == SD_OK)
        status = sd_optimizer_new(&spec, sd_model_params(t->model), NULL, &optimizer);
    if (status == SD_OK)
        status = sd_loader_new(t->data, &(sd_loader_options){.batch = BATCH, .dtype = SD_F64, .shuffle = true, .seed = seed},
                               &loader);
    for (int i = 0; i <= t->steps; i++)
        c->loss[i] = INFINITY;
    for (int i = 0; status == SD_OK && i <= t->steps; i++) {
        status = whole_loss(t, &c->loss[i]);
        if (status == SD_OK && i < t->steps)
            status = sgd_epochs(t, loader, optimizer, gradient);
    }
    if (status == SD_ENONFINITE) /* it diverged, and that is its result */
        status = SD_OK;
    sd_loader_free(loader);
    sd_optimizer_free(optimizer);
    free(gradient);
    return status;
}

/* ---- comparison ------------------------------------------------------------------------------------------------------------------------ */

typedef struct images {
    double *x;   /* [runs + 1, SAMPLES, 100]; the last set is for tuning */
    int32_t *y;  /* [runs + 1, SAMPLES] */
    double rate; /* of SGD, the best on the set for tuning */
    int runs;
} images;

static sd_status task_of(sd_lab *lab, const images *d, int loss, int run, task *t)
{
    uint64_t seed = sd__lab_seed(lab, "weights", run * LOSSES + loss);
    return task_new(sd__lab_context(lab), loss, seed, d->x + (ptrdiff_t)run * SAMPLES * SD_DIGIT_PIXELS,
                    d->y + (ptrdiff_t)run * SAMPLES, t);
}

static sd_status tune(sd_lab *lab, int loss, images *d)
{
    double least = INFINITY;
    task t;
    sd_status status = task_of(lab, d, loss, d->runs, &t);
    for (int r = 0; r < RATES && status == SD_OK; r++) {
        course c = {0};
        status = sgd(&t, rates[loss][r], sd__lab_seed(lab, "order while tuning", r * LOSSES + loss), &c);
        if (status == SD_OK && c.loss[t.steps] < least) {
            least = c.loss[t.steps];
            d->rate = rates[loss][r];
        }
    }
    task_free(&t);
    return status;
}

/* c [METHODS]: all three from one start on one set of images. */
static sd_status compare(sd_lab *lab, const images *d, int loss, int run, course *c)
{
    task t;
    sd_status status = task_of(lab, d, loss, run, &t);
    memset(c, 0, METHODS * sizeof *c);
    for (int kind = 0; kind < 2 && status == SD_OK; kind++)
        status = descend(&t, (sd_newton_kind)kind, &c[kind]);
    if (status == SD_OK)
        status = sgd(&t, d->rate, sd__lab_seed(lab, "order", run * LOSSES + loss), &c[2]);
    task_free(&t);
    return status;
}

/* Loss of a method after a step in all runs. */
static void column(int runs, const course (*c)[METHODS], int method, int at, double *value)
{
    for (int i = 0; i < runs; i++)
        value[i] = c[i][method].loss[at];
}

static void draw_courses(sd_lab *lab, int runs, const course (*c)[METHODS], int loss, int cost)
{
    char caption[160];
    double value[MOST_RUNS];
    snprintf(caption, sizeof caption, "%s of a network with %d tanh units on %d digits, mean of all runs", loss_name[loss],
             HIDDEN, SAMPLES);
    sd__lab_figure(lab, caption, "gradients computed (a Hessian-vector product counts as one)", "training loss", false,
                   loss == 0);
    sd__lab_series(lab, "theory: all classes alike", SD_SERIES_DASHES);
    for (int end = 0; end < 2; end++)
        sd__lab_point(lab, end * steps[loss] * cost, loss ? 0.09 : log(10));
    for (int m = 0; m < METHODS; m++) {
        sd__lab_series(lab, method_name[m], SD_SERIES_POINTS);
        for (int t = 0; t <= steps[loss]; t++) {
            column(runs, c, m, t, value);
            sd__lab_point_interval(lab, t * cost, sd_interval_mean(runs, value, sd__lab_confidence(METHODS)));
        }
    }
}

/* Saddle-free less another method, at the end; 4 such comparisons are made. */
static sd_interval lead_over(int runs, const course (*c)[METHODS], int loss, int other)
{
    double a[MOST_RUNS], b[MOST_RUNS];
    column(runs, c, SD_SADDLE_FREE, steps[loss], a);
    column(runs, c, other, steps[loss], b);
    return sd_interval_paired(runs, a, b, sd__lab_confidence(4));
}

/* Share by which the last tenth of the budget lowers the mean loss; the largest of the methods. */
static double still_falling(sd_lab *lab, const char *part, int runs, const course (*c)[METHODS], int loss)
{
    double most = 0, value[MOST_RUNS];
    for (int m = 0; m < METHODS; m++) {
        column(runs, c, m, steps[loss] - steps[loss] / 10, value);
        double before = sd_interval_mean(runs, value, 0.95).estimate;
        column(runs, c, m, steps[loss], value);
        sd_interval end = sd_interval_mean(runs, value, sd__lab_confidence(METHODS));
        double fall = 1 - end.estimate / before;
        sd__lab_measure(lab, part, end, NAN, "%s, %s: final training loss", loss_name[loss], method_name[m]);
        sd__lab_number(lab, "", fall, NAN, "%s, %s: fall in the last tenth of the budget", loss_name[loss], method_name[m]);
        most = fmax(most, fabs(fall));
    }
    return most;
}

static void record_index(sd_lab *lab, int runs, const course (*c)[METHODS], int loss)
{
    double first[MOST_RUNS], end[MOST_RUNS];
    for (int m = 0; m < 2; m++) {
        for (int i = 0; i < runs; i++) {
            first[i] = c[i][m].first_index;
            end[i] = c[i][m].last_index;
        }
        sd__lab_measure(lab, "", sd_interval_mean(runs, first, 0.95), NAN, "%s, %s: negative eigenvalues at the start",
                        loss_name[loss], method_name[m]);
        sd__lab_measure(lab, "", sd_interval_mean(runs, end, 0.95), NAN, "%s, %s: negative eigenvalues before the last step",
                        loss_name[loss], method_name[m]);
    }
}

static void judge_networks(sd_lab *lab, int runs, const course (*c)[METHODS], int loss)
{
    sd_interval newton = lead_over(runs, c, loss, SD_NEWTON), descent = lead_over(runs, c, loss, 2);
    double fall = still_falling(lab, loss ? "e" : "", runs, c, loss);
    sd__lab_measure(lab, loss ? "e" : "c", newton, NAN, "%s: saddle-free − Newton", loss_name[loss]);
    sd__lab_measure(lab, loss ? "e" : "d", descent, NAN, "%s: saddle-free − SGD", loss_name[loss]);
    record_index(lab, runs, c, loss);
    if (loss == 0) {
        sd__lab_judge(lab, "c", sd__rule_at_most(newton, 0), "the saddle-free loss is lower by %.3f (interval %.3f to %.3f)",
                      -newton.estimate, -newton.high, -newton.low);
        sd__lab_judge(lab, "d", sd__rule_at_most(descent, 0), "the saddle-free loss is lower by %.3f (interval %.3f to %.3f)",
                      -descent.estimate, -descent.high, -descent.low);
        return;
    }
    sd_verdict both = sd__rule_both(sd__rule_at_most(newton, 0), sd__rule_at_most(descent, 0));
    sd__lab_judge(
        lab, "e", fall <= flat ? both : SD_NOT_DECIDED,
        "saddle-free − Newton is %.4f (%.4f to %.4f), saddle-free − SGD %.4f (%.4f to %.4f); the last tenth changed no "
        "mean loss by more than %.1f %%",
        newton.estimate, newton.low, newton.high, descent.estimate, descent.low, descent.high, 100 * fall);
}

static sd_status all_runs(sd_lab *lab, images *d, course (*c)[METHODS])
{
    const char *name;
    int sets = d->runs + 1, cost = step_cost(SD_DIGIT_PIXELS * HIDDEN + HIDDEN + 10 * HIDDEN + 10);
    SD_TRY(sd__small_digits(sets * SAMPLES, sd__lab_seed(lab, "images", 0), d->x, d->y, &name));
    sd__lab_note(lab, "The digits are those of %s.", name);
    for (int loss = 0; loss < LOSSES; loss++) {
        int runs = loss ? (d->runs + 2) / 4 : d->runs; /* steps for the plateau cost more */
        SD_TRY(tune(lab, loss, d));
        sd__lab_number(lab, "", d->rate, NAN, "%s: best rate of SGD, found on images of its own", loss_name[loss]);
        for (int i = 0; i < runs; i++)
            SD_TRY(compare(lab, d, loss, i, c[i]));
        draw_courses(lab, runs, (const course(*)[METHODS])c, loss, cost);
        judge_networks(lab, runs, (const course(*)[METHODS])c, loss);
    }
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    images d = {.runs = SD_MIN(sd__lab_repeats(lab, 10, 50), MOST_RUNS)};
    size_t samples = (size_t)(d.runs + 1) * SAMPLES;
    SD_TRY(judge_saddle(lab, 1000));
    SD_TRY(judge_monkey(lab, 1000));
    course(*c)[METHODS] = sd__alloc((size_t)d.runs, sizeof *c);
    d.x = sd__alloc(samples * SD_DIGIT_PIXELS, sizeof *d.x);
    d.y = sd__alloc(samples, sizeof *d.y);
    sd_status status = c && d.x && d.y ? all_runs(lab, &d, c) : sd__fail(SD_ENOMEM, "no memory for %d runs", d.runs);
    free(c);
    free(d.x);
    free(d.y);
    return status;
}

const sd_claim sd__claim_c63_saddle_free = {
    .id = "C63",
    .title = "Saddle-free Newton escapes",
    .text = "Gradient descent can be slowed down dramatically by saddle points, and even get stuck. The “saddle-free Newton "
            "method” can escape them.",
    .lecture = "D0",
    .slide = "How much do we lose in non-convexity? (2)",
    .theory =
        "Along an eigenvector of the Hessian with eigenvalue b and slope c Newton moves by −c/b: to where the slope is 0, "
        "uphill "
        "where b < 0. The saddle-free step −c/|b| goes down everywhere. On x² − y² Newton ends on the saddle at once, and the "
        "other takes y to 2y. On x³ − 3xy² = Re z³ the Hessian's absolute value is 6|z|, so the saddle-free step is "
        "−z̄²/(2|z|): "
        "from an angle θ off a ridge it leads to one near 4θ, except exactly on the ridge, where it halves z like Newton.",
    .protocol =
        "Both surfaces in closed form, 1,000 starts each. Then a network 100-2-10 with tanh units (232 parameters) on 100 "
        "digits "
        "of 10 × 10 pixels, 10 sets of images and weights (50 in full), 25 steps of either kind with the whole Hessian. "
        "Damping "
        "H + δI or |H| + δI: of δ = 10³, 10² … 10⁻⁸ of the largest |eigenvalue| and 0 the one with the least training loss. "
        "SGD "
        "from the same start, in batches of 20 with a rate that falls to 0, computes as many gradients, where a Hessian-vector "
        "product counts as one (it takes about as long here); its first rate is the best of three on images of its own. Then a "
        "quarter of the sets with squared loss, 40 steps.",
    .caution = "The outcome depends on the budget and on the samples: SGD leads at first, and gains as samples are added (a "
               "trial with "
               "150 digits and 20 steps found the two level). Cross-entropy of samples that a network can separate has no "
               "minimum, so no "
               "plateau to compare at: part e is about squared loss. A step costs as many products as there are parameters.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_WELL,
    .part = {{"a", "On x² − y² Newton lands on the saddle in one step, and the saddle-free step takes (x, y) to (0, 2y).",
              "Both within 1e-12 of the distance, from every start.", SD_CONFIRMED},
             {"b", "The saddle-free method escapes from the monkey saddle, except exactly on a ridge; Newton never does.",
              "Every start on the unit circle falls below −10 while Newton halves its distance; every step is theory's within "
              "1e-12; "
              "from (1, 0) both halve it.",
              SD_CONFIRMED},
             {"c", "On a network its training loss ends at or below that of damped Newton (cross-entropy, equal steps).",
              "Simultaneous 95 % interval of the paired difference, upper end at most 0.", SD_CONFIRMED},
             {"d", "… and at or below that of tuned SGD (cross-entropy, equal gradients).",
              "Simultaneous 95 % interval of the paired difference, upper end at most 0.", SD_CONFIRMED},
             {"e", "The same of both at the plateau (squared loss).",
              "As before, for both differences; not decided unless the last tenth of the budget changes every method's mean "
              "loss by "
              "less than 1 %.",
              SD_CONFIRMED}},
    .run = run,
};
