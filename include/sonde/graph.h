/**
 * @file graph.h -- symbolic programs: typed, shaped values in topological order.
 *
 * A graph is append-only: a node never changes. Builders (ops.h) append nodes and return handles. A wrong call returns a
 * *poisoned* handle (id 0) and latches its message in the graph; calls on poisoned handles return poisoned handles, and
 * sd_graph_status() or sd_compile() report the first mistake. A graph belongs to one thread.
 */
#ifndef SONDE_GRAPH_H
#define SONDE_GRAPH_H

#include <sonde/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A symbolic program. Opaque. */
typedef struct sd_graph sd_graph;

/** A value: one result of one node. Passed by value; id 0 is poisoned. */
typedef struct sd_node {
    sd_graph *graph; /**< the graph that holds it */
    uint32_t id;     /**< the node; 0: poisoned */
    uint32_t result; /**< which of the node's results */
} sd_node;

/** What a leaf stands for. A scalar is never folded into the program. */
typedef enum sd_role { SD_PARAM, SD_STATE, SD_INPUT, SD_SCALAR } sd_role;

/** Makes an empty graph; NULL if memory is exhausted. */
SD_API sd_graph *sd_graph_new(void);

/** Mixes a seed into the keys of random nodes made from now on (dropout masks of two runs then differ). 0 at first. */
SD_API void sd_graph_seed(sd_graph *graph, uint64_t seed);

/** Frees a graph and all its nodes; NULL is allowed. Plans compiled from it live on. */
SD_API void sd_graph_free(sd_graph *graph);

/** SD_OK, or the status of the first mistake made while building. */
SD_API sd_status sd_graph_status(const sd_graph *graph);

/** The first mistake: layer, op, both shapes, what would be right. "" if there is none. Lives as long as the graph. */
SD_API const char *sd_graph_message(const sd_graph *graph);

/** Latches a mistake found by a caller's own layer, as the builders do; returns a poisoned node. */
SD_API sd_node sd_graph_fail(sd_graph *graph, sd_status status, const char *format, ...) SD_PRINTF(3, 4);

/** Opens a named scope: nodes made until sd_scope_pop() belong to the layer "outer/name", which errors and random keys use. */
SD_API void sd_scope_push(sd_graph *graph, const char *name);

/** Closes the innermost scope. */
SD_API void sd_scope_pop(sd_graph *graph);

/** The path of the scopes that are open, e.g. "block1/conv"; "" outside. Lives as long as the graph. */
SD_API const char *sd_scope_path(const sd_graph *graph);

/** Shape of a value; rank -1 for a poisoned one. */
SD_API sd_shape sd_node_shape(sd_node node);

/** Element type of a value; SD_DTYPE_COUNT for a poisoned one. */
SD_API sd_dtype sd_node_dtype(sd_node node);

/** True unless the handle stands for an earlier mistake. */
SD_API bool sd_node_ok(sd_node node);

/** Result number `result` of the same node (an op may have several); poisoned if there is no such result. */
SD_API sd_node sd_node_result(sd_node node, int result);

/**
 * Input data, bound by slot name when the plan runs.
 *
 * name   the slot; two inputs of one graph need two names
 * shape  as given; dtype as given
 */
SD_API sd_node sd_input(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape);

/** A number bound at run time (step, learning rate), shape []. Lies in a slot of its own name. */
SD_API sd_node sd_scalar(sd_graph *graph, const char *name, sd_dtype dtype);

/** How a parameter is drawn before training; a and b are read as the kind says. */
typedef enum sd_init_kind {
    SD_INIT_ZEROS,     /**< 0 */
    SD_INIT_CONSTANT,  /**< a */
    SD_INIT_NORMAL,    /**< N(0, a^2) */
    SD_INIT_UNIFORM,   /**< U(a, b) */
    SD_INIT_XAVIER,    /**< U(-l, l), l = sqrt(6 / (fan_in + fan_out)); Glorot & Bengio 2010, eq. 16 */
    SD_INIT_HE,        /**< N(0, 2 / fan_in); He et al. 2015, eq. 10 */
    SD_INIT_LECUN,     /**< N(0, 1 / fan_in); LeCun et al. 1998, "Efficient BackProp", eq. 16 */
    SD_INIT_ORTHOGONAL /**< a times an orthogonal matrix of the slice seen as [rest, last axis]; Saxe et al. 2014 */
} sd_init_kind;

/** An initialiser. */
typedef struct sd_init {
    sd_init_kind kind; /**< the distribution */
    double a, b;       /**< its numbers, see sd_init_kind */
} sd_init;

/** One named, dense slice of the parameter vector (or of the state vector). */
typedef struct sd_slice {
    const char *name; /**< "conv1/weight": scope path and leaf name */
    sd_shape shape;   /**< sizes */
    int64_t offset;   /**< first element in the vector */
    int64_t length;   /**< elements */
    sd_init init;     /**< how it is drawn */
    int64_t fan_in;   /**< inputs that one output sees */
    int64_t fan_out;  /**< outputs that one input feeds */
    bool decayed;     /**< weight decay applies (weights yes, biases and norms no) */
    sd_dtype dtype;   /**< f32 or f64, the same for all slices of a vector */
} sd_slice;

/** The table of slices of one vector, in the order in which they were declared. */
typedef struct sd_layout {
    const sd_slice *slice; /**< the slices; lives as long as the graph */
    int count;             /**< number of slices */
    int64_t length;        /**< elements of the vector: the sum of the slices, no padding */
    uint64_t hash;         /**< of all names, shapes and offsets (not of the element type) */
} sd_layout;

/** What a parameter leaf needs beside name and shape. */
typedef struct sd_param_spec {
    sd_init init;            /**< how it is drawn */
    int64_t fan_in, fan_out; /**< 0: taken from the shape (last axis out, the rest in) */
    bool decayed;            /**< weight decay applies */
} sd_param_spec;

/**
 * A trainable parameter: the next slice of the vector "theta", named "SCOPE/name".
 *
 * shape   as given; dtype f32 or f64, the same for all parameters of a graph
 * errors  SD_EINVAL (a second slice of that name), SD_EDTYPE
 */
SD_API sd_node sd_param(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape, sd_param_spec spec);

/** Untrained state (batch-norm statistics): the next slice of the vector "state". As sd_param(). */
SD_API sd_node sd_state(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape, sd_init init);

/** Declares what the state leaf becomes after a step; without a call it keeps its value. Same shape and type. */
SD_API void sd_state_next(sd_node state, sd_node next);

/** The value declared by sd_state_next(), or the leaf itself. */
SD_API sd_node sd_state_after(sd_graph *graph, int slice);

/** The parameters' layout. */
SD_API sd_layout sd_graph_params(const sd_graph *graph);

/** The states' layout. */
SD_API sd_layout sd_graph_states(const sd_graph *graph);

/** The leaf of parameter number `slice`. */
SD_API sd_node sd_param_node(sd_graph *graph, int slice);

/** The leaf of state number `slice`. */
SD_API sd_node sd_state_node(sd_graph *graph, int slice);

/**
 * A further vector with theta's layout, bound to slot `slot` (a direction for Hessian-vector products):
 * its part number `slice`.
 */
SD_API sd_node sd_param_like(sd_graph *graph, const char *slot, int slice);

/**
 * One line a node: `%7 f32[64,10] = matmul(%3, %5) ta=0 tb=0  # dense1`, into a string that the caller
 * frees; NULL without memory.
 */
SD_API char *sd_graph_print(const sd_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
