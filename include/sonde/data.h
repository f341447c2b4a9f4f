/** @file data.h -- data sets in memory, where they come from, how they are split and normalised, and batches of them. */
#ifndef SONDE_DATA_H
#define SONDE_DATA_H

#include <sonde/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- data sets ------------------------------------------------------------------------------------------------------- */

/**
 * Samples of one shape, each with a class label, a vector of real targets, or neither.
 *
 * Never changes once made, may be read by several threads, and is shared by counting owners: a subset keeps its parent alive.
 * Samples are addressed by position 0..samples-1; the *id* of a sample is its position in the file (or memory) that it came
 * from, which subsets keep.
 */
typedef struct sd_dataset sd_dataset;

/** What there is to learn of a sample. */
typedef enum sd_target {
    SD_TARGET_NONE,  /**< nothing: input only */
    SD_TARGET_CLASS, /**< one of `classes` classes, i32 */
    SD_TARGET_REAL   /**< a vector of `targets` numbers */
} sd_target;

/** What a data set is; pointers belong to the data set. */
typedef struct sd_dataset_info {
    const char *name;                 /**< e.g. "mnist", or the file it came from */
    int64_t samples;                  /**< number of samples, below 2^31 */
    sd_shape shape;                   /**< of one sample: images [height,width,channels], features [n] */
    sd_dtype dtype;                   /**< of the stored values: u8, f32 or f64 */
    sd_target target;                 /**< kind of target */
    int classes;                      /**< number of classes; 0 unless target is SD_TARGET_CLASS */
    int targets;                      /**< length of the target vector; 0 unless target is SD_TARGET_REAL */
    const char *const *class_names;   /**< [classes], or NULL: the numbers are the names */
    const char *const *target_names;  /**< [targets], or NULL */
    const char *const *feature_names; /**< [shape count], or NULL */
    const char *checksum;             /**< SHA-256 of its files as on disk, 64 hex digits each, '+' between; "" without files */
} sd_dataset_info;

/** The description of a data set; lives as long as the data set. */
SD_API const sd_dataset_info *sd_dataset_get(const sd_dataset *dataset);

/** One more owner; returns its argument. */
SD_API sd_dataset *sd_dataset_share(sd_dataset *dataset);

/** One owner less; the last frees. NULL is allowed. */
SD_API void sd_dataset_free(sd_dataset *dataset);

/** A data set in the caller's memory. Zero what is not used. */
typedef struct sd_memory {
    const char *name;               /**< NULL: "memory" */
    int64_t samples;                /**< at least 1 */
    sd_shape shape;                 /**< of one sample; images are [height,width,channels] */
    sd_dtype dtype;                 /**< of input: u8, f32 or f64 */
    const void *input;              /**< [samples, shape], row-major */
    const int32_t *labels;          /**< [samples] in [0,classes), or NULL */
    int classes;                    /**< number of classes; 0: the largest label + 1, and no names */
    const char *const *class_names; /**< [classes], copied; or NULL */
    const void *targets;            /**< [samples, n_targets], or NULL; not together with labels */
    int n_targets;                  /**< length of the target vector */
    sd_dtype target_dtype;          /**< of targets: f32 or f64 */
    bool copy;                      /**< true: the data is copied; false: it must outlive the data set, unchanged */
} sd_memory;

/** Makes a data set of the caller's memory. errors SD_EINVAL (a label out of range, an impossible size), SD_ENOMEM. */
SD_API sd_status sd_dataset_from_memory(const sd_memory *memory, sd_dataset **dataset);

/**
 * Fills n samples of a data set that is made on demand.
 *
 * ids      [n] which samples; the result must depend on the id alone
 * input    [n, shape] of the declared dtype
 * labels   [n], or NULL unless the set has classes
 * targets  [n, n_targets] of the declared dtype, or NULL unless it has real targets
 * returns  SD_OK, or a status that ends the reading
 *
 * A loader that prefetches calls it from its own thread, never two calls at once for one loader.
 */
typedef sd_status sd_fill(void *user, int n, const int32_t *ids, void *input, int32_t *labels, void *targets);

