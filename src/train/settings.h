/* settings.h -- what a run's YAML file says beside the model and the optimizer: keys data, train, eval, probes, init. */
#ifndef SD_TRAIN_SETTINGS_H
#define SD_TRAIN_SETTINGS_H

#include <sonde/train.h>

#include "base/arena.h"
#include "format/config.h"

/* What the key `probes` asks for. The names are known only above this floor: whoever attaches the observers looks them up. */
typedef struct sd_probes_wish {
    const sd_config_node *use; /* a name, or a list of them; NULL: there is no such key */
    int64_t every, samples;
} sd_probes_wish;

/* Texts belong to the tree or to the arena. */
typedef struct sd_settings {
    sd_data_options data;
    sd_train_options train;
    const char *init_from;           /* NULL: weights are drawn */
    const sd_config_node *init_node; /* for messages */
    int init_layers;                 /* 0: all */
    const char **init_layer;
    const sd_config_node *data_node; /* for messages; NULL: no key data */
    sd_probes_wish probes;           /* `use` is a node of the tree */
    sd_arena arena;
} sd_settings;

/*
 * Reads the tree; `data` itself is needed unless in_memory. Relative paths of data files are looked for in the working folder,
 * the folder of the file, `data_dir`, $SONDE_DATA, ~/.cache/sonde. To be cleared, also after an error.
 */
sd_status sd__settings_read(const sd_config_node *root, const char *data_dir, bool in_memory, sd_settings *settings);
void sd__settings_clear(sd_settings *settings);

/* Writes into the tree what the file left to the defaults, and the version and the data's checksums under `sonde`. */
sd_status sd__settings_resolve(sd_config *config, const sd_settings *settings, const sd_data *data);

/* SD_EFORMAT unless the data still has the checksums in such a tree. */
sd_status sd__settings_check_data(const sd_config *config, const sd_data *data);

/* Documentation of these keys as Markdown. */
void sd__settings_help(sd_string *string);

#endif
