/*
 * test_train.c -- the trainer: against a recurrence worked out here, and what it promises about bits, interruptions, numbers
 * that are not finite, and files.
 */
#include "runs.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "train/blackbox.h"
#include "train/trainer.h"

/* ---- models and data --------------------------------------------------------------------------------------------------- */

static sd_built linear(sd_builder *b, void *user)
{
    sd_loss_kind *loss = user;
    int64_t units = b->classes ? b->classes : b->targets;
    return sd_loss(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = units}), (sd_loss_spec){*loss, 0});
}

static sd_loss_kind mse = SD_MSE, entropy = SD_CROSS_ENTROPY;

static sd_model *make_model(sd_context *c, sd_build_fn *build, sd_loss_kind *loss, sd_shape input, int classes, int targets,
                            sd_dtype dtype)
{
    sd_model *model;
    sd_model_spec spec = {
        .build = build, .user = loss, .input = input, .classes = classes, .targets = targets, .dtype = dtype, .seed = 1};
    ok(sd_model_new(c, &spec, &model));
    return model;
}

static sd_dataset *make_set(sd_memory memory)
{
    sd_dataset *set;
    ok(sd_dataset_from_memory(&memory, &set));
    return set;
}

/* ---- a recurrence ------------------------------------------------------------------------------------------------------ */

enum { N = 40, D = 3 };

/* One step of gradient descent on mean (x w + b - y)^2, written down from its derivative. w[D] is b. */
static void descend(double x[N][D], const double y[N], double w[D + 1], double lr)
{
    double g[D + 1] = {0};
    for (int i = 0; i < N; i++) {
        double error = w[D] - y[i];
        for (int j = 0; j < D; j++)
            error += x[i][j] * w[j];
        for (int j = 0; j < D; j++)
            g[j] += 2 * error * x[i][j] / N;
        g[D] += 2 * error / N;
    }
    for (int j = 0; j <= D; j++)
        w[j] -= lr * g[j];
}