/** A data set whose samples a function makes. Zero what is not used. */
typedef struct sd_callback {
    const char *name;               /**< NULL: "callback" */
    int64_t samples;                /**< at least 1 */
    sd_shape shape;                 /**< of one sample */
    sd_dtype dtype;                 /**< of input: u8, f32 or f64 */
    int classes;                    /**< number of classes, or 0 */
    const char *const *class_names; /**< [classes], copied; or NULL */
    int n_targets;                  /**< length of the target vector, or 0 */
    sd_dtype target_dtype;          /**< of targets: f32 or f64 */
    sd_fill *fill;                  /**< makes samples */
    void *user;                     /**< passed to fill */
    int64_t statistics;             /**< normalisation looks at so many samples; 0: at all */
} sd_callback;

/** Makes a data set whose samples are made on demand. errors SD_EINVAL, SD_ENOMEM. */
SD_API sd_status sd_dataset_from_callback(const sd_callback *callback, sd_dataset **dataset);

/**
 * Reads IDX files (MNIST's format: big-endian header, unsigned bytes), packed with gzip or xz, or plain.
 *
 * images   [n,h,w] gives samples [h,w,1], [n,h,w,c] gives [h,w,c], [n,d] gives [d]
 * labels   path of [n] class labels, or NULL
 * classes  labels must lie in [0,classes); 0: the largest label + 1
 * errors   SD_ENOTFOUND, SD_EIO, SD_ENOMEM; SD_EFORMAT: wrong magic, truncated, over-long, counts that differ, label range
 */
SD_API sd_status sd_dataset_from_idx(const char *images, const char *labels, int classes, sd_dataset **dataset);

/**
 * Reads files in the binary layout of CIFAR-10, packed with xz or gzip, or plain: records of a label byte and 3072 values, the
 * planes red, green and blue of 32 rows of 32.
 *
 * n        number of files, 1 to 64
 * paths    [n]; the set has their records one after another, as samples [32,32,3] of bytes with 10 named classes
 * errors   SD_EINVAL, SD_ENOTFOUND, SD_EIO, SD_ENOMEM; SD_EFORMAT: no whole number of records, truncated, damaged, a label
 *          beyond 9, xz without liblzma
 */
SD_API sd_status sd_dataset_from_cifar(int n, const char *const *paths, sd_dataset **dataset);

/** How to read a CSV file. Zero what is not used. */
typedef struct sd_csv {
    const char *label;          /**< column that holds the class (any text), or NULL */
    const char *const *targets; /**< columns that hold real targets, or NULL; not together with label */
    int n_targets;              /**< number of those columns */
    const sd_dataset *like;     /**< read it as this set was read: same feature columns (by name), classes and targets; absent
                                     target columns are then allowed, and label, targets are not looked at */
    char separator;             /**< 0: ',' */
    bool headerless;            /**< there is no header line: columns are called "1", "2", ... */
} sd_csv;

/**
 * Reads a CSV file: a header line, then numbers in every column that is not the label; fields may be quoted.
 *
 * Classes are the distinct labels in sorted order (by value if all are integers, else by bytes). Samples have shape [features].
 * errors  SD_ENOTFOUND, SD_EIO, SD_ENOMEM; SD_EFORMAT with file:line:column for text, NaN or nothing where a number belongs, a
 *         missing column, lines of different length, an unknown class (with `like`)
 */
SD_API sd_status sd_dataset_from_csv(const char *path, const sd_csv *csv, sd_dataset **dataset);

/** How to read npy files. Zero what is not used. */
typedef struct sd_npy {
    const char *x;   /**< inputs [n, ...]; u8 and floats are kept as they are, integers become f64 */
    const char *y;   /**< targets: integers [n] are class labels, floats [n] or [n,t] are real targets; or NULL */
    int classes;     /**< number of classes; 0: the largest label + 1 */
    bool regression; /**< integers in y are real targets, too */
} sd_npy;

/** Reads a data set from npy files. errors as sd_npy_read(); SD_EFORMAT (counts that differ, labels out of range, NaN). */
SD_API sd_status sd_dataset_from_npy(const sd_npy *npy, sd_dataset **dataset);

