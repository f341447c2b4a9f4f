/*
 * test_train_observe.c -- observers in the trainer: they see what was committed, change no bit of the run, and what they say is
 * written exactly once, however often the run is interrupted.
 */
#include "runs.h"

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <sonde/probe.h>

#include "base/pool.h"
#include "probe/overview.h"
#include "train/trainer.h"

/* ---- a network with everything that has a state ------------------------------------------------------------------------ */

enum { IMAGES = 160, SIDE = 8, STEPS = 200 };

static sd_built convolutional(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_conv(b, b->input, (sd_conv_spec){.filters = 5, .kernel = {3, 3}, .padding = SD_PAD_SAME});
    h = sd_layer_batch_norm(b, h, (sd_norm_spec){0});
    h = sd_layer_activation(b, h, SD_RELU, 0, NULL);
    h = sd_layer_maxpool(b, h, (sd_pool_spec){.size = {2, 2}});
    h = sd_layer_dropout(b, sd_layer_flatten(b, h, NULL), 0.3, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = b->classes}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

typedef struct fixture {
    sd_model *model;
    sd_data data;
    sd_trainer *trainer;
} fixture;

static fixture fixture_new(int64_t steps)
{
    static uint8_t image[IMAGES][SIDE * SIDE];
    static int32_t label[IMAGES];
    fixture f = {0};
    for (int i = 0; i < IMAGES; i++) {
        label[i] = i % 4;
        for (int j = 0; j < SIDE * SIDE; j++)
            image[i][j] = (uint8_t)(40 * (i % 4) + (i * 37 + j * 101) % 90);
    }
    sd_model_spec spec = {.build = convolutional, .input = SD_SHAPE(SIDE, SIDE, 1), .classes = 4, .seed = 1};
    sd_memory memory = {.samples = IMAGES, .shape = spec.input, .dtype = SD_U8, .input = image, .labels = label};
    sd_dataset *set;
    ok(sd_model_new(context, &spec, &f.model));
    ok(sd_dataset_from_memory(&memory, &set));
    ok(sd_data_open(&(sd_data_options){.custom = set, .validation = 0.1, .seed = 3, .normalize = SD_NORMALIZE_STANDARD}, NULL,
                    &f.data));
    sd_dataset_free(set);
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_ADAMW), .steps = steps, .batch = 16, .seed = 3};
    ok(sd_trainer_new(f.model, &f.data, &options, &f.trainer));
    return f;
}

static void fixture_free(fixture *f)
{
    sd_trainer_free(f->trainer);
    sd_model_free(f->model);
    sd_data_close(&f->data);
}

/* Weights, states and both moments. The best epoch's weights are the model's at the end, so moments say what came after it. */
static uint64_t everything(const fixture *f)
{
    uint64_t hash = sd_model_hash(f->model);
    size_t bytes = (size_t)sd_model_params(f->model).length * sd_dtype_size(sd_model_dtype(f->model));
    assert_int_equal(sd_optimizer_vectors(f->trainer->optimizer), 2);
    for (int i = 0; i < 2; i++)
        hash = sd__hash(hash, sd_optimizer_vector(f->trainer->optimizer, i), bytes);
    return hash;
}

/* ---- an observer that does all that is allowed, and then some ---------------------------------------------------------- */

enum { LOOKED_AT = 24 };

static void run_the_model(const sd_observation *seen, sd_mode mode)
{
    static float x[LOOKED_AT * SIDE * SIDE], output[LOOKED_AT * 4];
    static int32_t label[LOOKED_AT], position[LOOKED_AT];
    int batch = seen->options->batch; /* and the trainer's results: programs must not be taken for each other */
    double loss;
    void *grad = sd_model_vector(seen->model);
    for (int i = 0; i < batch; i++)
        position[i] = i;
    ok(sd_dataset_read(seen->data->train, batch, position, SD_F32, &seen->data->normalization, x, label, NULL));
    ok(sd_model_run(
        seen->model, mode, batch,
        &(sd_model_io){.x = x, .y = label, .step = 7, .loss = &loss, .output = output, .grad = grad, .next_state = true}));
    free(grad);
}

