/**
 * @file nn.h -- layers, initialisers, losses and models.
 *
 * A layer is a function that appends nodes to a graph and returns its output. A model is a *build function*, called anew for
 * each batch size and mode; the names of its parameters, not the numbers of its nodes, tie the programs to one vector theta.
 */
#ifndef SONDE_NN_H
#define SONDE_NN_H

#include <sonde/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- building -------------------------------------------------------------------------------------------------------- */

/** What a program is for: dropout drops and batch norm uses the batch's statistics only when training. */
typedef enum sd_mode { SD_TRAIN, SD_EVAL } sd_mode;

/** What the layers of one program have recorded so far. Opaque. */
typedef struct sd_layer_book sd_layer_book;

/** What a build function builds with. Its leaves are made; those that nothing uses vanish from the program. */
typedef struct sd_builder {
    sd_graph *graph;     /**< nodes go here */
    sd_mode mode;        /**< train or eval */
    int64_t batch;       /**< B */
    sd_dtype dtype;      /**< of theta and everything real: f32 or f64 */
    sd_node input;       /**< slot "x", [B, input...] */
    sd_node target;      /**< slot "y": labels i32 [B], or numbers [B,targets]; poisoned if the model has no target */
    sd_node step;        /**< slot "step", i32 []: the counter that random layers read */
    sd_node ids;         /**< slot "ids", i32 [B]: the id of each sample, for random layers */
    int classes;         /**< number of classes of the labels, or 0 */
    int targets;         /**< length of the target vector, or 0 */
    sd_layer_book *book; /**< names and rows of the layers */
} sd_builder;

/** What a build function returns. A model that is only run, never trained, leaves loss and losses zero. */
typedef struct sd_built {
    sd_node loss;   /**< [] what is minimised */
    sd_node losses; /**< [B] loss of each example, whose mean is loss */
    sd_node output; /**< [B, ...] logits or predictions */
} sd_built;

/** Builds one program. The same calls in both modes: parameters and states must come out with one layout. */
typedef sd_built sd_build_fn(sd_builder *builder, void *user);

/** How a layer counts towards depth; bits. */
typedef enum sd_layer_role {
    SD_LAYER_PLAIN = 0,    /**< neither */
    SD_LAYER_ADAPTIVE = 1, /**< a trained linear map (dense, conv); a norm is not one: its scale folds into its neighbour */
    SD_LAYER_NONLINEAR = 2 /**< a level of nonlinear composition (activations, max pooling, layer norm) */
} sd_layer_role;

/**
 * Opens a layer: a scope named `name`, or kind and ordinal ("conv1", "dense2", counted in each block) if name is NULL.
 *
 * errors  SD_EINVAL latched in the graph: a name that is taken, is empty or contains '/'
 */
SD_API void sd_layer_begin(sd_builder *builder, const char *kind, const char *name);

/** Closes the layer, records its row (sd_model_info()), and returns `output`. role: bits of sd_layer_role. */
SD_API sd_node sd_layer_end(sd_builder *builder, sd_node output, unsigned role);

/** Opens a block: a scope named `name` (NULL: "block1", ...) that holds layers. */
SD_API void sd_block_begin(sd_builder *builder, const char *name);

/** Closes the block. */
SD_API void sd_block_end(sd_builder *builder);

/* -- layers: zero the fields of a spec that are not needed ------------------------------------------------------------- */

/** A dense layer: x w + bias. Parameters NAME/weight [I,O] and NAME/bias [O]. */
typedef struct sd_dense_spec {
    const char *name;         /**< NULL: "dense1", ... */
    int64_t units;            /**< O */
    bool no_bias;             /**< leave the bias out */
    const sd_init *init;      /**< of the weights; NULL: He */
    const sd_init *bias_init; /**< NULL: zeros */
} sd_dense_spec;

/** x [B,I] -> [B,units]; a higher rank is flattened to [B,I] first. */
SD_API sd_node sd_layer_dense(sd_builder *builder, sd_node x, sd_dense_spec spec);

/** How a window treats the border. */
typedef enum sd_padding {
    SD_PAD_VALID, /**< no padding */
    SD_PAD_SAME,  /**< ceil(size / stride) positions; the odd zero goes below and right */
    SD_PAD_NUMBER /**< .pad[0] rows above and below, .pad[1] columns left and right */
} sd_padding;