static void a_linear_model_follows_its_recurrence(void **state)
{
    (void)state;
    double x[N][D], y[N], w[D + 1];
    sd_random random = sd__random(7, 1);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++)
            x[i][j] = sd__random_normal(&random);
        y[i] = sd__random_normal(&random);
    }
    sd_model *model = make_model(context, linear, &mse, SD_SHAPE(D), 0, 1, SD_F64);
    sd_data data = {.train = make_set((sd_memory){.samples = N,
                                                  .shape = SD_SHAPE(D),
                                                  .dtype = SD_F64,
                                                  .input = x,
                                                  .targets = y,
                                                  .n_targets = 1,
                                                  .target_dtype = SD_F64})};
    memcpy(w, sd_model_theta(model), sizeof w);
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_SGD), .epochs = 30, .batch = N};
    options.optimizer.lr = 0.05;
    options.schedule = (sd_schedule){.kind = SD_SCHEDULE_STEP, .factor = 0.5, .every = 10};
    sd_trainer *trainer;
    ok(sd_trainer_new(model, &data, &options, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    for (int t = 0; t < 30; t++)
        descend(x, y, w, 0.05 * pow(0.5, t / 10));
    for (int j = 0; j <= D; j++)
        assert_true(fabs(w[j] - ((double *)sd_model_theta(model))[j]) < 1e-13);
    assert_int_equal(sd_trainer_progress(trainer).step, 30);
    sd_trainer_free(trainer);
    sd_model_free(model);
    sd_data_close(&data);
}

/* ---- scores ------------------------------------------------------------------------------------------------------------ */

/* The model is the identity, so its outputs are the inputs, and everything can be counted by hand. */
static void scores_are_those_counted_by_hand(void **state)
{
    (void)state;
    sd_scores s;
    static const double z[5][3] = {
        {2, 1, 0}, {0, 3, 0}, {1, 1, 0}, {0, 0, 5}, {4, 0, 4.5}}; /* names 0 1 0 2 2 (a tie: the first) */
    static const int32_t label[5] = {0, 1, 1, 2, 0};
    static const double identity[12] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    static const int64_t confusion[9] = {1, 0, 1, 1, 1, 0, 0, 0, 1};
    sd_model *model = make_model(context, linear, &entropy, SD_SHAPE(3), 3, 0, SD_F64);
    memcpy(sd_model_theta(model), identity, sizeof identity);
    sd_dataset *set =
        make_set((sd_memory){.samples = 5, .shape = SD_SHAPE(3), .dtype = SD_F64, .input = z, .labels = label, .classes = 3});
    double loss = 0;
    for (int i = 0; i < 5; i++)
        loss += log(exp(z[i][0]) + exp(z[i][1]) + exp(z[i][2])) - z[i][label[i]];
    for (int batch = 1; batch <= 7; batch++) { /* also with padding */
        ok(sd_evaluate(model, set, NULL, batch, &s));
        assert_true(s.samples == 5 && s.classes == 3 && fabs(s.loss - loss / 5) < 1e-12);
        assert_true(s.accuracy == 3.0 / 5 && isnan(s.rmse));
        assert_memory_equal(s.confusion, confusion, sizeof confusion);
        sd_scores_clear(&s);
    }
    double p[15];
    assert_int_equal(sd_predict_columns(model, true), 3);
    ok(sd_predict(model, set, NULL, true, p));
    assert_true(fabs(p[3] - 1 / (2 + exp(3))) < 1e-12 && fabs(p[4] - exp(3) / (2 + exp(3))) < 1e-12);
    sd_dataset_free(set);
    sd_model_free(model);

    static const double x[4] = {1, 2, 3, 6}, y[4] = {1, 3, 3, 5}; /* squared errors 0 1 0 1; mean 3, deviations 4 0 0 4 */
    model = make_model(context, linear, &mse, SD_SHAPE(1), 0, 1, SD_F64);
    memcpy(sd_model_theta(model), (double[]){1, 0}, 16);
    set = make_set((sd_memory){
        .samples = 4, .shape = SD_SHAPE(1), .dtype = SD_F64, .input = x, .targets = y, .n_targets = 1, .target_dtype = SD_F64});
    ok(sd_evaluate(model, set, NULL, 3, &s));
    assert_true(fabs(s.rmse - sqrt(0.5)) < 1e-14 && fabs(s.r2 - 0.75) < 1e-14 && fabs(s.loss - 0.5) < 1e-14);
    assert_true(isnan(s.accuracy) && s.confusion == NULL);
    sd_dataset_free(set);
    sd_model_free(model);
}

static bool note_accuracy(void *user, const sd_progress *progress)
{
    if (progress->kind == SD_PROGRESS_EPOCH)
        *(double *)user = progress->accuracy;
    return true;
}

/* A lone column is a logit against class 0 where there are two classes; of a single class its sign says nothing. */
static void of_a_single_class_every_answer_is_right(void **state)
{
    (void)state;
    static const double x[4] = {-2, -1, 1, 2};
    static const int32_t label[4] = {0, 0, 0, 0};
    double p[4], accuracy = 0;
    sd_scores s;
    sd_trainer *trainer;
    sd_model *model = make_model(context, linear, &entropy, SD_SHAPE(1), 1, 0, SD_F64);
    memcpy(sd_model_theta(model), (double[]){1, 0}, 16);
    sd_data data = {.train = make_set((sd_memory){
                        .samples = 4, .shape = SD_SHAPE(1), .dtype = SD_F64, .input = x, .labels = label, .classes = 1})};
    ok(sd_evaluate(model, data.train, NULL, 0, &s));
    assert_true(s.accuracy == 1 && s.loss == 0 && s.confusion[0] == 4);
    sd_scores_clear(&s);
    assert_int_equal(sd_predict_columns(model, true), 1);
    ok(sd_predict(model, data.train, NULL, true, p));
    assert_true(p[0] == 1 && p[3] == 1);
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_SGD), .batch = 4};
    ok(sd_trainer_new(model, &data, &options, &trainer));
    ok(sd_trainer_train(trainer, note_accuracy, &accuracy));
    assert_true(accuracy == 1);
    sd_trainer_free(trainer);
    sd_model_free(model);
    sd_data_close(&data);
}