static void multiply_by_the_hessian(const sd_observation *seen, bool training)
{
    sd_curvature *c;
    sd_subject subject = {.model = seen->model,
                          .data = seen->data->train,
                          .normalization = &seen->data->normalization,
                          .samples = LOOKED_AT,
                          .batch = 10,
                          .training = training};
    ok(sd_curvature_new(&subject, SD_HESSIAN, NULL, &c));
    double *v = calloc((size_t)sd_curvature_size(c) * 2, sizeof *v);
    v[3] = 1;
    ok(sd_curvature_product(c, v, v + sd_curvature_size(c)));
    free(v);
    sd_curvature_free(c);
}

static void measure_the_signal(const sd_observation *seen, bool training)
{
    sd_signal_report r;
    sd_subject subject = {.model = seen->model,
                          .data = seen->data->train,
                          .normalization = &seen->data->normalization,
                          .samples = LOOKED_AT,
                          .batch = 10,
                          .training = training};
    ok(sd_probe_signal(&subject, NULL, &r));
    sd_signal_report_clear(&r);
}

/* Leaves the thread rounding upwards, and small numbers flushed to zero. */
static sd_status do_everything(void *user, const sd_observation *seen)
{
    sd_scores scores;
    ++*(int *)user;
    assert_true(seen->options->batch <= LOOKED_AT);
    for (int mode = SD_EVAL; mode >= SD_TRAIN; mode--) {
        run_the_model(seen, (sd_mode)mode);
        multiply_by_the_hessian(seen, mode == SD_TRAIN);
        measure_the_signal(seen, mode == SD_TRAIN);
    }
    ok(sd_evaluate(seen->model, seen->data->validation, &seen->data->normalization, 0, &scores));
    ok(sd_observation_add(seen, "loss", scores.loss));
    sd_scores_clear(&scores);
    assert_int_equal(fesetround(FE_UPWARD), 0);
    sd__fp_enter();
    fesetround(FE_UPWARD);
    return SD_OK;
}

static void observing_changes_no_bit_of_the_run(void **state)
{
    (void)state;
    int looks = 0;
    fixture plain = fixture_new(STEPS), observed = fixture_new(STEPS);
    ok(sd_trainer_observe(observed.trainer, &(sd_observer){"all", 10, do_everything, &looks, NULL}));
    ok(sd_trainer_train(plain.trainer, NULL, NULL));
    ok(sd_trainer_train(observed.trainer, NULL, NULL));
    assert_int_equal(fegetround(), FE_TONEAREST);
    assert_int_equal(looks, STEPS / 10 + 1);
    assert_true(everything(&plain) == everything(&observed));
    fixture_free(&plain);
    fixture_free(&observed);
}

/* ---- every instrument at work on the model under training --------------------------------------------------------------- */

/* What `sonde why` opens of a run, made of what an observer sees instead: the model itself, not a copy of its weights. */
static void examine_live(const sd_observation *seen, bool training, sd_examination *e)
{
    *e = (sd_examination){.trained = {.model = seen->model, .epoch = seen->epoch, .step = seen->step},
                          .data = *seen->data,
                          .part = "train",
                          .optimizer = seen->options->optimizer,
                          .effort = SD_EFFORT_QUICK,
                          .seed = (uint64_t)seen->step};
    e->run = (sd_subject){.model = seen->model,
                          .data = seen->data->train,
                          .normalization = &seen->data->normalization,
                          .samples = LOOKED_AT,
                          .batch = seen->options->batch,
                          .training = training};
    ok(sd_untrained(seen->model, &e->theta, &e->state));
    e->untrained = e->run;
    e->untrained.theta = e->theta;
    e->untrained.state = e->state;
}

