/* walk.h -- building a model from a list of layers in a configuration tree: what the walker and the table of kinds share. */
#ifndef SD_NN_WALK_H
#define SD_NN_WALK_H

#include "format/config.h"
#include "nn/builder.h"

#define SD_MOST_LAYERS 10000 /* of one model, repeated blocks counted each time */
#define SD_MOST_FROM 64

/* The options of every kind; each table row fills its part. */
typedef struct sd_layer_options {
    const char *name;
    const sd_config_node *from;
    const sd_config_node *units, *padding, *init, *bias_init, *layers, *shortcut;
    int64_t filters, kernel[2], stride[2], dilation[2], groups, size[2], repeat;
    bool bias;
    double rate, momentum, epsilon, number;
} sd_layer_options;

struct sd_walk;

/* One kind of layer: what parser, documentation and messages come from. */
typedef struct sd_layer_kind {
    const char *name, *doc;
    const sd_option *option; /* [options]; `name` and `from` are added to all */
    int options;
    bool shorthand; /* {kind: value} sets the first option */
    bool joins;     /* takes several inputs: {kind: [a, b]} is `from` */
    int number;     /* for kinds that share a build function */
    sd_node (*build)(struct sd_walk *walk, const struct sd_layer_kind *kind, const sd_config_node *place, int n,
                     const sd_node *x, sd_layer_options *options);
} sd_layer_kind;

extern const sd_layer_kind sd__layer_kinds[];
extern const int sd__n_layer_kinds;

/* Blocks by name, for `from`; layers are in the builder's book. */
typedef struct sd_walk_block {
    const char *path;
    sd_node output;
} sd_walk_block;

/* What stays with a model that was made from YAML, and the state of one walk. */
typedef struct sd_walk {
    sd_config *config; /* the `model` part of the tree, owned */
    const sd_config_node *layers;
    sd_loss_spec loss;
    sd_builder *builder; /* of the walk that goes on */
    sd_walk_block *block;
    int blocks;
    int count;                    /* layers so far */
    sd_status status;             /* of the first mistake in the tree; the builders' own are in the graph */
    char *message;                /* its text */
    const sd_config_node *failed; /* the layer at which the graph's first mistake was made */
} sd_walk;

/* The layers of a list, one after the other; `what` for messages: "layers". */
sd_node sd__walk_layers(sd_walk *walk, const sd_config_node *list, sd_node x);

/* Notes the message of a call that failed and latches it; returns a poisoned node. */
sd_node sd__walk_fail(sd_walk *walk, sd_status status);

/* Opens and closes a block that `from` can name. */
void sd__walk_enter(sd_walk *walk, const char *kind, const char *name);
sd_node sd__walk_leave(sd_walk *walk, sd_node output);

/* "he", {normal: 0.01}, {uniform: [-1, 1]}. */
sd_status sd__init_from_config(const sd_config_node *node, sd_init *init);

#endif