/** A 2-D convolution. Parameters NAME/weight [R,S,C/groups,F] and NAME/bias [F]. */
typedef struct sd_conv_spec {
    const char *name;         /**< NULL: "conv1", ... */
    int64_t filters;          /**< F */
    int64_t kernel[2];        /**< height, width; a width of 0 is the height */
    int64_t stride[2];        /**< 0: 1; a width of 0 is the height */
    int64_t dilation[2];      /**< 0: 1; a width of 0 is the height */
    int64_t groups;           /**< channel groups; 0: 1 */
    sd_padding padding;       /**< zeros at the border */
    int64_t pad[2];           /**< for SD_PAD_NUMBER */
    bool no_bias;             /**< leave the bias out */
    const sd_init *init;      /**< of the weights; NULL: He */
    const sd_init *bias_init; /**< NULL: zeros */
} sd_conv_spec;

/** x [B,H,W,C] -> [B,OH,OW,filters], as sd_conv2d(). */
SD_API sd_node sd_layer_conv(sd_builder *builder, sd_node x, sd_conv_spec spec);

/** A pooling window. */
typedef struct sd_pool_spec {
    const char *name;   /**< NULL: "maxpool1", "avgpool1", ... */
    int64_t size[2];    /**< height, width; a width of 0 is the height */
    int64_t stride[2];  /**< 0: the size */
    sd_padding padding; /**< border: never wins a maximum, is not counted in a mean */
    int64_t pad[2];     /**< for SD_PAD_NUMBER */
} sd_pool_spec;

/** Largest element of each window: x [B,H,W,C] -> [B,OH,OW,C]. */
SD_API sd_node sd_layer_maxpool(sd_builder *builder, sd_node x, sd_pool_spec spec);

/** Mean of each window: x [B,H,W,C] -> [B,OH,OW,C]. */
SD_API sd_node sd_layer_avgpool(sd_builder *builder, sd_node x, sd_pool_spec spec);

/** Mean over all positions: x [B,H,W,C] -> [B,C]. */
SD_API sd_node sd_layer_global_avgpool(sd_builder *builder, sd_node x, const char *name);

/** x [B, ...] -> [B, count]. */
SD_API sd_node sd_layer_flatten(sd_builder *builder, sd_node x, const char *name);

/** Activations: X(enumerator, name, what it computes). The name is also the layer's kind. */
#define SD_ACTIVATION_LIST(X)                                                   \
    X(SD_SIGMOID, "sigmoid", "1 / (1 + e^-x)")                                  \
    X(SD_TANH, "tanh", "hyperbolic tangent")                                    \
    X(SD_RELU, "relu", "max(x, 0)")                                             \
    X(SD_LEAKY, "leaky", "x if x > 0, else slope * x")                          \
    X(SD_THRESHOLD, "threshold", "1 if x > at, else 0; its derivative is zero") \
    X(SD_SOFTPLUS, "softplus", "log(1 + e^x)")                                  \
    X(SD_GELU, "gelu", "x times the normal distribution function of x")

/** An elementwise nonlinearity. */
typedef enum sd_activation {
#define SD_ACTIVATION_ENUM(name, text, doc) name,
    SD_ACTIVATION_LIST(SD_ACTIVATION_ENUM)
#undef SD_ACTIVATION_ENUM
        SD_ACTIVATION_COUNT
} sd_activation;

/** The activation of x; number is the slope of leaky, the place of the threshold, and not read by the others. */
SD_API sd_node sd_layer_activation(sd_builder *builder, sd_node x, sd_activation kind, double number, const char *name);

/** Batch and layer norm. Parameters NAME/scale [C], NAME/offset [C]; batch norm: states NAME/mean, NAME/variance [C]. */
typedef struct sd_norm_spec {
    const char *name; /**< NULL: "batch_norm1", "layer_norm1", ... */
    double momentum;  /**< batch norm: running = (1 - momentum) running + momentum batch; 0: 0.1 */
    double epsilon;   /**< added to the variance; 0: 1e-5 */
} sd_norm_spec;

