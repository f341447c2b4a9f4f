/*
 * test_lab_ensemble.c -- members of networks with dropout: products of probabilities written out here, each member run by itself; means
 * over drawn masks against the library's training mode, step by step.
 */
#include "law.h"

#include <string.h>

#include "lab/ensemble.h"

enum { UNITS = 5, CLASSES = 3, MEMBERS = 1 << UNITS };

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

typedef struct net {
    double rate;
    bool deep;
} net;

static sd_built build(sd_builder *b, void *user)
{
    const net *n = user;
    static const sd_init normal = {.kind = SD_INIT_NORMAL, .a = 1};
    sd_node h = sd_layer_dropout(b, b->input, n->rate, NULL);
    if (n->deep)
        h = sd_layer_activation(b, sd_layer_dense(b, h, (sd_dense_spec){.units = 8, .init = &normal}), SD_RELU, 0, NULL);
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = CLASSES, .init = &normal, .bias_init = &normal})};
}

static sd_model *model_of(net *n, sd_dtype dtype)
{
    sd_model *model;
    sd_model_spec spec = {
        .build = build, .user = n, .input = SD_SHAPE(UNITS), .dtype = dtype, .seed = (uint64_t)law_int(1, 1000)};
    assert_ok(sd_model_new(context, &spec, &model));
    return model;
}

static void softmax(const double *z, double *p)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++)
        sum += exp(z[c]);
    for (int c = 0; c < CLASSES; c++)
        p[c] = exp(z[c]) / sum;
}

/* prod over masks of p_c^(probability of the mask), normalised; each member is run by itself. */
static void product(sd_model *model, double keep, const double *x, double *p)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++)
        p[c] = 1;
    for (int s = 0; s < MEMBERS; s++) {
        double masked[UNITS], z[CLASSES], member[CLASSES], chance = 1;
        for (int i = 0; i < UNITS; i++) {
            masked[i] = s >> i & 1 ? x[i] / keep : 0;
            chance *= s >> i & 1 ? keep : 1 - keep;
        }
        assert_ok(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = masked, .output = z}));
        softmax(z, member);
        for (int c = 0; c < CLASSES; c++)
            p[c] *= pow(member[c], chance);
    }
    for (int c = 0; c < CLASSES; c++)
        sum += p[c];
    for (int c = 0; c < CLASSES; c++)
        p[c] /= sum;
}

static void members_have_their_product(void **state)
{
    for (int trial = 0; trial < law_trials(20); trial++) {
        net n = {law_int(1, 9) / 10.0, trial % 2};
        sd_model *model = model_of(&n, SD_F64);
        sd_members all;
        double x[UNITS], z[CLASSES], p[CLASSES], wanted[CLASSES], off = 0;
        law_draw_f64(x, UNITS, -2, 2);
        assert_ok(sd__members_of(model, n.rate, x, &all));
        assert_int_equal(all.count, MEMBERS);
        product(model, 1 - n.rate, x, wanted);
        sd__members_mean(&all, p);
        assert_near_f64(p, wanted, CLASSES, 1e-12);
        assert_ok(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = x, .output = z}));
        softmax(z, wanted);
        sd__members_scaled(&all, p);
        assert_near_f64(p, wanted, CLASSES, 1e-13);
        sd__members_mean(&all, p);
        for (int c = 0; c < CLASSES; c++)
            off = fmax(off, fabs(p[c] - wanted[c]));
        assert_true(n.deep || off < 1e-12); /* one softmax layer: the theorem */
        sd__members_free(&all);
        sd_model_free(model);
    }
}

static void training_mode_draws_members(void **state)
{
    enum { DRAWS = 400 };
    net n = {0.3, true}, other = {0.5, true};
    sd_model *model = model_of(&n, SD_F64);
    sd_members all;
    double x[UNITS] = {1, -1, 2, 0.5, -0.7}, far[CLASSES];
    int64_t kept, strangers;
    assert_ok(sd__members_of(model, n.rate, x, &all));
    for (int s = 0; s < MEMBERS; s++)
        assert_memory_equal(all.z + (ptrdiff_t)sd__members_find(&all, all.z + (ptrdiff_t)s * CLASSES) * CLASSES,
                            all.z + (ptrdiff_t)s * CLASSES, sizeof far);
    memcpy(far, all.z, sizeof far);
    far[CLASSES - 1] += 1e-6;
    assert_int_equal(sd__members_find(&all, far), -1);
    assert_ok(sd__members_drawn(model, &all, DRAWS, &kept, &strangers));
    double wanted = DRAWS * UNITS * 0.7;
    assert_int_equal(strangers, 0);
    assert_true(fabs((double)kept - wanted) < 5 * sqrt(wanted * 0.3));
    sd__members_free(&all);
    assert_ok(sd__members_of(model, other.rate, x, &all)); /* the wrong rate: only what keeps nothing is the same */
    assert_ok(sd__members_drawn(model, &all, DRAWS, &kept, &strangers));
    assert_true(strangers > DRAWS * 9 / 10 && kept == 0);
    sd__members_free(&all);
    sd_model_free(model);
    model = model_of(&n, SD_F32);
    assert_status(sd__members_of(model, n.rate, x, &all), SD_EINVAL);
    sd_model_free(model);
}