/**
 * The embedded procedural set: handwritten-like digits 0..9 as 28x28 images of grey (u8, white on black), drawn from stroke
 * descriptions with random affine and elastic deformation, thickness and noise. Sample i is a pure function of (seed, i), made
 * when it is first asked for and then kept.
 *
 * part    "train" or "test": different digits for the same seed
 * errors  SD_EINVAL, SD_ENOMEM
 */
SD_API sd_status sd_dataset_strokes(uint64_t seed, const char *part, int64_t samples, sd_dataset **dataset);

/** The samples at these positions, in this order, as a data set that shares the data. errors SD_EINVAL (range), SD_ENOMEM. */
SD_API sd_status sd_dataset_subset(sd_dataset *dataset, int64_t n, const int32_t *positions, sd_dataset **subset);

/**
 * Splits a data set in two by chance: `rest` and `taken`, each with its samples in the original order. Classes keep their share
 * to within one sample (not in sets that a callback makes). The split depends on the set, seed and amount alone.
 *
 * amount  below 1: fraction to take; 1 or more: number of samples to take
 * errors  SD_EINVAL (one of the two would be empty), SD_ENOMEM
 */
SD_API sd_status sd_dataset_split(sd_dataset *dataset, uint64_t seed, double amount, sd_dataset **rest, sd_dataset **taken);

/** Samples of each class into counts [classes]. errors SD_EINVAL (no classes), what the set's fill returns. */
SD_API sd_status sd_dataset_class_counts(const sd_dataset *dataset, int64_t *counts);

/* -- normalisation --------------------------------------------------------------------------------------------------- */

/** How stored values become inputs. */
typedef enum sd_normalize {
    SD_NORMALIZE_NONE,    /**< as they are: bytes are 0..255 */
    SD_NORMALIZE_UNIT,    /**< into [0,1]: bytes / 255; others by the smallest and largest value of each feature */
    SD_NORMALIZE_STANDARD /**< mean 0, deviation 1 */
} sd_normalize;

/** "none", "unit", "standard"; "?" for a value outside the enum. */
SD_API const char *sd_normalize_name(sd_normalize kind);

/** Finds the kind by name. errors SD_EINVAL, naming the three. */
SD_API sd_status sd_normalize_parse(const char *name, sd_normalize *kind);

/**
 * input = (value - offset[c]) / scale[c]; numbers so that they can be stored beside the weights.
 *
 * c counts features of samples [n], channels (the last axis) of samples of three or more axes; others have one pair.
 * n = 0: values are taken as they are.
 */
typedef struct sd_normalization {
    sd_normalize kind; /**< what it was made as */
    int n;             /**< number of pairs */
    double *offset;    /**< [n] */
    double *scale;     /**< [n], never 0: a constant feature has scale 1 */
} sd_normalization;

/** Number of pairs that normalising this data set takes. */
SD_API int sd_normalization_size(const sd_dataset *dataset);

/** Takes the numbers from a data set: the training part alone, so nothing else leaks. pool may be NULL. To be cleared. */
SD_API sd_status sd_normalization_make(sd_normalize kind, const sd_dataset *dataset, sd_pool *pool, sd_normalization *out);

/** Makes one of n stored pairs, which are copied. errors SD_EINVAL (scale 0 or not finite), SD_ENOMEM. */
SD_API sd_status sd_normalization_copy(sd_normalize kind, int n, const double *offset, const double *scale,
                                       sd_normalization *out);

/** Frees the numbers and zeroes the struct. */
SD_API void sd_normalization_clear(sd_normalization *normalization);

/* -- reading --------------------------------------------------------------------------------------------------------- */

/**
 * Reads n samples at once, on the caller. Subnormal values become 0, as they would in a run.
 *
 * positions      [n] in 0..samples-1
 * dtype          of input and targets: f32 or f64
 * normalization  or NULL: values as they are
 * input          [n, shape], or NULL: not wanted
 * labels         [n], or NULL
 * targets        [n, targets], or NULL
 * errors         SD_EINVAL, what the set's fill returns
 */