/**
 * Batch norm over all axes but the last: with the batch's statistics in training, with the running ones in eval.
 *
 * The running variance takes the unbiased batch variance (n / (n - 1) times the biased one), as PyTorch's does.
 */
SD_API sd_node sd_layer_batch_norm(sd_builder *builder, sd_node x, sd_norm_spec spec);

/** Layer norm over the last axis. */
SD_API sd_node sd_layer_layer_norm(sd_builder *builder, sd_node x, sd_norm_spec spec);

/** In training each element is zeroed with probability rate in [0,1), the others divided by 1 - rate; in eval the identity. */
SD_API sd_node sd_layer_dropout(sd_builder *builder, sd_node x, double rate, const char *name);

/** Sum of n >= 1 values of one shape: a skip connection. */
SD_API sd_node sd_layer_add(sd_builder *builder, int n, const sd_node *x, const char *name);

/** n values (1..64) side by side along the last axis. */
SD_API sd_node sd_layer_concat(sd_builder *builder, int n, const sd_node *x, const char *name);

/**
 * The shortcut without parameters of He et al. 2015 (option A): every stride-th position of x, with zeros for further channels.
 *
 * shape  x [B,H,W,C] -> like `like` [B,ceil(H/s),ceil(W/s),C'], C' >= C
 */
SD_API sd_node sd_layer_pad_shortcut(sd_builder *builder, sd_node x, sd_node like, const char *name);

/* -- losses ------------------------------------------------------------------------------------------------------------ */

/** Losses: X(enumerator, name, what it computes). C columns of output z; y the label or t the target vector. */
#define SD_LOSS_LIST(X)                                                                                                  \
    X(SD_CROSS_ENTROPY, "cross_entropy", "-log softmax(z)_y, in nats; smoothing s: the target is (1-s) onehot(y) + s/C") \
    X(SD_MSE, "mse", "mean over the C columns of (z - t)^2; labels count as one-hot vectors")                            \
    X(SD_HINGE, "hinge",                                                                                                 \
      "max(0, 1 + max_{j != y} z_j - z_y), Crammer & Singer 2001; one column: max(0, 1 - z) for y = 1, "                 \
      "max(0, 1 + z) for y = 0")                                                                                         \
    X(SD_LOGISTIC, "logistic",                                                                                           \
      "mean over the C columns of log(1 + e^z) - t z; t is one-hot or the target vector; "                               \
      "one column: t = y")

/** What is minimised. */
typedef enum sd_loss_kind {
#define SD_LOSS_ENUM(name, text, doc) name,
    SD_LOSS_LIST(SD_LOSS_ENUM)
#undef SD_LOSS_ENUM
        SD_LOSS_COUNT
} sd_loss_kind;

/** A loss. */
typedef struct sd_loss_spec {
    sd_loss_kind kind; /**< which */
    double smoothing;  /**< cross_entropy: label smoothing in [0,1) */
} sd_loss_spec;

/** "cross_entropy", ...; "?" for a value outside the enum. */
SD_API const char *sd_loss_name(sd_loss_kind kind);

/** Finds the loss by name. errors SD_EINVAL, with the nearest name. */
SD_API sd_status sd_loss_parse(const char *name, sd_loss_kind *kind);

/** True if the loss needs class labels (cross_entropy, hinge); mse and logistic also take real targets. */
SD_API bool sd_loss_needs_classes(sd_loss_kind kind);

/**
 * The loss of output [B,C] against the builder's target: what a build function returns.
 *
 * Without a target only the output is set. errors SD_ESHAPE, SD_EDTYPE, latched.
 */
SD_API sd_built sd_loss(sd_builder *builder, sd_node output, sd_loss_spec spec);

/* -- initialisers -------------------------------------------------------------------------------------------------------- */

/**
 * Draws one slice: a pure function of (seed, slice name, shape, initialiser), so adding a layer changes no other's weights.
 *
 * data    [slice->length] of slice->dtype; f32 gets the f64 numbers rounded
 * errors  SD_EINVAL (numbers that make no distribution), SD_ENOMEM (orthogonal)
 */
SD_API sd_status sd_init_draw(const sd_slice *slice, uint64_t seed, void *data);

/* -- models -------------------------------------------------------------------------------------------------------------- */