/* Some instruments refuse train mode; in eval mode all of them apply to this network. */
static int examine_with_all(sd_examination *e, json_t *sections)
{
    int n, measured = 0;
    const sd_instrument *const *instrument = sd__instruments(&n);
    for (int i = 0; i < n; i++) {
        json_t *section;
        e->instrument = instrument[i];
        sd_status status = sd__examine(e, &section);
        if (status != SD_EINVAL || !e->run.training)
            ok(status);
        if (status == SD_OK)
            json_array_append_new(sections, section);
        measured += status == SD_OK;
    }
    return measured;
}

static void track_with_all(const sd_examination *e)
{
    int n;
    const sd_instrument *const *instrument = sd__instruments(&n);
    sd_scalars *scalars = calloc(1, sizeof *scalars);
    for (int i = 0; i < n; i++)
        if (instrument[i]->track)
            ok(instrument[i]->track(&e->run, scalars));
    assert_true(scalars->n > 1);
    free(scalars);
}

static void write_page_one(const sd_examination *e, const json_t *sections)
{
    sd_section page_one, folded;
    ok(sd__section_begin(&page_one));
    ok(sd__section_begin(&folded));
    ok(sd__overview(e, sections, &page_one, &folded));
    assert_non_null(json_object_get(page_one.found, "overview"));
    sd__section_clear(&page_one);
    sd__section_clear(&folded);
}

static sd_status explain(void *user, const sd_observation *seen)
{
    for (int training = 0; training < 2; training++) {
        sd_examination e;
        json_t *sections = json_array();
        examine_live(seen, training, &e);
        *(int *)user += examine_with_all(&e, sections);
        track_with_all(&e);
        if (!training)
            write_page_one(&e, sections);
        json_decref(sections);
        free(e.theta);
        free(e.state);
    }
    return SD_OK;
}

/* After every step: the model, both moments, the mean loss of the epoch so far, and at its end that on the validation part. */
typedef struct course {
    const fixture *f;
    uint64_t everything[STEPS + 1];
    double loss[STEPS + 1], validation[STEPS + 1];
} course;

static bool note_course(void *user, const sd_progress *progress)
{
    course *c = user;
    if (progress->kind == SD_PROGRESS_STEP) {
        c->everything[progress->step] = everything(c->f);
        c->loss[progress->step] = progress->loss;
    }
    if (progress->validation)
        c->validation[progress->step] = progress->validation->loss;
    return true;
}

/* Dropout draws by step and sample, so that no stream has a position but the order of samples; of that the losses tell. */
static void no_instrument_changes_a_bit_of_the_run(void **state)
{
    (void)state;
    int instruments, measured = 0;
    static course plain, explained;
    fixture f = fixture_new(STEPS), g = fixture_new(STEPS);
    plain.f = &f;
    explained.f = &g;
    ok(sd_trainer_observe(g.trainer, &(sd_observer){"why", 10, explain, &measured, NULL}));
    ok(sd_trainer_train(f.trainer, note_course, &plain));
    ok(sd_trainer_train(g.trainer, note_course, &explained));
    sd__instruments(&instruments);
    assert_true(measured >= (STEPS / 10 + 1) * (instruments + 2)); /* signal and curvature in train mode, too */
    for (int step = 1; step <= STEPS; step++)
        if (plain.everything[step] != explained.everything[step] || plain.loss[step] != explained.loss[step] ||
            plain.validation[step] != explained.validation[step])
            fail_msg("step %d: the run is another where instruments look on", step);
    assert_true(plain.everything[STEPS] != plain.everything[STEPS - 1] && plain.validation[9] != plain.validation[18]);
    fixture_free(&f);
    fixture_free(&g);
}

/* ---- what is seen ------------------------------------------------------------------------------------------------------ */

typedef struct history {
    int n;
    int64_t step[32], epoch[32];
    double lr[32];
    uint64_t hash[32];
} history;

