/* graph.h -- the inside of a graph: an array of nodes over one arena, and the tables of the two vectors. */
#ifndef SD_GRAPH_GRAPH_H
#define SD_GRAPH_GRAPH_H

#include "graph/op.h"

#define SD_MAX_SLOT 48 /* bytes of a slot name, the final NUL included */

/* A leaf's attributes. The name lies inside, so that attributes compare as bytes. */
typedef struct sd_leaf_attr {
    char slot[SD_MAX_SLOT];
    int64_t role;
    int64_t offset; /* elements from the start of the slot */
} sd_leaf_attr;

extern const sd_op sd__op_leaf;

/* The leaf that is bound to this slot, which is neither "theta" nor "state"; poisoned if there is none. */
sd_node sd__leaf_of(sd_graph *graph, const char *slot);

/* The slices of theta or of the state vector, and the leaf of each. */
typedef struct sd_vector {
    sd_slice *slice;
    sd_ref *leaf;
    sd_ref *next; /* what the state becomes; id 0: itself */
    int count;
    int64_t length;
    uint64_t hash;
} sd_vector;

struct sd_graph {
    sd_arena arena;
    sd_node_data *node; /* [capacity]; node[0] is not used */
    uint32_t count, capacity;
    sd_status status; /* the first mistake */
    const char *message;
    uint64_t seed;      /* part of every random key */
    const char *path;   /* of the open scopes */
    const char **outer; /* [depth] paths that sd_scope_pop() goes back to */
    int depth;
    struct sd_scope_count {
        uint64_t hash; /* of the path */
        uint64_t randoms;
    } * scope; /* how many random nodes each scope has */
    int n_scopes;
    sd_vector param, state;
};

/* Appends a node whose result types are known (a copy made by a pass): no shape rule runs. */
sd_node sd__append_typed(sd_graph *graph, const sd_op *op, const void *attr, int n_in, const sd_ref *in, int n_out,
                         const sd_type *out, const char *path);

/*
 * Checks what every graph must fulfil: operands come first and exist, arities fit, each shape rule gives the stored types
 * again. SD_EINTERNAL with the node's line, else SD_OK.
 */
sd_status sd__graph_verify(const sd_graph *graph);

/* The printer's line for one node, without newline. */
void sd__print_node(const sd_graph *graph, uint32_t id, sd_string *text);

#endif
