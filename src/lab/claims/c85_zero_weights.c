/* c85_zero_weights.c -- C85: a tanh network that starts from zero never learns more than its output bias; equal units stay equal. */
#include <math.h>
#include <sonde/nn.h>
#include <stdlib.h>
#include <string.h>

#include "lab/claim.h"

enum { B = 32, D = 8, WIDTH = 10, CLASSES = 3, STEPS = 200 };

static const double rate = 0.5;

/* Two tanh layers and a linear one; all weights start as user says. */
static sd_built build(sd_builder *builder, void *user)
{
    const sd_init *init = user;
    sd_node h = builder->input;
    for (int l = 0; l < 2; l++) {
        h = sd_layer_dense(builder, h, (sd_dense_spec){.units = WIDTH, .init = init});
        h = sd_layer_activation(builder, h, SD_TANH, 0, NULL);
    }
    h = sd_layer_dense(builder, h, (sd_dense_spec){.units = CLASSES, .init = init});
    return sd_loss(builder, h, (sd_loss_spec){.kind = SD_CROSS_ENTROPY});
}

static double largest(int64_t n, const double *x)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* How far the units of a hidden layer differ in what they receive: the columns of weight [I,O] from column 0. */
static double spread(const sd_slice *slice, const double *theta)
{
    int64_t units = slice->shape.dim[1];
    double most = 0;
    for (int64_t i = 0; i < slice->length; i++)
        most = fmax(most, fabs(theta[slice->offset + i] - theta[slice->offset + i / units * units]));
    return most;
}

typedef struct course {
    double hidden_gradient, output_bias, hidden_spread, hidden_change;
    double gradient[8]; /* of each slice, largest over all steps */
    int slices;
} course;

/* Gradient descent on one random batch; what its gradients were at their largest. */
static sd_status train(sd_lab *lab, const sd_init *init, int stream, course *c)
{
    sd_random random = sd__lab_random(lab, "batch", stream);
    sd_model *model;
    double x[B * D];
    int32_t y[B];
    for (int i = 0; i < B * D; i++)
        x[i] = sd__random_normal(&random);
    for (int i = 0; i < B; i++)
        y[i] =
            i % 2 ? 0 : (int32_t)sd__random_below(&random, CLASSES); /* class 0 more often, so that a bias is worth learning */
    sd_model_spec spec = {.build = build, .user = (void *)init, .input = SD_SHAPE(D), .classes = CLASSES, .dtype = SD_F64};
    SD_TRY(sd_model_new(sd__lab_context(lab), &spec, &model));
    sd_layout layout = sd_model_params(model);
    double *theta = sd_model_theta(model), *grad = sd_model_vector(model);
    sd_status status = grad ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a gradient");
    *c = (course){.slices = SD_MIN(layout.count, 8)};
    for (int t = 0; t < STEPS && status == SD_OK; t++) {
        status = sd_model_run(model, SD_TRAIN, B, &(sd_model_io){.x = x, .y = y, .grad = grad});
        for (int s = 0; s < c->slices; s++)
            c->gradient[s] = fmax(c->gradient[s], largest(layout.slice[s].length, grad + layout.slice[s].offset));
        for (int64_t i = 0; i < layout.length; i++)
            theta[i] -= rate * grad[i];
    }
    for (int s = 0; s < c->slices && status == SD_OK; s++) {
        bool bias_out = s == c->slices - 1;
        c->hidden_gradient = bias_out ? c->hidden_gradient : fmax(c->hidden_gradient, c->gradient[s]);
        c->output_bias = bias_out ? largest(layout.slice[s].length, theta + layout.slice[s].offset) : c->output_bias;
        if (s < c->slices - 2 && layout.slice[s].shape.rank == 2)
            c->hidden_spread = fmax(c->hidden_spread, spread(&layout.slice[s], theta));
        if (s < c->slices - 2)
            c->hidden_change = fmax(c->hidden_change, c->gradient[s]);
    }
    free(grad);
    sd_model_free(model);
    return status;
}