static sd_status remember(void *user, const sd_observation *seen)
{
    history *h = user;
    assert_true(h->n < 32);
    h->step[h->n] = seen->step;
    h->epoch[h->n] = seen->epoch;
    h->lr[h->n] = seen->lr;
    h->hash[h->n++] = sd_model_hash(seen->model);
    return SD_OK;
}

static bool note_hash(void *user, const sd_progress *progress)
{
    uint64_t *hash = user;
    const fixture *f = (const fixture *)(void *)hash[0];
    if (progress->kind == SD_PROGRESS_STEP)
        hash[1 + progress->step] = sd_model_hash(f->model);
    return true;
}

/*
 * At step k: the weights and states after k steps, as another run of the same seed reports them; at step 0 the untrained ones.
 */
static void an_observer_sees_what_was_committed(void **state)
{
    (void)state;
    history h = {0};
    uint64_t reported[22];
    fixture plain = fixture_new(20), observed = fixture_new(20);
    reported[0] = (uint64_t)(uintptr_t)&plain;
    reported[1] = sd_model_hash(plain.model);
    ok(sd_trainer_train(plain.trainer, note_hash, reported));
    ok(sd_trainer_observe(observed.trainer, &(sd_observer){"eye", 4, remember, &h, NULL}));
    ok(sd_trainer_train(observed.trainer, NULL, NULL));
    assert_int_equal(h.n, 6);
    for (int i = 0; i < h.n; i++) {
        assert_int_equal(h.step[i], 4 * i);
        assert_int_equal(h.epoch[i], 1 + (4 * i - (i > 0)) / 9); /* 144 samples, 9 steps an epoch: step 9 still belongs to it */
        assert_true(h.hash[i] == reported[1 + 4 * i]);
        assert_true(h.lr[i] == sd_optimizer_default(SD_ADAMW).lr);
    }
    fixture_free(&plain);
    fixture_free(&observed);
}

/* ---- lines ------------------------------------------------------------------------------------------------------------- */

static int count(const char *text, const char *words)
{
    int n = 0;
    for (; (text = strstr(text, words)) != NULL; text++)
        n++;
    return n;
}

/* Two numbers that follow from the weights; one is never finite. */
static sd_status weigh(void *user, const sd_observation *seen)
{
    (void)user;
    double sum = 0;
    for (int64_t i = 0; i < sd_model_params(seen->model).length; i++)
        sum += fabs((double)((const float *)sd_model_theta(seen->model))[i]);
    sd_status status = sd_observation_add(seen, NULL, sum);
    return status == SD_OK ? sd_observation_add(seen, "first/nothing", NAN) : status;
}

static sd_status twenty_numbers(void *user, const sd_observation *seen)
{
    (void)user;
    sd_status status = SD_OK;
    for (int i = 0; i < 20 && status == SD_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer%d/mean", i);
        status = sd_observation_add(seen, name, i);
    }
    return status;
}

static sd_status attach(sd_trainer *trainer)
{
    sd_status status = sd_trainer_observe(trainer, &(sd_observer){"weight", 4, weigh, NULL, NULL});
    return status == SD_OK ? sd_trainer_observe(trainer, &(sd_observer){"many", 10, twenty_numbers, NULL, NULL}) : status;
}

static char *run_straight(const char *folder)
{
    sd_trainer *trainer;
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &(sd_run_options){.folder = folder, .probes = attach}, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);
    return metrics(folder);
}

/*
 * Stopped after every `each` reports (0: before the first step, once), freed, and made anew from its folder, until it is done.
 */