/** A network: its build function, theta, the state vector, the programs compiled so far. Used by one thread at a time. */
typedef struct sd_model sd_model;

/** How to make a model. */
typedef struct sd_model_spec {
    sd_build_fn *build;          /**< builds the programs */
    void *user;                  /**< passed to build */
    void (*release)(void *user); /**< called once when the model is freed, or when making it fails; NULL: nothing */
    sd_shape input;              /**< of one example, e.g. [28,28,1] */
    int classes;                 /**< > 0: the target is a label, i32 */
    int targets;                 /**< > 0: the target is a vector of so many numbers; both 0: no target */
    sd_dtype dtype;              /**< f32 (0) or f64 */
    uint64_t seed;               /**< of the initial weights and of what random layers draw */
} sd_model_spec;

/** Makes a model with freshly drawn weights. The context must outlive it. errors what building finds; SD_EINVAL, SD_ENOMEM. */
SD_API sd_status sd_model_new(sd_context *context, const sd_model_spec *spec, sd_model **model);

/**
 * Makes a model from a YAML file: its keys `model`, `loss`, `freeze`, and `precision` and `seed` of `train`.
 *
 * classes, targets  as in sd_model_spec; both 0: no loss, and where a layer has as many units as `classes`, 10
 * errors            SD_EFORMAT, SD_EINVAL, SD_ESHAPE with "FILE:LINE: "; SD_ENOTFOUND, SD_EIO, SD_ENOMEM
 */
SD_API sd_status sd_model_from_file(sd_context *context, const char *path, int classes, int targets, sd_model **model);

/** Frees the model, its plans and vectors; NULL is allowed. */
SD_API void sd_model_free(sd_model *model);

/** The context it was made in. */
SD_API sd_context *sd_model_context(const sd_model *model);

/** Element type of theta: f32 or f64. */
SD_API sd_dtype sd_model_dtype(const sd_model *model);

/** Shape of one input. */
SD_API sd_shape sd_model_input(const sd_model *model);

/** Shape of the output for one example. */
SD_API sd_shape sd_model_output(const sd_model *model);

/** Number of classes of the target, or 0. */
SD_API int sd_model_classes(const sd_model *model);

/** Length of the target vector, or 0. */
SD_API int sd_model_targets(const sd_model *model);

/** Layout of theta; lives as long as the model. */
SD_API sd_layout sd_model_params(const sd_model *model);

/** Layout of the state vector; lives as long as the model. */
SD_API sd_layout sd_model_states(const sd_model *model);

/** theta, 64-byte aligned, of sd_model_params().length elements: the caller may write to it between runs. */
SD_API void *sd_model_theta(sd_model *model);

/** The state vector, 64-byte aligned. The pointer changes with sd_model_commit(). */
SD_API void *sd_model_state(sd_model *model);

/** Draws all parameters anew and sets the states to their initial values. */
SD_API sd_status sd_model_init(sd_model *model, uint64_t seed);

/** A zeroed vector like theta, 64-byte aligned, for gradients and directions. Freed with free(); NULL without memory. */
SD_API void *sd_model_vector(const sd_model *model);

/**
 * Freezes exactly these (n = 0: nothing is frozen): names of layers, blocks ("block1") or slices ("conv1/weight").
 *
 * errors  SD_ENOTFOUND with the nearest name, and the model is unchanged; SD_EINVAL if nothing is left to train
 */
SD_API sd_status sd_model_set_frozen(sd_model *model, int n, const char *const *names);

/** For each slice of theta whether it is trained; lives as long as the model. */
SD_API const bool *sd_model_trainable(const sd_model *model);

/** What goes into a run, and where what comes out is put; NULL results are not computed. Sizes as the plan's slots say. */
typedef struct sd_model_io {
    const void *x;          /**< [B, input...] of the model's type */
    const void *y;          /**< i32 [B] or [B,targets] of the model's type; needed for loss, losses, grad */
    const int32_t *ids;     /**< [B]; NULL: 0, 1, 2, ... Read by random layers when training */
    int32_t step;           /**< counter for random layers */
    const void *theta;      /**< parameters to run with; NULL: the model's own */
    const void *state;      /**< states to run with; NULL: the model's own */
    double *loss;           /**< mean loss */
    void *losses;           /**< [B] of the model's type */
    void *output;           /**< [B, output...] */
    void *grad;             /**< gradient of loss, theta's layout; zero in frozen slices */
    bool next_state;        /**< also compute the states after this step; sd_model_commit() makes them the model's */
    uint64_t theta_version; /**< the caller's number for what theta holds; 0: none */
} sd_model_io;