SD_API sd_status sd_dataset_read(const sd_dataset *dataset, int n, const int32_t *positions, sd_dtype dtype,
                                 const sd_normalization *normalization, void *input, int32_t *labels, void *targets);

/** Samples for one step. Pointers belong to the loader and live until its next call. */
typedef struct sd_batch {
    int size;              /**< B, the same for all batches of a loader */
    int valid;             /**< the first `valid` are real; the others repeat sample 0 of the batch with weight 0 */
    const void *input;     /**< [B, shape], f32 or f64 */
    const int32_t *labels; /**< [B], or NULL unless the set has classes */
    const void *targets;   /**< [B, targets] of input's dtype, or NULL unless the set has real targets */
    const void *weights;   /**< [B] of input's dtype: 1, or 0 for padding */
    const int32_t *ids;    /**< [B] where each sample stands in the file it came from */
    int64_t epoch;         /**< 0, 1, ... */
    int64_t index;         /**< batch of the epoch: 0, 1, ... */
} sd_batch;

/**
 * How to make batches. Zero what is not used. If samples are stored and there is a pool, which must outlive the loader, its
 * threads make the next batch whenever they would wait for one another, and prefetch does nothing.
 */
typedef struct sd_loader_options {
    int batch;                             /**< B, at least 1 */
    sd_dtype dtype;                        /**< f32 (0) or f64 */
    bool shuffle;                          /**< a new order each epoch, pure function of (seed, epoch); else the set's order */
    uint64_t seed;                         /**< for shuffle */
    bool pad;                              /**< fill an incomplete last batch up with weight 0 (evaluation); else drop it */
    bool prefetch;                         /**< the next batch is made by a thread of the loader's own; same bits either way */
    const sd_normalization *normalization; /**< copied; NULL: values as they are */
    sd_pool *pool;                         /**< makes batches beside its other work; NULL: none */
} sd_loader_options;

/** Makes batches of a data set, epoch after epoch without end. Used by one thread at a time. */
typedef struct sd_loader sd_loader;

/** Makes a loader that stands before epoch 0, batch 0. errors SD_EINVAL (too few samples, no pad), SD_ENOMEM. */
SD_API sd_status sd_loader_new(sd_dataset *dataset, const sd_loader_options *options, sd_loader **loader);

/** Stops the thread and frees. NULL is allowed. */
SD_API void sd_loader_free(sd_loader *loader);

/** Batches in an epoch. */
SD_API int64_t sd_loader_batches(const sd_loader *loader);

/** The next call to sd_loader_next() gives this batch: resuming is seeking. errors SD_EINVAL (index beyond the epoch). */
SD_API sd_status sd_loader_seek(sd_loader *loader, int64_t epoch, int64_t index);

/** The next batch; after the last of an epoch comes the first of the next. errors what the set's fill returns. */
SD_API sd_status sd_loader_next(sd_loader *loader, sd_batch *batch);

/* -- sets by name ---------------------------------------------------------------------------------------------------- */

/** One file of a named set. */
typedef struct sd_named_file {
    const char *name;   /**< original file name; of a file from an archive, with its folder there */
    int64_t bytes;      /**< size of the original */
    const char *sha256; /**< of the original, 64 hex digits; NULL: that of its archive is known */
} sd_named_file;

/** A set that can be asked for by name. */
typedef struct sd_named_set {
    const char *name;          /**< e.g. "mnist": also its folder */
    const char *doc;           /**< one line: what it is */
    const char *source;        /**< who made it */
    sd_shape shape;            /**< of one sample */
    int classes;               /**< number of classes */
    int64_t train, test;       /**< samples in each part (of strokes: unless told otherwise) */
    int n_files;               /**< 0: embedded, nothing to fetch */
    const sd_named_file *file; /**< [n_files] */
    sd_named_file archive;     /**< what is fetched and unpacked to get them (tar); name NULL: the files themselves */
    int n_urls;                /**< hosts that have the files */
    const char *const *url;    /**< [n_urls] address to which the name of a file, or of the archive, is appended */
} sd_named_set;

/** Number of named sets; *table is the first. */
SD_API int sd_named_sets(const sd_named_set **table);