static void draw(sd_lab *lab, const course *zero, const course *constant)
{
    static const char *const name[] = {"weight 1", "bias 1", "weight 2", "bias 2", "weight 3", "bias 3"};
    sd__lab_figure(lab, "Largest gradient in 200 steps, of the weights and biases of each layer", "", "largest gradient", false,
                   false);
    sd__lab_series(lab, "all weights 0 (theory: no gradient but for bias 3)", SD_SERIES_BARS);
    for (int s = 0; s < 6; s++)
        sd__lab_point(lab, s, zero->gradient[s]);
    sd__lab_series(lab, "all weights 0.3", SD_SERIES_POINTS);
    for (int s = 0; s < 6; s++) {
        sd__lab_point(lab, s, constant->gradient[s]);
        sd__lab_tick(lab, s, name[s]);
    }
}

static sd_status run(sd_lab *lab)
{
    static const sd_init zeros = {SD_INIT_ZEROS, 0, 0}, equal = {SD_INIT_CONSTANT, 0.3, 0};
    int batches = sd__lab_repeats(lab, 10, 100);
    double hidden = 0, bias = INFINITY, apart = 0, moved = INFINITY;
    course zero = {0}, constant = {0};
    for (int i = 0; i < batches; i++) {
        SD_TRY(train(lab, &zeros, 2 * i, &zero));
        SD_TRY(train(lab, &equal, 2 * i + 1, &constant));
        hidden = fmax(hidden, zero.hidden_gradient);
        bias = fmin(bias, zero.output_bias);
        apart = fmax(apart, constant.hidden_spread);
        moved = fmin(moved, constant.hidden_change);
    }
    draw(lab, &zero, &constant);
    sd__lab_number(lab, "a", hidden, 0, "zeros: largest gradient of any slice but the output bias");
    sd__lab_number(lab, "a", bias, NAN, "zeros: least that the output bias has moved");
    sd__lab_number(lab, "b", apart, 0, "0.3 everywhere: largest difference between units of a hidden layer");
    sd__lab_number(lab, "b", moved, NAN, "0.3 everywhere: least of the largest hidden gradients");
    sd__lab_judge(lab, "a", sd__rule_fact(hidden == 0 && bias > 0),
                  "in %d steps on each of %d batches no other gradient was ever different from 0 (largest: %g)", STEPS, batches,
                  hidden);
    sd__lab_judge(lab, "b", moved > 0 ? sd__rule_fact(apart < 1e-12) : SD_NOT_DECIDED,
                  "the hidden units were trained (gradients up to %.2g) and differ by %.1g at most", moved, apart);
    return SD_OK;
}

const sd_claim sd__claim_c85_zero_weights = {
    .id = "C85",
    .title = "All weights zero: nothing is learnt",
    .text = "What if all weights are initialised to zero? The network does not learn.",
    .lecture = "D2",
    .slide = "Activity propagation (What if all-null initialisation?)",
    .theory = "With zero weights all activations are tanh(0) = 0, so the gradient of every weight, a product with an "
              "activation, is 0; and "
              "nothing is sent back through zero weights to the hidden biases. Only the output bias has a gradient; moving it "
              "changes none "
              "of this, so it stays so for ever. If all weights are equal but not zero, all units of a layer compute the same "
              "and get the "
              "same gradient: they stay copies of each other, a network of width one.",
    .protocol = "An 8-10-10-3 tanh network with cross-entropy, trained by the library in f64 for 200 steps on random batches, "
                "10 of them (100 in "
                "full); once from 0, once from 0.3 everywhere.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "From zero, only the output bias ever moves.", "Every other gradient is exactly 0 in every step.",
              SD_CONFIRMED},
             {"b", "From equal weights, the units of a layer stay equal.",
              "They differ by less than 1e-12 at the end, while their gradients were not 0.", SD_CONFIRMED}},
    .run = run,
};