/**
 * Runs the program for this mode, batch and results on the context's threads; it is compiled at the first use and kept.
 *
 * Runs of SD_EVAL with the same theta_version may read copies of theta that an earlier one made, laid out for speed (at batch 1,
 * of the weights of dense layers). So where theta changes, its version must. Against version 0, whose runs read theta itself,
 * results may differ in the last bits.
 *
 * errors  SD_EINVAL (x or y missing), SD_ENOMEM, those of sd_compile() and sd_run()
 */
SD_API sd_status sd_model_run(sd_model *model, sd_mode mode, int64_t batch, const sd_model_io *io);

/** Makes the states of the last run with next_state the model's. Without it, a step leaves no trace. */
SD_API void sd_model_commit(sd_model *model);

/** Results of a program, bits: what sd_model_plan() is asked for. The slots are named like the fields of sd_model_io. */
typedef enum sd_want {
    SD_WANT_LOSS = 1,   /**< slot "loss" [] */
    SD_WANT_LOSSES = 2, /**< slot "losses" [B] */
    SD_WANT_OUTPUT = 4, /**< slot "output" [B, ...] */
    SD_WANT_GRAD = 8,   /**< slot "grad", theta's layout; frozen slices are not written */
    SD_WANT_STATE = 16, /**< slot "state_next", the state's layout */
    SD_FIXED_THETA = 32 /**< no result: theta stays the same from run to run, see sd_workspace_refresh() */
} sd_want;

/** The compiled program for these results (want: bits of sd_want); belongs to the model and may be run by several threads. */
SD_API sd_status sd_model_plan(sd_model *model, sd_mode mode, int64_t batch, unsigned want, const sd_plan **plan);

/** Calls the build function on a graph of the caller's, for programs of one's own (a Hessian-vector product, a probe). */
SD_API sd_status sd_model_build(sd_model *model, sd_graph *graph, sd_mode mode, int64_t batch, sd_built *built);

/** One layer of a model. */
typedef struct sd_layer_info {
    const char *kind;   /**< "conv" */
    const char *name;   /**< path, "block1/conv2" */
    sd_shape output;    /**< for one example */
    int64_t parameters; /**< elements of its slices of theta */
    int64_t states;     /**< elements of its slices of the state vector */
    double flops;       /**< floating-point operations of its forward pass for one example */
    unsigned role;      /**< bits of sd_layer_role */
} sd_layer_info;

/** A model in numbers. */
typedef struct sd_model_info {
    const sd_layer_info *layer; /**< [layers] in the order of building */
    int layers;                 /**< number of rows */
    int64_t parameters;         /**< length of theta */
    int64_t trainable;          /**< elements of theta that are not frozen */
    int64_t states;             /**< length of the state vector */
    double flops;               /**< of the forward pass for one example, loss excluded */
    int depth_path;             /**< adaptive layers on the longest path from input to output */
    int depth_nonlinear;        /**< levels of nonlinear composition: nonlinear layers on the path that has most of them */
} sd_model_info;

/** The table of a model; lives as long as the model, trainable as of this call. NULL without memory. */
SD_API const sd_model_info *sd_model_describe(sd_model *model);

/* -- the zoo, and the documentation of layers ---------------------------------------------------------------------------- */

/** A built-in model: `model: NAME` in a YAML file. */
typedef struct sd_zoo_entry {
    const char *name; /**< "lenet" */
    const char *doc;  /**< one line */
    const char *yaml; /**< its text, as it would stand under `model:` */
} sd_zoo_entry;

/** Number of built-in models; *table is the first. */
SD_API int sd_zoo(const sd_zoo_entry **table);

/** The layer kinds of YAML files with their options, types, defaults and meaning, as Markdown. Freed with free(). */
SD_API char *sd_layers_help(void);

#ifdef __cplusplus
}
#endif
#endif