/** The set of that name, or NULL; sd_error() then has the nearest name. */
SD_API const sd_named_set *sd_named_set_find(const char *name);

/**
 * The folder that has all files of a named set: NAME/ in `dir` (if not NULL), $SONDE_DATA, ~/.cache/sonde, in this order.
 * A file may also lie there unpacked, or packed with gzip or xz, and without the folder that its archive would put it into.
 *
 * folder  the caller frees
 * errors  SD_ENOTFOUND, with the places and the command that fetches it; SD_ENOMEM
 */
SD_API sd_status sd_named_set_locate(const sd_named_set *set, const char *dir, char **folder);

/** Where fetching puts a set: NAME/ in `dir`, $SONDE_DATA or ~/.cache/sonde, the first given. NULL without memory or home. */
SD_API char *sd_named_set_folder(const sd_named_set *set, const char *dir);

/** What to train on. Zero what is not used; exactly one of name, csv_train, npy_x, custom. */
typedef struct sd_data_options {
    const char *name; /**< a named set */
    const char *dir;  /**< folder searched first for named sets (--data-dir), or NULL */

    const char *csv_train; /**< CSV file of the training part */
    const char *csv_test;  /**< CSV file of the test part, or NULL */
    sd_csv csv;            /**< how to read them */

    const char *npy_x, *npy_y;           /**< npy files of the training part */
    const char *npy_test_x, *npy_test_y; /**< npy files of the test part, or NULL */
    int classes;                         /**< classes in npy_y; 0: the largest label + 1 */
    bool regression;                     /**< integers in npy_y are real targets */

    sd_dataset *custom, *custom_test; /**< data sets of the caller (shared), test or NULL */

    uint64_t seed;           /**< of splits, and of strokes */
    double test;             /**< without a test part: how much of the data to set aside as one (fraction or count); 0: none */
    double validation;       /**< how much of the training part to set aside (fraction or count); 0: none */
    bool validation_is_test; /**< the test part serves as validation: results are then selected on the test set */
    int64_t limit;           /**< use so many samples of the training part, drawn by seed before validation is; 0: all */
    int64_t limit_test;      /**< use the first so many samples of the test part; 0: all */
    int64_t strokes_train;   /**< size of strokes' training part; 0: the default */
    int64_t strokes_test;    /**< size of strokes' test part; 0: the default */
    sd_normalize normalize;  /**< numbers are taken from what is left of the training part */
} sd_data_options;

/** The parts of a data set, ready for loaders. */
typedef struct sd_data {
    sd_dataset *train;              /**< to learn from */
    sd_dataset *validation;         /**< to choose by, or NULL; the test part if options said so */
    sd_dataset *test;               /**< to judge by, or NULL */
    sd_normalization normalization; /**< of the training part; empty if normalize was none */
} sd_data;

/** Opens, splits and measures. pool may be NULL. errors of the readers above; SD_EINVAL. Close it after use. */
SD_API sd_status sd_data_open(const sd_data_options *options, sd_pool *pool, sd_data *data);

/** Frees what sd_data_open() made, and zeroes the struct. */
SD_API void sd_data_close(sd_data *data);

/* -- npy files ------------------------------------------------------------------------------------------------------- */

/**
 * Reads an npy file (format 1.0 to 3.0, little-endian f4, f8, i4, i8, u1 or b1, C order).
 *
 * tensor  dense; f4 is f32, f8 is f64, u1 and b1 are u8, i4 and i8 are i32. The caller frees tensor->data with free()
 * errors  SD_ENOTFOUND, SD_EIO, SD_ENOMEM; SD_EFORMAT: wrong magic, truncated, over-long, Fortran order, another type, more
 *         than SD_MAX_RANK axes, an i8 that does not fit 32 bits
 */
SD_API sd_status sd_npy_read(const char *path, sd_tensor *tensor);

/** Writes a tensor (any strides; f32, f64, i32, u8) as npy file, whole or not at all. errors SD_EDTYPE, SD_EIO, SD_ENOMEM. */
SD_API sd_status sd_npy_write(const char *path, const sd_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