static char *run_in_pieces(const char *folder, int each)
{
    sd_trainer *trainer;
    sd_status status = SD_ECANCELLED;
    sd_run_options options = {.folder = folder, .probes = attach};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    for (int piece = 0; piece < 100 && status == SD_ECANCELLED; piece++) {
        int left = each;
        if (each == 0 && piece == 0)
            sd_trainer_cancel(trainer);
        status = sd_trainer_train(trainer, each ? stop_at : NULL, &left);
        sd_trainer_free(trainer);
        trainer = NULL;
        if (status == SD_ECANCELLED)
            ok(sd_trainer_resume(context, folder, &options, &trainer));
    }
    sd_trainer_free(trainer);
    ok(status);
    return metrics(folder);
}

static void lines_are_the_same_in_a_run_in_pieces(void **state)
{
    (void)state;
    char name[32], words[64];
    write_flowers();
    char *whole = run_straight(in("whole"));
    assert_int_equal(count(whole, "\"event\":\"probe\""), 13); /* 40 steps: 0, 4, 8, 10, 12, 16, ... */
    assert_int_equal(count(whole, "\"weight\":"), 11);
    assert_int_equal(count(whole, "\"weight/first/nothing\":null"), 11);
    assert_int_equal(count(whole, "\"many/layer19/mean\":19.0"), 5);
    for (int step = 0; step <= 40; step++) {
        snprintf(words, sizeof words, "{\"event\":\"probe\",\"step\":%d,", step);
        assert_int_equal(count(whole, words), step % 4 == 0 || step % 10 == 0);
    }
    for (int each = 0; each <= 15; each++) {
        snprintf(name, sizeof name, "pieces-%d", each);
        char *pieces = run_in_pieces(in(name), each);
        assert_string_equal(pieces, whole);
        free(pieces);
    }
    free(whole);
}

/* Counts in bytes with zeros among them. */
static int count_bytes(const char *data, size_t bytes, const char *words)
{
    int n = 0;
    size_t length = strlen(words);
    for (size_t i = 0; i + length <= bytes; i++)
        n += !memcmp(data + i, words, length);
    return n;
}

static void finite_numbers_go_to_the_events_too(void **state)
{
    (void)state;
    char *data;
    size_t bytes;
    write_flowers();
    free(run_straight(in("events")));
    ok(sd__file_read(in("events/events.out.tfevents.sonde"), 1 << 24, &data, &bytes));
    assert_int_equal(count_bytes(data, bytes, "probe/weight"), 11);
    assert_int_equal(count_bytes(data, bytes, "probe/many/layer19/mean"), 5);
    free(data);
}

/* ---- failures ---------------------------------------------------------------------------------------------------------- */

static sd_status fail_once(void *user, const sd_observation *seen)
{
    int *left = user;
    if (seen->step == 12 && *left) {
        --*left;
        return sd__fail(SD_ENONFINITE, "the loss is not finite");
    }
    return sd_observation_add(seen, NULL, 1);
}

/* The step counts, what the other observer said of it is not yet written, and a further call goes on with looking. */
static void a_step_is_observed_again_after_a_failure(void **state)
{
    (void)state;
    int left = 2;
    sd_trainer *trainer;
    write_flowers();
    sd_run_options options = {.folder = in("failing"), .probes = attach};
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &options, &trainer));
    ok(sd_trainer_observe(trainer, &(sd_observer){"fragile", 1, fail_once, &left, NULL}));
    assert_int_equal(sd_trainer_train(trainer, NULL, NULL), SD_ENONFINITE);
    says("observer fragile at step 12: the loss is not finite");
    assert_int_equal(sd_trainer_progress(trainer).step, 12);
    assert_int_equal(sd_trainer_train(trainer, NULL, NULL), SD_ENONFINITE);
    ok(sd_trainer_checkpoint(trainer));
    sd_trainer_free(trainer);
    ok(sd_trainer_resume(context, in("failing"), &options, &trainer));
    ok(sd_trainer_observe(trainer, &(sd_observer){"fragile", 1, fail_once, &left, NULL}));
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);
    char *lines = metrics(in("failing"));
    assert_int_equal(count(lines, "\"weight\":"), 11);
    assert_int_equal(count(lines, "\"fragile\":"), 41);
    assert_int_equal(count(lines, "\"event\":\"probe\",\"step\":12,"), 1);
    free(lines);
}

