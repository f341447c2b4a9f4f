/*
 * config.h -- a YAML file as a tree that knows where everything stands, and typed reading of it.
 *
 * Every message begins with "FILE:LINE: " (or "--set KEY: ") and ends with what would be right. The tree is bounded: file size,
 * depth, nodes after aliases are expanded. Text of a tree lives as long as its sd_config.
 */
#ifndef SD_FORMAT_CONFIG_H
#define SD_FORMAT_CONFIG_H

#include "base/arena.h"
#include "base/base.h"

#define SD_CONFIG_BYTES ((size_t)1 << 20) /* longest file */
#define SD_CONFIG_DEPTH 64                /* deepest nesting */
#define SD_CONFIG_NODES 100000            /* nodes, each use of an alias counted as a copy */
#define SD_CONFIG_KEYS 1000               /* keys of one map */

typedef enum sd_config_kind { SD_CONFIG_NULL, SD_CONFIG_TEXT, SD_CONFIG_LIST, SD_CONFIG_MAP } sd_config_kind;

typedef struct sd_config_node {
    sd_config_kind kind;
    bool quoted;      /* text: it stood in quotes, so "1" is no number */
    const char *file; /* for messages: the file, or "--set model.input" (then line is 0) */
    int line, column; /* from 1 */
    const char *key;  /* the key under which it stands; NULL in a list and at the root */
    int key_line;
    const char *text; /* text: the scalar, whatever its type; never NULL ("" for other kinds) */
    int count;        /* list, map: children */
    int capacity;
    struct sd_config_node **child; /* [count] in the order of the file; a map has no two children of one key */
} sd_config_node;

typedef struct sd_config {
    sd_arena arena;
    sd_config_node *root;
    int nodes;
} sd_config;

/* Reads a file. SD_ENOTFOUND, SD_EIO, SD_EFORMAT. An empty file is an empty map. */
sd_status sd__config_read(const char *path, sd_config **config);
/* Parses text; `name` stands for the file in messages. */
sd_status sd__config_parse(const char *name, const char *text, size_t bytes, sd_config **config);
/* A tree of its own that equals the node's; places are kept. */
sd_status sd__config_copy(const sd_config_node *node, sd_config **config);
void sd__config_free(sd_config *config); /* NULL is allowed */

/* "train.epochs=3": the value is YAML; maps on the way are made; list elements are named by number, "model.layers.0.conv". */
sd_status sd__config_set(sd_config *config, const char *assignment);
/* The same from a program, e.g. to note a default in the resolved tree: `path` as above, `value` as YAML text. */
sd_status sd__config_put(sd_config *config, const char *path, const char *value);
/* The same with plain text as value, quoted where YAML would take it for something else. */
sd_status sd__config_put_text(sd_config *config, const char *path, const char *text);

/*
 * Appends the tree as YAML (block style, short leaves inline); reading it gives an equal tree. SD_ENOMEM sets string->failed.
 */
sd_status sd__config_write(const sd_config_node *node, sd_string *string);

/* The child under `key`, or NULL: absent, null, or `map` is NULL. */
const sd_config_node *sd__config_get(const sd_config_node *map, const char *key);
/* The node at "train.epochs", or NULL. */
const sd_config_node *sd__config_at(const sd_config_node *root, const char *path);

/* Fails with the node's place before the message: SD_EFORMAT. A list or map under a key is at the line of its key. */
sd_status sd__config_fail(const sd_config_node *node, const char *format, ...) SD_PRINTF(2, 3);
/* Puts the node's place before the message of a call that failed; SD_OK: nothing happens. */
sd_status sd__config_fail_in(const sd_config_node *node, sd_status status);

/* What the node is, for messages: "a list", "a map", "nothing", "\"abc\"". Uses the given room. */
const char *sd__config_what(const sd_config_node *node, char room[80]);

/* Typed values of a node that is not NULL. Bounds are inclusive. */
sd_status sd__config_int(const sd_config_node *node, int64_t lo, int64_t hi, int64_t *value);
sd_status sd__config_real(const sd_config_node *node, double lo, double hi, double *value);
sd_status sd__config_bool(const sd_config_node *node, bool *value);        /* true|false|yes|no|on|off */
sd_status sd__config_text(const sd_config_node *node, const char **value); /* any scalar */
sd_status sd__config_choice(const sd_config_node *node, int n, const char *const *names, int *value); /* nearest name */
sd_status sd__config_list(const sd_config_node *node); /* checks that it is one */
sd_status sd__config_map(const sd_config_node *node);

/* Checks that the node is a map whose keys are all among `names`; else names key, line and the nearest. `what`: "train". */
sd_status sd__config_known(const sd_config_node *map, const char *what, int n, const char *const *names);

/* "adam", {adam: {...}}: a choice with options. name: the word; options: what is under it, or NULL. `what`: "optimizer". */
sd_status sd__config_named(const char *what, const sd_config_node *node, const char **name, const sd_config_node **options);

/* ---- tables of options: one table reads, checks, documents ------------------------------------------------------------ */

typedef enum sd_option_type {
    SD_OPTION_INT,    /* int64_t */
    SD_OPTION_REAL,   /* double */
    SD_OPTION_BOOL,   /* bool */
    SD_OPTION_TEXT,   /* const char *; lives as long as the tree */
    SD_OPTION_CHOICE, /* int: place in .choices */
    SD_OPTION_PAIR,   /* int64_t[2]: a number for both, or [height, width] */
    SD_OPTION_NODE    /* const sd_config_node *: anything; read by the caller */
} sd_option_type;

typedef struct sd_option {
    const char *name;
    sd_option_type type;
    size_t offset;       /* of the field in the caller's struct */
    const char *initial; /* default as it would be written; NULL: required; "": none, the field stays as the caller set it */
    double lo, hi;       /* INT, REAL, PAIR: bounds, inclusive */
    const char *choices; /* CHOICE: "same|valid"; NODE: what may stand there, for the documentation */
    const char *doc;
} sd_option;

/*
 * Fills the struct `out` from a node: defaults first, then what is given. The node may be NULL (defaults only), a map, or, if
 * `shorthand`, the value of the table's first option alone. `what` names the owner in messages: "layer conv"; `place` is where
 * the owner is named, for options that are missing (NULL: no place is known).
 */
sd_status sd__config_options(const char *what, const sd_config_node *node, int n, const sd_option *table, bool shorthand,
                             const sd_config_node *place, void *out);

/* Documentation of a table: one Markdown row an option. */
void sd__option_help(int n, const sd_option *table, sd_string *string);

#endif
