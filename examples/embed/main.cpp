// main.cpp -- trains a network inside a C++ program: samples made by a callback, cancelled by the clock, saved, loaded, used.
//
//     c++ -std=c++17 main.cpp $(pkg-config --cflags --libs sonde) -o embed && ./embed

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <sonde/sonde.h>
#include <stdexcept>
#include <vector>

// Everything that sonde makes, freed when it goes out of sight.
template <typename T, void (*Free)(T *)> struct freed {
    void operator()(T *p) const { Free(p); }
};
template <typename T, void (*Free)(T *)> using owned = std::unique_ptr<T, freed<T, Free>>;

static void check(sd_status status)
{
    if (status != SD_OK)
        throw std::runtime_error(sd_error());
}

// Fills samples by their ids: x in [-3,3], y = sin(x). Nothing but the id may decide what comes out.
static sd_status fill(void *, int n, const int32_t *ids, void *input, int32_t *, void *targets)
{
    for (int i = 0; i < n; i++) {
        float x = static_cast<float>(ids[i]) / 500.0f - 3.0f;
        static_cast<float *>(input)[i] = x;
        static_cast<float *>(targets)[i] = std::sin(x);
    }
    return SD_OK;
}

static sd_built build(sd_builder *b, void *)
{
    sd_dense_spec hidden{}, last{};
    hidden.units = 32;
    last.units = 1;
    sd_node h = sd_layer_activation(b, sd_layer_dense(b, b->input, hidden), SD_TANH, 0, nullptr);
    return sd_loss(b, sd_layer_dense(b, h, last), sd_loss_spec{SD_MSE, 0});
}

static bool before(void *deadline, const sd_progress *)
{
    return std::chrono::steady_clock::now() < *static_cast<std::chrono::steady_clock::time_point *>(deadline);
}

int main()
try {
    const int64_t one = 1;
    sd_context *context_made = nullptr;
    check(sd_context_new(nullptr, &context_made));
    owned<sd_context, sd_context_free> context(context_made);

    sd_callback samples{};
    samples.samples = 3000;
    samples.shape = sd_shape_make(1, &one);
    samples.n_targets = 1;
    samples.fill = fill;
    sd_data data{};
    check(sd_dataset_from_callback(&samples, &data.train));
    owned<sd_data, sd_data_close> close(&data);

    sd_model_spec spec{};
    spec.build = build;
    spec.input = samples.shape;
    spec.targets = 1;
    sd_model *model_made = nullptr;
    check(sd_model_new(context.get(), &spec, &model_made));
    owned<sd_model, sd_model_free> model(model_made);

    sd_train_options options{};
    options.optimizer = sd_optimizer_default(SD_ADAM);
    options.optimizer.lr = 0.01;
    options.epochs = 30;
    sd_trainer *trainer_made = nullptr;
    check(sd_trainer_new(model.get(), &data, &options, &trainer_made));
    owned<sd_trainer, sd_trainer_free> trainer(trainer_made);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    sd_status status = sd_trainer_train(trainer.get(), before, &deadline);
    if (status != SD_ECANCELLED)
        check(status);

    check(sd_model_save(model.get(), "sine.safetensors", nullptr));
    check(sd_model_load(model.get(), "sine.safetensors", 0, nullptr, nullptr));
    std::vector<double> y(3000);
    check(sd_predict(model.get(), data.train, nullptr, false, y.data()));
    std::printf("sin(1) = %.3f, the network says %.3f\n", std::sin(1.0), y[2000]);
    return std::fabs(y[2000] - std::sin(1.0)) < 0.05 ? 0 : 1;
} catch (const std::exception &problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
}
