/**
 * @file optim.h -- optimizers, learning-rate schedules, gradient norms.
 *
 * An optimizer is a loop over the vector theta; it knows slices (which are decayed, which are frozen) and no graph. Bits of
 * every result are equal for any number of threads.
 */
#ifndef SONDE_OPTIM_H
#define SONDE_OPTIM_H

#include <sonde/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Update rules: X(enumerator, name, recurrence). They are those of PyTorch's torch.optim.
 *
 * g is the gradient after clipping and, but for adamw, after g += weight_decay * theta in decayed slices. t counts from 1.
 */
#define SD_OPTIMIZER_LIST(X)                                                             \
    X(SD_SGD, "sgd", "theta -= lr g")                                                    \
    X(SD_MOMENTUM, "momentum", "v = momentum v + g; theta -= lr v")                      \
    X(SD_NESTEROV, "nesterov", "v = momentum v + g; theta -= lr (g + momentum v)")       \
    X(SD_ADAM, "adam",                                                                   \
      "m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; "                         \
      "theta -= lr/(1-beta1^t) m / (sqrt(v / (1-beta2^t)) + epsilon); Kingma & Ba 2015") \
    X(SD_ADAMW, "adamw", "theta -= lr weight_decay theta in decayed slices, then as adam; Loshchilov & Hutter 2019")

/** Which update rule. */
typedef enum sd_optimizer_kind {
#define SD_OPTIMIZER_ENUM(name, text, rule) name,
    SD_OPTIMIZER_LIST(SD_OPTIMIZER_ENUM)
#undef SD_OPTIMIZER_ENUM
        SD_OPTIMIZER_COUNT
} sd_optimizer_kind;

/** "sgd", ...; "?" for a value outside the enum. */
SD_API const char *sd_optimizer_kind_name(sd_optimizer_kind kind);

/** An update rule and its numbers. */
typedef struct sd_optimizer_spec {
    sd_optimizer_kind kind; /**< which */
    double lr;              /**< base learning rate */
    double momentum;        /**< momentum, nesterov; in [0,1) */
    double beta1, beta2;    /**< adam, adamw; in [0,1) */
    double epsilon;         /**< adam, adamw; > 0 */
    double weight_decay;    /**< >= 0; only in slices that are decayed */
    double clip_norm;       /**< > 0: the gradient is scaled by min(1, clip_norm / (norm + 1e-6)) */
    double clip_value;      /**< > 0: each element of the gradient is limited to [-clip_value, clip_value], before clip_norm */
} sd_optimizer_spec;

/** The defaults: lr 0.01 (adam, adamw: 0.001), momentum 0.9, betas 0.9 and 0.999, epsilon 1e-8, decay 0 (adamw: 0.01). */
SD_API sd_optimizer_spec sd_optimizer_default(sd_optimizer_kind kind);

/** An optimizer of one vector: moments and a step count. Opaque. */
typedef struct sd_optimizer sd_optimizer;

/**
 * Makes an optimizer with zero moments.
 *
 * params     theta's layout; what is needed of it is copied
 * trainable  [params.count], copied; false: the slice is frozen and never touched. NULL: all are trained
 * errors     SD_EINVAL (a number out of its range), SD_EDTYPE, SD_ENOMEM
 */
SD_API sd_status sd_optimizer_new(const sd_optimizer_spec *spec, sd_layout params, const bool *trainable,
                                  sd_optimizer **optimizer);

/** Frees it; NULL is allowed. */
SD_API void sd_optimizer_free(sd_optimizer *optimizer);

/** The numbers it was made with. */
SD_API const sd_optimizer_spec *sd_optimizer_get(const sd_optimizer *optimizer);

/**
 * Euclidean norm of the trainable part of a gradient (after clip_value), summed in f64 in an order fixed by the length.
 *
 * grad  theta's layout and type; pool may be NULL. NaN or infinity if an element is: such a step is not to be taken
 */
SD_API double sd_optimizer_grad_norm(sd_optimizer *optimizer, const void *grad, sd_pool *pool);

/**
 * One update of theta. The caller has found the loss to be finite; a norm that is not is refused, and nothing changes.
 *
 * theta   in place, of the layout's type
 * grad    theta's layout; not changed
 * lr      learning rate of this step (see sd_schedule_lr())
 * norm    what sd_optimizer_grad_norm() gave
 * errors  SD_ENONFINITE
 */
SD_API sd_status sd_optimizer_step(sd_optimizer *optimizer, void *theta, const void *grad, double lr, double norm,
                                   sd_pool *pool);

/** Number of steps taken. */
SD_API int64_t sd_optimizer_steps(const sd_optimizer *optimizer);

/** Sets the number of steps taken: resuming needs it for Adam's bias correction. */
SD_API void sd_optimizer_set_steps(sd_optimizer *optimizer, int64_t steps);

/** Number of moment vectors: 0, 1 or 2, each of theta's layout and type. */
SD_API int sd_optimizer_vectors(const sd_optimizer *optimizer);

/** Name of moment vector i: "momentum", "adam/m", "adam/v". */
SD_API const char *sd_optimizer_vector_name(const sd_optimizer *optimizer, int i);

/** Moment vector i, 64-byte aligned; a checkpoint writes it, resuming reads into it. */
SD_API void *sd_optimizer_vector(sd_optimizer *optimizer, int i);

/* -- schedules ----------------------------------------------------------------------------------------------------------- */

/** Most places where a step schedule can change the rate. */
#define SD_MAX_MILESTONES 32

/** How the learning rate goes. */
typedef enum sd_schedule_kind {
    SD_SCHEDULE_CONSTANT, /**< lr */
    SD_SCHEDULE_STEP,     /**< lr times factor, for each milestone passed or each `every` epochs */
    SD_SCHEDULE_COSINE    /**< from lr to final * lr along half a cosine; Loshchilov & Hutter 2017 */
} sd_schedule_kind;

/** "constant", "step", "cosine"; "?" for a value outside the enum. */
SD_API const char *sd_schedule_name(sd_schedule_kind kind);

/** A schedule. All zero: constant. */
typedef struct sd_schedule {
    sd_schedule_kind kind;               /**< which */
    int64_t warmup;                      /**< first steps: step t of them takes (t + 1) / warmup of the rate */
    double factor;                       /**< step: what the rate is multiplied with */
    double every;                        /**< step: epochs between two drops; 0: milestones */
    double milestone[SD_MAX_MILESTONES]; /**< step: epochs at which the rate drops, growing */
    int milestones;                      /**< number of them */
    double final;                        /**< cosine: the last rate as a fraction of lr */
} sd_schedule;

/**
 * Learning rate of step `step` = 0, 1, ...: a pure function.
 *
 * lr           base rate
 * epoch_steps  steps in an epoch
 * total_steps  steps of the whole training: cosine ends there
 */
SD_API double sd_schedule_lr(const sd_schedule *schedule, double lr, int64_t step, int64_t epoch_steps, int64_t total_steps);

#ifdef __cplusplus
}
#endif
#endif