static void data_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const double x[4] = {1, 2, 3, 6};
    static const int32_t label[4] = {0, 1, 2, 3};
    sd_scores s;
    sd_model *model = make_model(context, linear, &entropy, SD_SHAPE(1), 3, 0, SD_F64);
    sd_dataset *four = make_set((sd_memory){.samples = 4, .shape = SD_SHAPE(1), .dtype = SD_F64, .input = x, .labels = label});
    assert_int_equal(sd_evaluate(model, four, NULL, 0, &s), SD_ESHAPE);
    says("has 4 classes, but the model was made for 3");
    sd_dataset *wide = make_set((sd_memory){.samples = 2, .shape = SD_SHAPE(2), .dtype = SD_F64, .input = x});
    assert_int_equal(sd_evaluate(model, wide, NULL, 0, &s), SD_ESHAPE);
    says("have shape [2], but the model takes [1]");
    sd_data data = {.train = four};
    sd_trainer *trainer;
    sd_train_options options = {0};
    assert_int_equal(sd_trainer_new(model, &data, &options, &trainer), SD_ESHAPE);
    assert_null(trainer);
    options.batch = -1;
    assert_int_equal(sd_trainer_new(model, &data, &options, &trainer), SD_EINVAL);
    sd_dataset_free(four);
    sd_dataset_free(wide);
    sd_model_free(model);
}

/* ---- bits -------------------------------------------------------------------------------------------------------------- */

static sd_built convolutional(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_conv(b, b->input, (sd_conv_spec){.filters = 6, .kernel = {3, 3}, .padding = SD_PAD_SAME});
    h = sd_layer_batch_norm(b, h, (sd_norm_spec){0});
    h = sd_layer_activation(b, h, SD_RELU, 0, NULL);
    h = sd_layer_maxpool(b, h, (sd_pool_spec){.size = {2, 2}});
    h = sd_layer_dropout(b, sd_layer_flatten(b, h, NULL), 0.3, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = b->classes}), (sd_loss_spec){SD_CROSS_ENTROPY, 0.1});
}

enum { IMAGES = 160, SIDE = 10 };

