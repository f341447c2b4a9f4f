/*
 * main.c -- trains a network inside a program: data from memory, a report after every epoch, saved, loaded again, used.
 *
 *     cc -std=c99 main.c $(pkg-config --cflags --libs sonde) -o embed && ./embed
 */
#include <sonde/sonde.h>
#include <stdio.h>

enum { SAMPLES = 900, CLASSES = 3 };

/* Three classes of points in the plane: how far from the origin. */
static void make_points(float (*x)[2], int32_t *y)
{
    for (int i = 0; i < SAMPLES; i++) {
        x[i][0] = (float)(i % 30) / 15 - 1;
        x[i][1] = (float)(i / 30) / 15 - 1;
        float r = x[i][0] * x[i][0] + x[i][1] * x[i][1];
        y[i] = (r > 0.3f) + (r > 0.8f);
    }
}

/* The network: called whenever a program for another batch size is needed. */
static sd_built build(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 32});
    h = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = CLASSES}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* Ends training as soon as it is good enough. */
static bool report(void *user, const sd_progress *p)
{
    (void)user;
    if (p->kind == SD_PROGRESS_EPOCH && p->epoch % 10 == 0)
        printf("epoch %d: loss %.3f, accuracy %.3f\n", (int)p->epoch, p->loss, p->accuracy);
    return p->kind != SD_PROGRESS_EPOCH || p->accuracy < 0.985;
}

static sd_status run(sd_context *context, sd_model **model, sd_model **copy, sd_trainer **trainer, sd_data *data)
{
    static float x[SAMPLES][2];
    static int32_t y[SAMPLES];
    double answer[SAMPLES * CLASSES];
    make_points(x, y);
    sd_memory memory = {.samples = SAMPLES, .shape = SD_SHAPE(2), .input = x, .labels = y, .classes = CLASSES};
    sd_model_spec spec = {.build = build, .input = SD_SHAPE(2), .classes = CLASSES, .seed = 1};
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_ADAM), .epochs = 200, .batch = 30, .seed = 1};
    options.optimizer.lr = 0.02;
    sd_status status = sd_dataset_from_memory(&memory, &data->train);
    if (!status && !(status = sd_model_new(context, &spec, model)) &&
        !(status = sd_trainer_new(*model, data, &options, trainer)))
        status = sd_trainer_train(*trainer, report, NULL);
    if ((status && status != SD_ECANCELLED) || (status = sd_model_save(*model, "points.safetensors", NULL)))
        return status;
    /* Elsewhere, perhaps much later: the same network, filled from the file. */
    if ((status = sd_model_new(context, &spec, copy)) || (status = sd_model_load(*copy, "points.safetensors", 0, NULL, NULL)) ||
        (status = sd_predict(*copy, data->train, NULL, true, answer)))
        return status;
    printf("P(class | x = %.2f, %.2f) = %.3f %.3f %.3f\n", x[465][0], x[465][1], answer[465 * 3], answer[465 * 3 + 1],
           answer[465 * 3 + 2]);
    return answer[465 * 3] > 0.9 && sd_model_hash(*copy) == sd_model_hash(*model) ? SD_OK : SD_EINTERNAL;
}

int main(void)
{
    sd_context *context = NULL;
    sd_model *model = NULL, *copy = NULL;
    sd_trainer *trainer = NULL;
    sd_data data = {0};
    sd_status status = sd_context_new(NULL, &context);
    if (!status)
        status = run(context, &model, &copy, &trainer, &data);
    if (status)
        fprintf(stderr, "%s: %s\n", sd_status_text(status), sd_error());
    sd_trainer_free(trainer);
    sd_model_free(copy);
    sd_model_free(model);
    sd_data_close(&data);
    sd_context_free(context);
    return status != SD_OK;
}