static sd_status nudge(void *user, const sd_observation *seen)
{
    if (user)
        sd_model_commit(seen->model);
    else
        ((float *)sd_model_theta(seen->model))[0] += 1;
    return SD_OK;
}

static void an_observer_that_writes_is_refused(void **state)
{
    (void)state;
    for (int commit = 0; commit < 2; commit++) {
        fixture f = fixture_new(10);
        ok(sd_trainer_observe(f.trainer, &(sd_observer){"hand", 5, nudge, commit ? &f : NULL, NULL}));
        assert_int_equal(sd_trainer_train(f.trainer, NULL, NULL), SD_EINVAL);
        says("observer hand changed the model at step 0");
        fixture_free(&f);
    }
}

static void let_go(void *user) { ++*(int *)user; }

static void what_is_no_observer_is_refused(void **state)
{
    (void)state;
    int released = 0;
    fixture f = fixture_new(1);
    const sd_observer right = {"eye", 1, fail_once, &released, let_go};
    sd_observer wrong[] = {right, right, right, right};
    wrong[0].name = "";
    wrong[1].every = 0;
    wrong[2].observe = NULL;
    ok(sd_trainer_observe(f.trainer, &right));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sd_trainer_observe(f.trainer, &wrong[i]), SD_EINVAL);
        assert_int_equal(released, i + 1);
    }
    says("there is an observer eye already");
    fixture_free(&f);
    assert_int_equal(released, 5);
}

/* ---- the key `probes` -------------------------------------------------------------------------------------------------- */

static sd_status refuse(sd_trainer *trainer) { return sd__config_fail(trainer->probes.use, "nobody is called so"); }

static sd_status attach_wished(sd_trainer *trainer)
{
    trainer->probes_attached = true;
    assert_int_equal(trainer->probes.every, 10);
    assert_int_equal(trainer->probes.samples, 256);
    return sd_trainer_observe(trainer, &(sd_observer){"weight", trainer->probes.every, weigh, NULL, NULL});
}

static void the_key_probes_needs_somebody_who_attaches_them(void **state)
{
    (void)state;
    sd_trainer *trainer;
    write_flowers();
    sd_string yaml = {0};
    sd__string_add(&yaml, "%sprobes: {every: 10, use: [weight]}\n", flowers_yaml);
    put(in("probed.yaml"), yaml.text);
    free(yaml.text);
    ok(sd_trainer_from_file(context, in("probed.yaml"), &(sd_run_options){.no_folder = true}, &trainer));
    assert_int_equal(sd_trainer_train(trainer, NULL, NULL), SD_EINVAL);
    says("probed.yaml:12: ");
    says("sd_probes_attach()");
    ok(attach_wished(trainer)); /* later is soon enough */
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);

    sd_run_options options = {.folder = in("unwanted"), .probes = refuse};
    assert_int_equal(sd_trainer_from_file(context, in("probed.yaml"), &options, &trainer), SD_EFORMAT);
    says("probed.yaml:12: nobody is called so");
    assert_false(sd__file_exists(in("unwanted")));

    options = (sd_run_options){.folder = in("wanted"), .probes = attach_wished};
    ok(sd_trainer_from_file(context, in("probed.yaml"), &options, &trainer));
    sd_trainer_free(trainer);
    char *config = get(in("wanted/config.yaml"));
    assert_non_null(strstr(config, "every: 10"));
    assert_non_null(strstr(config, "samples: 256"));
    free(config);
    ok(sd_trainer_resume(context, in("wanted"), &options, &trainer)); /* the resolved file asks for them, too */
    ok(sd_trainer_train(trainer, NULL, NULL));
    sd_trainer_free(trainer);
    char *lines = metrics(in("wanted"));
    assert_int_equal(count(lines, "\"event\":\"probe\""), 5);
    free(lines);
}