/* Trains 200 steps of a network with convolution, batch norm and dropout; the hash of what comes out. */
static uint64_t train_images(int threads, bool no_prefetch, int debug)
{
    static uint8_t image[IMAGES][SIDE][SIDE];
    static int32_t label[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        label[i] = i % 4;
        for (int j = 0; j < SIDE * SIDE; j++)
            image[i][j / SIDE][j % SIDE] = (uint8_t)(40 * (i % 4) + (i * 37 + j * 101) % 90);
    }
    sd_context *c;
    sd_context_options how = {.threads = threads, .debug = debug};
    ok(sd_context_new(&how, &c));
    sd_model *model = make_model(c, convolutional, NULL, SD_SHAPE(SIDE, SIDE, 1), 4, 0, SD_F32);
    sd_data data = {0};
    sd_dataset *set = make_set(
        (sd_memory){.samples = IMAGES, .shape = SD_SHAPE(SIDE, SIDE, 1), .dtype = SD_U8, .input = image, .labels = label});
    sd_data_options source = {.custom = set, .validation = 0.1, .seed = 3, .normalize = SD_NORMALIZE_STANDARD};
    ok(sd_data_open(&source, NULL, &data));
    sd_train_options options = {
        .optimizer = sd_optimizer_default(SD_ADAMW), .steps = 200, .batch = 16, .seed = 3, .no_prefetch = no_prefetch};
    sd_trainer *trainer;
    ok(sd_trainer_new(model, &data, &options, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_int_equal(sd_trainer_progress(trainer).step, 200);
    uint64_t hash = sd_model_hash(model);
    sd_trainer_free(trainer);
    sd_model_free(model);
    sd_data_close(&data);
    sd_dataset_free(set);
    sd_context_free(c);
    return hash;
}

static void weights_do_not_depend_on_threads_prefetch_or_debugging(void **state)
{
    (void)state;
    uint64_t hash = train_images(1, true, 0);
    for (int threads = 2; threads <= 4; threads++)
        assert_true(train_images(threads, threads == 3, 0) == hash);
    assert_true(train_images(2, false, 5) == hash);
}

/* ---- runs from a file, interrupted and resumed ------------------------------------------------------------------------- */

static uint64_t run_straight(const char *folder)
{
    sd_trainer *trainer;
    sd_run_options options = {.folder = folder};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_non_null(sd_trainer_test(trainer));
    uint64_t hash = sd_model_hash(sd_trainer_model(trainer));
    sd_trainer_free(trainer);
    return hash;
}

/* Stopped after every `each` reports, freed, and made anew from its folder, until it is done. */
static uint64_t run_in_pieces(const char *folder, int each)
{
    sd_trainer *trainer;
    sd_run_options options = {.folder = folder};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    for (int piece = 0; piece < 100; piece++) {
        int left = each;
        sd_status status = sd_trainer_train(trainer, stop_at, &left);
        uint64_t hash = sd_model_hash(sd_trainer_model(trainer));
        sd_trainer_free(trainer);
        if (status == SD_OK)
            return hash;
        assert_int_equal(status, SD_ECANCELLED);
        ok(sd_trainer_resume(context, folder, NULL, &trainer));
    }
    fail_msg("the run does not come to an end");
    return 0;
}

static void a_run_in_pieces_equals_one_that_was_never_interrupted(void **state)
{
    (void)state;
    write_flowers();
    uint64_t hash = run_straight(in("whole"));
    char *expected = metrics(in("whole")), name[32];
    for (int each = 1; each <= 31; each += 3) {
        snprintf(name, sizeof name, "pieces-%d", each);
        uint64_t other = run_in_pieces(in(name), each);
        char *lines = metrics(in(name));
        assert_true(other == hash);
        assert_string_equal(lines, expected);
        free(lines);
    }
    free(expected);
}

/* What a process that was killed leaves: files that went on growing after the last checkpoint. */
static void what_was_written_after_the_checkpoint_is_cut_off(void **state)
{
    (void)state;
    write_flowers();
    uint64_t hash = run_straight(in("unbroken"));
    sd_trainer *trainer;
    sd_run_options options = {.folder = in("killed")};
    int left = 13;
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    assert_int_equal(sd_trainer_train(trainer, stop_at, &left), SD_ECANCELLED);
    sd_trainer_free(trainer);
    FILE *file = fopen(in("killed/metrics.jsonl"), "a");
    fputs("{\"event\":\"step\",\"st", file);
    fclose(file);
    file = fopen(in("killed/events.out.tfevents.sonde"), "a");
    fputs("garbage", file);
    fclose(file);
    ok(sd_trainer_resume(context, in("killed"), NULL, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_true(sd_model_hash(sd_trainer_model(trainer)) == hash);
    sd_trainer_free(trainer);
    char *a = metrics(in("killed")), *b = metrics(in("unbroken"));
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void a_complete_run_may_get_more_epochs(void **state)
{
    (void)state;
    write_flowers();
    run_straight(in("more"));
    sd_trainer *trainer;
    ok(sd_trainer_resume(context, in("more"), NULL, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_int_equal(sd_trainer_progress(trainer).step, 40);
    sd_trainer_free(trainer);
    const char *set = "train.epochs=6";
    sd_run_options options = {.set = &set, .sets = 1};
    ok(sd_trainer_resume(context, in("more"), &options, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_int_equal(sd_trainer_progress(trainer).step, 60);
    sd_trainer_free(trainer);
    ok(sd_trainer_resume(context, in("more"), NULL, &trainer)); /* what was changed is in config.yaml now */
    assert_int_equal(sd_trainer_progress(trainer).steps, 60);
    sd_trainer_free(trainer);
}

static void resume_refuses_what_has_changed(void **state)
{
    (void)state;
    sd_trainer *trainer;
    write_flowers();
    run_straight(in("changed"));
    char *config = get(in("changed/config.yaml")), *last = NULL, *flowers = get(in("flowers.csv"));
    size_t bytes;

    ok(sd__file_read(in("changed/checkpoints/last.safetensors"), 1 << 24, &last, &bytes));
    for (size_t at = 300; at < bytes; at += bytes / 7) {
        last[at] ^= 1;
        ok(sd__file_write_atomic(in("changed/checkpoints/last.safetensors"), last, bytes));
        assert_int_equal(sd_trainer_resume(context, in("changed"), NULL, &trainer), SD_EFORMAT);
        says("last.safetensors");
        last[at] ^= 1;
    }
    last[40] ^= 1; /* inside the mark itself: the file no longer says that it has a checksum */
    ok(sd__file_write_atomic(in("changed/checkpoints/last.safetensors"), last, bytes));
    assert_int_equal(sd_trainer_resume(context, in("changed"), NULL, &trainer), SD_EFORMAT);
    last[40] ^= 1;
    ok(sd__file_write_atomic(in("changed/checkpoints/last.safetensors"), last, bytes));

    char *rate = strstr(config, "0.01");
    assert_non_null(rate);
    rate[3] = '2';
    put(in("changed/config.yaml"), config);
    assert_int_equal(sd_trainer_resume(context, in("changed"), NULL, &trainer), SD_EFORMAT);
    says("config.yaml was changed");
    rate[3] = '1';
    put(in("changed/config.yaml"), config);

    flowers[9] = flowers[9] == '1' ? '2' : '1';
    put(in("flowers.csv"), flowers);
    assert_int_equal(sd_trainer_resume(context, in("changed"), NULL, &trainer), SD_EFORMAT);
    says("has changed since the run began");
    assert_int_equal(sd_trainer_resume(context, in("nothing"), NULL, &trainer), SD_ENOTFOUND);
    free(config);
    free(flowers);
    free(last);
}

static void a_folder_in_use_is_refused(void **state)
{
    (void)state;
    sd_trainer *one, *two;
    write_flowers();
    sd_run_options options = {.folder = in("busy")};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &one));
    assert_int_equal(sd_trainer_resume(context, in("busy"), NULL, &two), SD_EBUSY);
    says("another process is using this folder");
    assert_int_equal(sd_trainer_from_file(context, in("flowers.yaml"), &options, &two), SD_EINVAL);
    says("holds a run already");
    sd_trainer_free(one);
    ok(sd_trainer_resume(context, in("busy"), NULL, &two)); /* nothing was trained: it starts from the beginning */
    ok(sd_trainer_train(two, NULL, NULL));
    sd_trainer_free(two);
}

/* The limit on the size of files stands for a full disk: write() fails in the middle of a checkpoint. */
static void a_full_disk_leaves_the_previous_checkpoint(void **state)
{
    (void)state;
    sd_trainer *trainer;
    write_flowers();
    sd_run_options options = {.folder = in("full")};
    int left = 6;
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    assert_int_equal(sd_trainer_train(trainer, stop_at, &left), SD_ECANCELLED);
    struct rlimit before, small = {.rlim_cur = 2000, .rlim_max = RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    sd_status status = sd_trainer_train(trainer, NULL, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, SD_EIO);
    says("last.safetensors");
    sd_trainer_free(trainer);
    assert_false(sd__file_exists(in("full/checkpoints/last.safetensors.tmp")));
    ok(sd_trainer_resume(context, in("full"), NULL, &trainer));
    assert_int_equal(sd_trainer_progress(trainer).step, 6);
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_true(sd_model_hash(sd_trainer_model(trainer)) == run_straight(in("roomy")));
    sd_trainer_free(trainer);
}

static void a_run_can_be_opened_and_used(void **state)
{
    (void)state;
    sd_trained trained;
    write_flowers();
    uint64_t hash = run_straight(in("used"));
    ok(sd_trained_open(context, in("used"), &trained));
    assert_true(sd_model_hash(trained.model) == hash);
    assert_true(trained.classes == 3 && trained.normalization.n == 2 && !trained.selected_on_test);
    assert_string_equal(trained.class_names[0], "iris");
    sd_trained_close(&trained);
    ok(sd_trained_open(context, in("used/checkpoints/last.safetensors"), &trained));
    assert_int_equal(trained.step, 40);
    sd_trained_close(&trained);
    assert_int_equal(sd_trained_open(context, in("unknown"), &trained), SD_ENOTFOUND);
}

/* ---- selection --------------------------------------------------------------------------------------------------------- */

typedef struct history {
    int steps, epochs, ends;
    double best, last;
    bool claimed[64]; /* by epoch: reported as best */
    double loss[64];
} history;

static bool note_history(void *user, const sd_progress *p)
{
    history *h = user;
    h->steps += p->kind == SD_PROGRESS_STEP;
    h->ends += p->kind == SD_PROGRESS_END;
    if (p->kind == SD_PROGRESS_EPOCH) {
        assert_int_equal(p->epoch, ++h->epochs);
        h->claimed[h->epochs] = p->best;
        h->loss[h->epochs] = p->validation->loss;
    }
    return true;
}

/*
 * Labels are chance, so what is learnt does not help on the validation part: it stops, and gives the best epoch's weights back.
 */
static void training_stops_early_and_keeps_the_best(void **state)
{
    (void)state;
    sd_trainer *trainer;
    sd_string csv = {0};
    sd_random random = sd__random(3, 3);
    sd__string_add(&csv, "a,b,c,d,y\n");
    for (int i = 0; i < 120; i++)
        sd__string_add(&csv, "%.3f,%.3f,%.3f,%.3f,%d\n", sd__random_normal(&random), sd__random_normal(&random),
                       sd__random_normal(&random), sd__random_normal(&random), (int)sd__random_below(&random, 2));
    put(in("chance.csv"), csv.text);
    free(csv.text);
    put(in("chance.yaml"), "data: {csv: {train: chance.csv, label: y}, batch: 10, validation: 40}\n"
                           "model: {layers: [dense: 64, relu, dense: classes]}\n"
                           "optimizer: {adam: {lr: 0.02}}\n"
                           "train: {epochs: 50, early_stopping: {patience: 3}}\n");
    sd_run_options options = {.no_folder = true};
    history h = {0};
    ok(sd_trainer_from_file(context, in("chance.yaml"), &options, &trainer));
    ok(sd_trainer_train(trainer, note_history, &h));
    assert_true(h.epochs < 50 && h.ends == 1 && h.steps == 8 * h.epochs);
    int best = 1;
    for (int e = 1; e <= h.epochs; e++) {
        assert_true(h.claimed[e] == (e == 1 || h.loss[e] < h.loss[best]));
        best = h.claimed[e] ? e : best;
    }
    assert_int_equal(h.epochs, best + 3);
    const char *note = sd_trainer_progress(trainer).note;
    assert_non_null(note);
    assert_non_null(strstr(note, "early stopping: validation loss has not improved for 3 epochs"));
    sd_scores s;
    const sd_data *data = sd_trainer_data(trainer);
    ok(sd_evaluate(sd_trainer_model(trainer), data->validation, &data->normalization, 0, &s));
    assert_true(s.loss == h.loss[best]);
    sd_scores_clear(&s);
    sd_trainer_free(trainer);
}

static void selection_on_the_test_part_is_said(void **state)
{
    (void)state;
    sd_trainer *trainer;
    sd_trained trained;
    write_flowers();
    const char *set = "data.validation=test";
    sd_run_options options = {.folder = in("onto"), .set = &set, .sets = 1};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    assert_true(sd_trainer_selected_on_test(trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);
    ok(sd_trained_open(context, in("onto"), &trained));
    assert_true(trained.selected_on_test);
    sd_trained_close(&trained);
    char *lines = metrics(in("onto"));
    assert_non_null(strstr(lines, "\"selected_on_test\""));
    free(lines);
}

/* ---- starting from other weights --------------------------------------------------------------------------------------- */

static void layers_can_be_taken_over_and_frozen(void **state)
{
    (void)state;
    sd_trainer *trainer;
    sd_tensors *from, *to;
    char init[200];
    write_flowers();
    run_straight(in("source"));
    snprintf(init, sizeof init, "init={from: %s, layers: [first]}", in("source"));
    const char *sets[] = {init, "freeze=[first]", "train.seed=9", "train.epochs=1"};
    sd_run_options options = {.folder = in("tuned"), .set = sets, .sets = 4};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);
    ok(sd_tensors_load(in("source/checkpoints/best.safetensors"), &from));
    ok(sd_tensors_load(in("tuned/checkpoints/last.safetensors"), &to));
    const sd_tensor *a = sd_tensors_find(from, "first/weight"), *b = sd_tensors_find(to, "first/weight");
    assert_memory_equal(a->data, b->data, 2 * 12 * sizeof(float));
    a = sd_tensors_find(from, "last/weight");
    b = sd_tensors_find(to, "last/weight");
    assert_memory_not_equal(a->data, b->data, 12 * 3 * sizeof(float));
    sd_tensors_free(from);
    sd_tensors_free(to);
    assert_int_equal(rename(in("source"), in("elsewhere")), 0); /* a run that has begun does not need its source any more */
    ok(sd_trainer_resume(context, in("tuned"), NULL, &trainer));
    sd_trainer_free(trainer);
}

static void weights_that_do_not_fit_change_nothing(void **state)
{
    (void)state;
    sd_model *three = make_model(context, linear, &entropy, SD_SHAPE(4), 3, 0, SD_F32),
             *five = make_model(context, linear, &entropy, SD_SHAPE(4), 5, 0, SD_F32),
             *wide = make_model(context, linear, &entropy, SD_SHAPE(4), 3, 0, SD_F64);
    ok(sd_model_save(three, in("three.safetensors"), NULL));
    uint64_t before = sd_model_hash(five);
    assert_int_equal(sd_model_load(five, in("three.safetensors"), 0, NULL, NULL), SD_ESHAPE);
    says("'dense1/weight' is [4,3], but the model's is [4,5]");
    const char *missing = "dense2";
    assert_int_equal(sd_model_load(five, in("three.safetensors"), 1, &missing, NULL), SD_ENOTFOUND);
    says("dense2");
    assert_true(sd_model_hash(five) == before);
    ok(sd_model_load(wide, in("three.safetensors"), 0, NULL, NULL)); /* f32 in the file, f64 in the model */
    for (int i = 0; i < 15; i++)
        assert_true(((double *)sd_model_theta(wide))[i] == (double)((float *)sd_model_theta(three))[i]);
    sd_model_free(three);
    sd_model_free(five);
    sd_model_free(wide);
}

/* ---- numbers that are not finite --------------------------------------------------------------------------------------- */

typedef struct watch {
    sd_trainer *trainer;
    uint64_t hash;
    int64_t step;
} watch;

static bool note_hash(void *user, const sd_progress *p)
{
    watch *w = user;
    w->hash = sd_model_hash(sd_trainer_model(w->trainer));
    w->step = p->step;
    return true;
}

/* Sample 17 is so large that its square overflows. The step that meets it is not taken, and nothing remains of it. */
static void a_step_that_is_not_finite_leaves_no_trace(void **state)
{
    (void)state;
    static float x[64][2];
    static float y[64];
    for (int i = 0; i < 64; i++) {
        x[i][0] = (float)(i % 8) / 8;
        x[i][1] = i == 17 ? 1e30f : 0.5f;
        y[i] = 0.25f;
    }
    ok(sd__make_folders(in("overflow")));
    sd_model *model = make_model(context, linear, &mse, SD_SHAPE(2), 0, 1, SD_F32);
    sd_data data = {.train =
                        make_set((sd_memory){.samples = 64, .shape = SD_SHAPE(2), .input = x, .targets = y, .n_targets = 1})};
    sd_train_options options = {
        .optimizer = sd_optimizer_default(SD_ADAM), .epochs = 3, .batch = 4, .seed = 2, .folder = in("overflow")};
    watch w = {0};
    ok(sd_trainer_new(model, &data, &options, &w.trainer));
    w.hash = sd_model_hash(model);
    assert_int_equal(sd_trainer_train(w.trainer, note_hash, &w), SD_ENONFINITE);
    assert_true(sd_model_hash(model) == w.hash);
    assert_int_equal(sd_trainer_progress(w.trainer).step, w.step);
    says("samples 17;");
    says("loss");
    says("sonde replay");
    assert_true(w.step < 16);
    char *first = strdup(sd_error());
    assert_int_equal(sd_trainer_train(w.trainer, NULL, NULL), SD_ENONFINITE); /* and again it meets the same batch */
    assert_string_equal(sd_error(), first);
    free(first);
    sd_tensors *state_file, *batch;
    ok(sd_tensors_load(in("overflow/blackbox/state.safetensors"), &state_file));
    assert_memory_equal(sd_tensors_find(state_file, "dense1/weight")->data, sd_model_theta(model), 8);
    ok(sd_tensors_load(in("overflow/blackbox/batch.safetensors"), &batch));
    const int32_t *ids = sd_tensors_find(batch, "ids")->data;
    assert_true(ids[0] == 17 || ids[1] == 17 || ids[2] == 17 || ids[3] == 17);
    sd_tensors_free(state_file);
    sd_tensors_free(batch);
    sd_trainer_free(w.trainer);
    sd_model_free(model);
    sd_data_close(&data);
}

/* The layer is named, not only the loss that comes after it; and the replay from files says the same. */
static void the_black_box_names_the_layer(void **state)
{
    (void)state;
    sd_trainer *trainer;
    put(in("huge.csv"), "a,y\n1,1\n2,0\n3,1\n1e30,0\n");
    put(in("huge.yaml"), "data: {csv: {train: huge.csv, targets: y}, batch: 4, validation: 0, normalize: none}\n"
                         "model: {layers: [dense: {units: 3, name: near, init: {constant: 1e5}}, "
                         "dense: {units: 1, name: far, init: {constant: 1e5}}]}\n"
                         "train: {epochs: 1}\n");
    sd_run_options options = {.folder = in("boxed")};
    ok(sd_trainer_from_file(context, in("huge.yaml"), &options, &trainer));
    assert_int_equal(sd_trainer_train(trainer, NULL, NULL), SD_ENONFINITE);
    says("far: dense made a value that is not finite");
    says("samples 3;");
    sd_trainer_free(trainer);
    int64_t step;
    int samples;
    assert_int_equal(sd__replay(context, in("boxed"), &step, &samples), SD_ENONFINITE);
    says("far: dense made a value that is not finite");
    assert_true(step == 0 && samples == 4);
    assert_int_equal(sd__replay(context, in("nowhere"), &step, &samples), SD_ENOTFOUND);
}

/* ---- what a file may say ----------------------------------------------------------------------------------------------- */

static void wrong(const char *yaml, const char *words)
{
    sd_trainer *trainer = NULL;
    sd_run_options options = {.no_folder = true};
    put(in("wrong.yaml"), yaml);
    sd_status status = sd_trainer_from_file(context, in("wrong.yaml"), &options, &trainer);
    assert_int_not_equal(status, SD_OK);
    assert_null(trainer);
    says(words);
    says("wrong.yaml:");
}

static void mistakes_in_a_file_are_named(void **state)
{
    (void)state;
    write_flowers();
#define DATA "data: {csv: {train: flowers.csv, label: kind}}\n"
#define MODEL "model: {layers: [dense: classes]}\n"
    wrong(MODEL, "no key `data`");
    wrong(DATA MODEL "trian: {epochs: 3}\n", "train");
    wrong(DATA MODEL "train: {epoch: 3}\n", "epochs");
    wrong(DATA MODEL "train: {epochs: many}\n", "whole number");
    wrong(DATA MODEL "train: {monitor: looks}\n", "loss");
    wrong("data: {csv: {train: flowers.csv}}\n" MODEL, "label: COLUMN");
    wrong("data: {csv: {train: no-such.csv, label: kind}}\n" MODEL, "no file no-such.csv");
    wrong("data: {csv: {train: flowers.csv, label: kidn}}\n" MODEL, "kind");
    wrong("data: {name: mnist, csv: {train: flowers.csv, label: kind}}\n" MODEL, "more than one source");
    wrong("data: {validation: some, csv: {train: flowers.csv, label: kind}}\n" MODEL, "validation is a fraction");
    wrong("data: {validation: 0, csv: {train: flowers.csv, label: kind}}\n" MODEL "train: {early_stopping: 3}\n",
          "needs a validation part");
    wrong("data: {name: mnits}\n" MODEL, "mnist");
    wrong(DATA MODEL "init: {from: nowhere.safetensors}\n", "nowhere.safetensors");
#undef DATA
#undef MODEL
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_follows_its_recurrence),
        cmocka_unit_test(scores_are_those_counted_by_hand),
        cmocka_unit_test(of_a_single_class_every_answer_is_right),
        cmocka_unit_test(data_that_does_not_fit_is_refused),
        cmocka_unit_test(weights_do_not_depend_on_threads_prefetch_or_debugging),
        cmocka_unit_test(a_run_in_pieces_equals_one_that_was_never_interrupted),
        cmocka_unit_test(what_was_written_after_the_checkpoint_is_cut_off),
        cmocka_unit_test(a_complete_run_may_get_more_epochs),
        cmocka_unit_test(resume_refuses_what_has_changed),
        cmocka_unit_test(a_folder_in_use_is_refused),
        cmocka_unit_test(a_full_disk_leaves_the_previous_checkpoint),
        cmocka_unit_test(a_run_can_be_opened_and_used),
        cmocka_unit_test(training_stops_early_and_keeps_the_best),
        cmocka_unit_test(selection_on_the_test_part_is_said),
        cmocka_unit_test(layers_can_be_taken_over_and_frozen),
        cmocka_unit_test(weights_that_do_not_fit_change_nothing),
        cmocka_unit_test(a_step_that_is_not_finite_leaves_no_trace),
        cmocka_unit_test(the_black_box_names_the_layer),
        cmocka_unit_test(mistakes_in_a_file_are_named),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
