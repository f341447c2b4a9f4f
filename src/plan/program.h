/*
 * program.h -- what the passes work on: a private copy of the graph and the values that the plan must write.
 *
 * Every pass is a rewrite: it walks the live nodes in order and appends what becomes of each to a fresh graph. So a pass can
 * neither leave dead nodes behind nor break the order, and the graph of the caller is never touched.
 */
#ifndef SD_PLAN_PROGRAM_H
#define SD_PLAN_PROGRAM_H

#include <sonde/plan.h>

#include "base/context.h"
#include "graph/graph.h"
#include "ops/kernel.h"
#include "plan/plan.h"

typedef struct sd_program_output {
    char slot[SD_MAX_SLOT];
    int64_t offset;
    sd_ref ref;
} sd_program_output;

typedef struct sd_program {
    const sd_context *context;
    sd_compile_options options;
    sd_graph *graph;
    int n_out;
    sd_program_output *out;
} sd_program;

typedef struct sd_rewrite sd_rewrite;

/* Says what becomes of node `id`: calls sd__becomes() for each of its results. */
typedef void sd_visit(sd_rewrite *r, uint32_t id);

struct sd_rewrite {
    const sd_program *program;
    const sd_graph *from;
    sd_graph *to;
    sd_ref *map;                     /* [from->count][SD_MAX_OUT] */
    uint32_t *uses;                  /* [from->count] operands that are this node, outputs included; 0: dead */
    void *user;                      /* the pass's own */
    bool changed;                    /* the pass may set it */
    const char *last_from, *last_to; /* the path copied last: neighbours share it */
};

/* Runs one pass over the program. `changed` may be NULL. */
sd_status sd__rewrite(sd_program *program, const char *name, sd_visit *visit, void *user, bool *changed);

/* The node as it is, over the rewritten operands. */
void sd__keep(sd_rewrite *r, uint32_t id);

/* The node's decomposition, over the rewritten operands. */
void sd__decompose(sd_rewrite *r, uint32_t id);

/* Result `result` of old node `id` is `node` of the new graph. */
void sd__becomes(sd_rewrite *r, uint32_t id, uint32_t result, sd_node node);

/* What an old value has become. */
sd_node sd__became(const sd_rewrite *r, sd_ref ref);

/* What a bias looks like among the old values: a vector, [C] or [1], repeated over batch and image. */
bool sd__is_bias(const sd_rewrite *r, sd_ref ref);

/* The old node's path, in the new graph's arena. */
const char *sd__path_in(sd_rewrite *r, const char *path);

/* Dense tensors without memory for a node's operands and results: how a provider is asked before places are known. */
void sd__describe(const sd_graph *graph, uint32_t id, sd_tensor in[SD_MAX_IN], sd_tensor out[SD_MAX_OUT]);

/* A shallow copy of the nodes, which is enough: the first pass reads them and never writes. `graph` must outlive that pass. */
sd_status sd__borrow_graph(const sd_graph *graph, sd_program *program);

/* Copies graph and outputs and runs the passes up to expansion; free the program in any case. */
sd_status sd__program_begin(sd_context *context, int n, const sd_output *outputs, const sd_compile_options *options,
                            sd_program *program);

/* Fuses and lowers. */
sd_status sd__program_end(sd_program *program, sd_plan **plan);
void sd__program_free(sd_program *program);

/* The passes, in the order in which sd_compile() runs them. */
sd_status sd__pass_share(sd_program *program);     /* fold fills, share equal nodes, drop the dead */
sd_status sd__pass_pool(sd_program *program);      /* bias and relu move behind max pooling */
sd_status sd__pass_norm(sd_program *program);      /* ReLU behind batch norm joins it */
sd_status sd__pass_conv(sd_program *program);      /* in evaluation, norm, sum and ReLU join the convolution before them */
sd_status sd__pass_conv_pool(sd_program *program); /* max pooling, bias and ReLU join the convolution before them */
sd_status sd__pass_product(sd_program *program);   /* ReLU and its slope join the products before them */
sd_status sd__pass_expand(sd_program *program);    /* composites that no provider takes become primitives */
sd_status sd__pass_fuse(sd_program *program);      /* elementwise nodes become clusters */

/* Turns the program's graph into the steps of an empty plan, which takes the graph over. */
sd_status sd__lower(sd_program *program, sd_plan *plan);

#endif