static void mistakes_under_probes_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"probes: {every: 10}", "needs \"use\""},
                                           {"probes: {use: [weight], every: 0}", "whole number"},
                                           {"probes: {use: [weight], evry: 5}", "every"},
                                           {"probes: {use: []}", "the list is empty"},
                                           {"probes: {use: [[a]]}", "a text"},
                                           {"probes: [weight]", "a list"},
                                           {"probs: {use: [weight]}", "probes"}};
    sd_trainer *trainer;
    write_flowers();
    for (size_t i = 0; i < SD_COUNT(wrong); i++) {
        sd_string yaml = {0};
        sd__string_add(&yaml, "%s%s\n", flowers_yaml, wrong[i][0]);
        put(in("mistaken.yaml"), yaml.text);
        free(yaml.text);
        assert_int_equal(sd_trainer_from_file(context, in("mistaken.yaml"), &(sd_run_options){.no_folder = true}, &trainer),
                         SD_EFORMAT);
        says("mistaken.yaml:12: ");
        says(wrong[i][1]);
    }
}

/* ---- checkpoints without the counter ----------------------------------------------------------------------------------- */

/* A checkpoint from before there were observers goes on: the file is written anew under another word for this counter. */
static void a_checkpoint_without_the_counter_goes_on(void **state)
{
    (void)state;
    sd_trainer *trainer;
    sd_tensors *file;
    int left = 9;
    write_flowers();
    ok(sd_trainer_from_file(context, in("flowers.yaml"), &(sd_run_options){.folder = in("old")}, &trainer));
    assert_int_equal(sd_trainer_train(trainer, stop_at, &left), SD_ECANCELLED);
    sd_trainer_free(trainer);
    ok(sd_tensors_load(in("old/checkpoints/last.safetensors"), &file));
    char *counters = strdup(sd_tensors_note(file, "sonde.counters"));
    char *word = strstr(counters, "\"observed\"");
    assert_non_null(word);
    memcpy(word, "\"observer\"", 10);
    sd_note note[] = {{"sonde.version", "0.1.0"},
                      {"sonde.counters", counters},
                      {"sonde.model", sd_tensors_note(file, "sonde.model")},
                      {"sonde.normalize", sd_tensors_note(file, "sonde.normalize")}};
    sd_named_tensor tensor[64];
    assert_true(sd_tensors_count(file) <= 64);
    for (int i = 0; i < sd_tensors_count(file); i++)
        tensor[i] = sd_tensors_at(file, i);
    ok(sd_tensors_save(in("old/checkpoints/last.safetensors"), sd_tensors_count(file), tensor, (int)SD_COUNT(note), note));
    free(counters);
    sd_tensors_free(file);
    ok(sd_trainer_resume(context, in("old"), NULL, &trainer));
    ok(sd_trainer_train(trainer, NULL, NULL));
    assert_int_equal(sd_trainer_progress(trainer).step, 40);
    sd_trainer_free(trainer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observing_changes_no_bit_of_the_run),
        cmocka_unit_test(no_instrument_changes_a_bit_of_the_run),
        cmocka_unit_test(an_observer_sees_what_was_committed),
        cmocka_unit_test(lines_are_the_same_in_a_run_in_pieces),
        cmocka_unit_test(finite_numbers_go_to_the_events_too),
        cmocka_unit_test(a_step_is_observed_again_after_a_failure),
        cmocka_unit_test(an_observer_that_writes_is_refused),
        cmocka_unit_test(what_is_no_observer_is_refused),
        cmocka_unit_test(the_key_probes_needs_somebody_who_attaches_them),
        cmocka_unit_test(mistakes_under_probes_are_named),
        cmocka_unit_test(a_checkpoint_without_the_counter_goes_on),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
