/* model.h -- the inside of a model. */
#ifndef SD_NN_MODEL_H
#define SD_NN_MODEL_H

#include "nn/builder.h"

/* What the slots of a program are bound to. */
typedef enum sd_bound {
    SD_BOUND_X,
    SD_BOUND_Y,
    SD_BOUND_IDS,
    SD_BOUND_STEP,
    SD_BOUND_THETA,
    SD_BOUND_STATE,
    SD_BOUND_LOSS,
    SD_BOUND_LOSSES,
    SD_BOUND_OUTPUT,
    SD_BOUND_GRAD,
    SD_BOUND_STATE_NEXT,
    SD_BOUND_COUNT
} sd_bound;

/* A program that was compiled, and what one run of it needs. */
typedef struct sd_model_program {
    struct sd_model_program *next;
    sd_mode mode;
    int64_t batch;
    unsigned want;
    uint64_t theta_version; /* of the last run; 0: none yet */
    sd_plan *plan;
    sd_workspace *workspace;  /* made at the first run by sd_model_run() */
    int slot[SD_BOUND_COUNT]; /* slot of each, or -1 */
    void **binding;           /* [slots] */
    int32_t *ids;             /* [batch] 0, 1, 2, ...: for callers without ids */
    int32_t step;
    union {
        float f32;
        double f64;
    } loss;
} sd_model_program;

void sd__model_program_free(sd_model_program *program);

struct sd_model {
    sd_context *context;
    sd_model_spec spec;
    sd_graph *graph; /* an eval program of batch 1: owns the layouts, and is what sd_model_describe() looks at */
    sd_layer_book book;
    sd_built built; /* of that graph */
    sd_layout params, states;
    void *theta, *state, *state_next;
    bool *trainable; /* [params.count] */
    sd_model_program *programs;
    sd_model_info info;
    sd_layer_info *layer; /* [info.layers], made at the first sd_model_describe() */
};

/* As sd_model_build(), and leaves the book, whose rows hold every layer's output node: for who looks inside. To be freed, also
 * after an error. */
sd_status sd__model_build(sd_model *model, sd_graph *graph, sd_mode mode, int64_t batch, sd_built *built, sd_layer_book *book);

#endif
