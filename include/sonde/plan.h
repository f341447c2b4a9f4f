/** @file plan.h -- a graph compiled for running: immutable plans, workspaces, runs. */
#ifndef SONDE_PLAN_H
#define SONDE_PLAN_H

#include <sonde/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A compiled program: immutable, shareable between threads. */
typedef struct sd_plan sd_plan;

/** The memory of one run of a plan; used by one run at a time. */
typedef struct sd_workspace sd_workspace;

/** A value to be written by the plan: to slot `slot`, from element `offset` on, dense. */
typedef struct sd_output {
    const char *slot; /**< name of the caller's vector */
    int64_t offset;   /**< first element in it */
    sd_node node;     /**< the value */
} sd_output;

/** Switches for compiling; all zero is what training uses. */
typedef struct sd_compile_options {
    bool expand_all;   /**< expand every composite into primitives, whichever provider would take it */
    bool no_fuse;      /**< one step for every elementwise node */
    bool no_share;     /**< neither share equal nodes nor move work behind pooling */
    const char *fixed; /**< slot that holds the same in every run, see sd_workspace_refresh(); NULL: none */
} sd_compile_options;

/**
 * Compiles the graph of `outputs` for this context's CPU and threads. The graph is copied: it may grow or be freed afterwards.
 *
 * outputs  n >= 1 values of one graph
 * options  NULL for the defaults
 * errors   the graph's first mistake; SD_EUNSUPPORTED, SD_ENOMEM
 */
SD_API sd_status sd_compile(sd_context *context, int n, const sd_output *outputs, const sd_compile_options *options,
                            sd_plan **plan);

/**
 * Compiles one program as two plans, to be run at one point along many directions.
 *
 * What does not depend on the slot `direction` (forward pass, gradient) goes to *point, the rest (the Hessian-vector product
 * itself) to *product. Values that the second needs of the first travel through the slots "saved.f32", "saved.f64",
 * "saved.i32" and "saved.u8", as far as they are needed: bind them to the same memory in both, run *point once, then
 * *product once a direction.
 *
 * outputs  n >= 1; each is written by the plan that computes it. errors as sd_compile(); SD_EINVAL if no
 *          output depends on the slot
 */
SD_API sd_status sd_linearize(sd_context *context, int n, const sd_output *outputs, const char *direction,
                              const sd_compile_options *options, sd_plan **point, sd_plan **product);

/** Frees a plan; NULL is allowed. */
SD_API void sd_plan_free(sd_plan *plan);

/** Number of slots: vectors of the caller that a run reads or writes. */
SD_API int sd_plan_slots(const sd_plan *plan);

/** Index of the slot of that name, or -1. */
SD_API int sd_plan_slot(const sd_plan *plan, const char *name);

/** Name of slot `slot`. */
SD_API const char *sd_plan_slot_name(const sd_plan *plan, int slot);

/** Element type of slot `slot`. */
SD_API sd_dtype sd_plan_slot_dtype(const sd_plan *plan, int slot);

/** Elements that slot `slot` must hold at least. */
SD_API int64_t sd_plan_slot_length(const sd_plan *plan, int slot);

/** Bytes of working memory that one run needs, with as many threads as the plan's context has. */
SD_API size_t sd_plan_workspace_bytes(const sd_plan *plan);

/** Number of steps. */
SD_API int sd_plan_steps(const sd_plan *plan);

/** Floating-point operations of one run, padding not counted. */
SD_API double sd_plan_flops(const sd_plan *plan);

/** One line a step: kernel, provider, shapes, place in the arena. The caller frees the string; NULL without memory. */
SD_API char *sd_plan_print(const sd_plan *plan);

/** Makes the memory for runs of one plan. errors SD_ENOMEM. */
SD_API sd_status sd_workspace_new(const sd_plan *plan, sd_workspace **workspace);

/** Frees a workspace; NULL is allowed. */
SD_API void sd_workspace_free(sd_workspace *workspace);

/**
 * Says that the slot sd_compile_options.fixed holds something else now. Kernels may keep copies of it in the workspace, laid out for
 * them, which the first run makes, and the next one after this call makes anew.
 */
SD_API void sd_workspace_refresh(sd_workspace *workspace);

/**
 * Runs a plan once.
 *
 * bindings  one pointer a slot, in slot order; each 4-byte aligned at least (64 is faster), of sd_plan_slot_length() elements
 * pool      the threads to use, or NULL: everything on the caller (so that many runs of one plan go side by side)
 * bits      results do not depend on the pool or its size
 * errors    SD_EINVAL (a NULL binding); SD_ENOMEM (the pool has more threads than any that this workspace has met, its context's
 *           included); with debug level 5, SD_ENONFINITE naming the first step that made a NaN or infinity
 */
SD_API sd_status sd_run(const sd_plan *plan, sd_workspace *workspace, void *const *bindings, sd_pool *pool);

/** What one step of a plan is and what its run took. */
typedef struct sd_step_profile {
    const char *kernel;   /**< kernel name */
    const char *provider; /**< provider name */
    const char *layer;    /**< scope path of the node */
    const char *op;       /**< op name, or the ops of a fused cluster */
    double seconds;       /**< wall time of this step */
    double flops;         /**< floating-point operations */
    double bytes;         /**< bytes read and written, each operand once */
} sd_step_profile;

/** As sd_run(), and adds the seconds of every step to profile[0..sd_plan_steps()), whose other fields it sets. */
SD_API sd_status sd_run_profiled(const sd_plan *plan, sd_workspace *workspace, void *const *bindings, sd_pool *pool,
                                 sd_step_profile *profile);

/** A name and the caller's data, for sd_eval(). */
typedef struct sd_feed {
    const char *slot; /**< slot name; NULL ends a list */
    void *data;       /**< dense elements */
} sd_feed;

/** Compiles, runs once on the caller and frees: the value of `node` into `out`. For tests and small calculations. */
SD_API sd_status sd_eval(sd_context *context, sd_node node, const sd_feed *feeds, void *out);

#ifdef __cplusplus
}
#endif
#endif