static void drawn_masks_have_their_means(void **state)
{
    enum { N = 4, MASKS = 30 };
    float x[N * UNITS], z[N * CLASSES];
    int32_t y[N] = {0, 1, 2, 1};
    net n = {0.4, true};
    sd_model *model = model_of(&n, SD_F32);
    sd_examples examples = {.n = N, .shape = SD_SHAPE(UNITS), .classes = CLASSES, .x = x, .y = y};
    sd_ensemble e;
    double p[N * CLASSES] = {0}, square[N * CLASSES] = {0}, log_p[N * CLASSES] = {0}, scaled[N * CLASSES], error = 0;
    law_draw(x, N * UNITS, -2, 2);
    for (int m = 0; m < MASKS; m++) {
        assert_ok(sd_model_run(model, SD_TRAIN, N, &(sd_model_io){.x = x, .step = m, .output = z}));
        for (int i = 0; i < N; i++) {
            double wide[CLASSES], one[CLASSES];
            for (int c = 0; c < CLASSES; c++)
                wide[c] = (double)z[i * CLASSES + c];
            softmax(wide, one);
            bool right = true;
            for (int c = 0; c < CLASSES; c++) {
                p[i * CLASSES + c] += one[c] / MASKS;
                square[i * CLASSES + c] += one[c] * one[c] / MASKS;
                log_p[i * CLASSES + c] += log(one[c]) / MASKS;
                right = right && one[c] <= one[y[i]];
            }
            error += !right / (double)(N * MASKS);
        }
    }
    assert_ok(sd_model_run(model, SD_EVAL, N, &(sd_model_io){.x = x, .output = z}));
    for (int i = 0; i < N; i++) {
        double wide[CLASSES], one[CLASSES];
        for (int c = 0; c < CLASSES; c++)
            wide[c] = (double)z[i * CLASSES + c];
        softmax(wide, one);
        for (int c = 0; c < CLASSES; c++)
            scaled[i * CLASSES + c] = log(one[c]);
    }
    assert_ok(sd__ensemble_draw(model, &examples, MASKS, &e));
    assert_near_f64(e.p, p, N * CLASSES, 1e-12);
    assert_near_f64(e.square, square, N * CLASSES, 1e-12);
    assert_near_f64(e.log_p, log_p, N * CLASSES, 1e-12);
    assert_near_f64(e.scaled, scaled, N * CLASSES, 1e-12);
    assert_near_f64(&e.member_error, &error, 1, 1e-12);
    assert_true(e.member_error > 0 && e.member_error < 1);
    sd__ensemble_free(&e);
    sd_model_free(model);
}

/* Two inputs, two classes, numbers by hand: the geometric mean of (1/2, 1/2) and (4/5, 1/5) is (2/3, 1/3). */
static void scores_have_their_closed_forms(void **state)
{
    double p[4] = {0.6, 0.4, 0.3, 0.7}, scaled[4] = {log(0.5), log(0.5), log(0.4), log(0.6)};
    double log_p[4] = {log(0.5 * 0.8) / 2, log(0.5 * 0.2) / 2, log(0.4), log(0.6)};
    const int32_t label[2] = {1, 1};
    sd_ensemble e = {.n = 2, .classes = 2, .masks = 1, .p = p, .log_p = log_p, .scaled = scaled, .member_error = 0.25};
    sd_ensemble_scores s = sd__ensemble_judge(&e, label);
    double got[] = {s.scaled_error, s.mean_error, s.member_error, s.scaled_loss, s.mean_loss, s.to_mean, s.to_geometric};
    double wanted[] = {50, 50, 25, -(log(0.5) + log(0.6)) / 2, -(log(0.4) + log(0.7)) / 2, 0.1, 1 / 12.0};
    assert_near_f64(got, wanted, sizeof got / sizeof *got, 1e-14); /* of equal scores the first class counts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_have_their_product),
        cmocka_unit_test(training_mode_draws_members),
        cmocka_unit_test(drawn_masks_have_their_means),
        cmocka_unit_test(scores_have_their_closed_forms),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
