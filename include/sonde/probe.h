/**
 * @file probe.h -- instruments: what a trained model is like inside, measured without changing it.
 *
 * In the library sonde-lab. Every instrument reads a *subject*: a model with the samples that it is looked at on.
 * Measuring writes neither to the weights nor to the states, so a run goes on after it with the same bits. What is
 * estimated carries an interval.
 */
#ifndef SONDE_PROBE_H
#define SONDE_PROBE_H

#include <sonde/data.h>
#include <sonde/nn.h>
#include <sonde/statistics.h>
#include <sonde/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- subjects ------------------------------------------------------------------------------------------------------------ */

/** What an instrument looks at. Zero what is not used; nothing of it is changed. */
typedef struct sd_subject {
    sd_model *model;                       /**< the network */
    const sd_dataset *data;                /**< the samples, in the order of the set */
    const sd_normalization *normalization; /**< of the training data; NULL: values as they are */
    int64_t samples;                       /**< the first so many; 0: 1000, or all where there are fewer */
    int batch;                             /**< samples at a time; 0: 256 */
    bool training;                         /**< batch norm by each batch's statistics and dropout on; false: eval mode */
    const void *theta;                     /**< weights to look at instead; NULL: the model's own */
    const void *state;                     /**< states to look at instead; NULL: the model's own */
} sd_subject;

/** How many samples a subject has: the smaller of what is asked for and what there is. */
SD_API int64_t sd_subject_samples(const sd_subject *subject);

/**
 * The control of every statement about training: weights and states as they were before it.
 *
 * theta, state  to be freed with free(); state is NULL where there is none
 * errors        SD_ENOMEM
 */
SD_API sd_status sd_untrained(const sd_model *model, void **theta, void **state);

/* -- linear probes ------------------------------------------------------------------------------------------------------- */

/** How to probe. Zero what is not used; test is needed. */
typedef struct sd_linear_options {
    const sd_dataset *test; /**< the probes are judged on these samples, which nothing is fitted to or chosen by */
    int64_t test_samples;   /**< the first so many; 0: 2000, or all where there are fewer */
    double validation;      /**< share of the subject's samples by which the strength is chosen; 0: 0.2 */
    int64_t features;       /**< maps [H,W,C] with more numbers are averaged over a grid; 0: 1024 */
    double tolerance;       /**< gradient's norm at the optimum, relative to that at zero weights; 0: 1e-3 */
    double confidence;      /**< of intervals; 0: 0.95 */
    uint64_t seed;          /**< of the split into fit and validation samples */
} sd_linear_options;

/** How well classes can be told apart by what comes out of one layer. */
typedef struct sd_probed_layer {
    const char *name;     /**< "input", the path of a nonlinear layer, "output"; lives as long as the model */
    int64_t features;     /**< numbers that come out of it for one sample */
    int64_t read;         /**< of these, or of their averages, the probes read so many */
    int grid[2];          /**< rows and columns of averages; 0: every number was read as it is */
    double strength;      /**< of the penalty: the one of SD_PROBE_STRENGTHS with the best validation accuracy */
    double fit_accuracy;  /**< of the linear classifier on the samples it was fitted to */
    double validation;    /**< its accuracy on those the strength was chosen by */
    sd_interval accuracy; /**< its accuracy on the test samples; binomial */
    sd_interval nearest;  /**< accuracy of the nearest fit sample's class on the test samples; binomial */
    double loss;          /**< penalised mean loss at the optimum, in nats */
    double gradient;      /**< norm of its gradient there, relative to zero weights: how far the fit went */
    bool converged;       /**< that is at most the tolerance */
} sd_probed_layer;

/** What was measured. Arrays belong to it. */
typedef struct sd_linear_report {
    int64_t fit, validation, test; /**< samples of each kind */
    int classes;                   /**< that occur among the fit samples; others cannot be predicted */
    sd_interval majority;          /**< control: accuracy of the fit samples' most frequent class on the test samples */
    sd_probed_layer *layer;        /**< [layers] the input, every nonlinear layer in the order of building, the output */
    int layers;                    /**< number of rows */
} sd_linear_report;

/** The strengths that are tried, strongest first: features are scaled so that their mean squared length about the mean is 1. */
#define SD_PROBE_STRENGTHS                 \
    {                                      \
        1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6 \
    }

/**
 * Fits a linear classifier to the input, to what comes out of every nonlinear layer and of the last layer, and judges it, and
 * the nearest neighbour, on test samples.
 *
 * The classifier is multinomial logistic regression with an L2 penalty on all but the biases, fitted to the optimum. Equal
 * validation accuracies take the stronger penalty. Nothing is refitted afterwards.
 *
 * report  to be cleared
 * source  Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"
 * errors  SD_EINVAL (no classes, no test samples, test samples that are the subject's, fewer than 10 samples, one class),
 *         SD_ESHAPE, SD_ENONFINITE (names the layer), SD_ENOMEM
 */
SD_API sd_status sd_probe_linear(const sd_subject *subject, const sd_linear_options *options, sd_linear_report *report);

/** Frees the array and zeroes the struct. */
SD_API void sd_linear_report_clear(sd_linear_report *report);

/* -- during training ----------------------------------------------------------------------------------------------------- */

/**
 * Has the instruments look on that the key `probes` of a run's file names: their numbers become lines of
 * metrics.jsonl and TensorBoard.
 *
 * An sd_attach_fn: give it as `probes` of sd_run_options, or call it before training. SD_OK where there is no such key.
 * errors  SD_EINVAL (a name that no instrument has during training; with file, line and the nearest name), SD_ENOMEM
 */
SD_API sd_status sd_probes_attach(sd_trainer *trainer);

/* -- curvature ----------------------------------------------------------------------------------------------------------- */

/** Which symmetric matrix over the parameters. L is the mean loss of the samples, without weight decay. */
typedef enum sd_curvature_kind {
    SD_HESSIAN,      /**< second derivatives of L */
    SD_GAUSS_NEWTON, /**< J' H J: J the Jacobian of the outputs, H the Hessian of L in the outputs. For cross-entropy, mse and
                          logistic it is the Fisher matrix of the model's own predictions */
    SD_FISHER        /**< empirical Fisher: mean of g g', g the gradient of one sample's loss, with the labels of the data */
} sd_curvature_kind;

/** "Hessian", "Gauss-Newton matrix", "empirical Fisher matrix"; "?" for a value outside the enum. */
SD_API const char *sd_curvature_name(sd_curvature_kind kind);

/** Such a matrix at one point, by its products with vectors. Used by one thread at a time. */
typedef struct sd_curvature sd_curvature;

/**
 * Prepares products over the trained parameters; loss and gradient are computed at once.
 *
 * layer   only the parameters of this layer, block or slice, by name (its diagonal block); NULL: all
 * errors  SD_EINVAL (no loss, nothing trained), SD_ENOTFOUND (layer), SD_ESHAPE (data does not fit), SD_ENONFINITE, SD_ENOMEM
 */
SD_API sd_status sd_curvature_new(const sd_subject *subject, sd_curvature_kind kind, const char *layer,
                                  sd_curvature **curvature);

/** Frees it; NULL is allowed. */
SD_API void sd_curvature_free(sd_curvature *curvature);

/** Number of parameters: rows and columns. They are in theta's order, those left out skipped. */
SD_API int64_t sd_curvature_size(const sd_curvature *curvature);

/** The mean loss over the samples. */
SD_API double sd_curvature_loss(const sd_curvature *curvature);

/** The gradient of the mean loss, [size]; lives as long as the matrix. */
SD_API const double *sd_curvature_gradient(const sd_curvature *curvature);

/** product = matrix * v, both [size]; computed in the model's type, summed over batches in f64. errors of sd_run() */
SD_API sd_status sd_curvature_product(sd_curvature *curvature, const double *v, double *product);

/** What to measure; all zero: ten eigenpairs and nothing else. */
typedef struct sd_curvature_options {
    sd_curvature_kind kind; /**< which matrix */
    const char *layer;      /**< only this layer, block or slice; NULL: everything */
    int pairs;              /**< largest eigenvalues; 0: 10, never more than there are */
    double tolerance;       /**< a pair has converged if its residual is at most this times the largest |eigenvalue|; 0: 1e-3 */
    int steps;              /**< most Lanczos steps; 0: 200 */
    int trace;              /**< products spent on the trace, at least 6; 0: not measured */
    int density;            /**< random vectors for the spectral density; 0: not measured */
    int density_steps;      /**< Lanczos steps a vector; 0: 60 */
    bool spectrum;          /**< all eigenvalues, up to SD_SPECTRUM_MOST parameters */
    bool layers;            /**< also the largest eigenvalue of every layer's diagonal block */
    double confidence;      /**< of intervals; 0: 0.95 */
    uint64_t seed;          /**< of the random vectors */
} sd_curvature_options;

/** Most parameters of a full spectrum. */
#define SD_SPECTRUM_MOST 5000

/** An eigenvalue, and how far its vector is from being an eigenvector. */
typedef struct sd_eigenpair {
    double value;    /**< the eigenvalue */
    double residual; /**< |H v - value v| for the unit vector v found, by a product of its own */
} sd_eigenpair;

/** The largest eigenvalue of one layer's block. */
typedef struct sd_layer_curvature {
    const char *name;     /**< the layer's path; lives as long as the model */
    int64_t parameters;   /**< size of the block */
    sd_eigenpair largest; /**< its largest eigenvalue */
} sd_layer_curvature;

/** What was measured. Arrays belong to it. */
typedef struct sd_curvature_report {
    int64_t samples, parameters; /**< over which samples; size of the matrix */
    double loss;                 /**< mean loss */
    double gradient_norm;        /**< away from 0 the point is not critical, and a negative eigenvalue is no saddle */
    sd_eigenpair *pair;          /**< [pairs] the largest, in falling order */
    int pairs;                   /**< how many there are */
    int converged;               /**< how many of them have converged */
    sd_eigenpair smallest;       /**< the other end of the spectrum */
    int steps;                   /**< Lanczos steps taken */
    int64_t products;            /**< products with the matrix in all */
    sd_interval trace;           /**< by Hutch++; NaN: not measured */
    bool trace_exact;            /**< so few parameters that the trace was added up */
    double *node, *weight;       /**< [nodes] spectral density: eigenvalues and their shares, which add up to 1 */
    int nodes;                   /**< number of nodes */
    double band;                 /**< eigenvalues within +- this count as zero */
    sd_interval negative;        /**< share of eigenvalues below -band, from the density; NaN: not measured */
    double *spectrum;            /**< [parameters] all eigenvalues in rising order, or NULL */
    int64_t index;               /**< eigenvalues below -band, from the spectrum; -1: not measured */
    int64_t zeros;               /**< eigenvalues within the band, from the spectrum; -1: not measured */
    sd_layer_curvature *layer;   /**< [layers] */
    int layers;                  /**< number of rows */
} sd_curvature_report;

/**
 * Measures the curvature of the loss; options may be NULL.
 *
 * report  to be cleared
 * source  Lanczos 1950 with full reorthogonalisation; Meyer et al. 2021 (Hutch++); Golub & Welsch 1969, Ubaru, Chen & Saad 2017
 *         (stochastic Lanczos quadrature)
 * errors  as sd_curvature_new(); SD_EINVAL (a full spectrum of too many parameters, numbers out of range)
 */
SD_API sd_status sd_probe_curvature(const sd_subject *subject, const sd_curvature_options *options,
                                    sd_curvature_report *report);

/** Frees the arrays and zeroes the struct. */
SD_API void sd_curvature_report_clear(sd_curvature_report *report);

/* -- linear regions ------------------------------------------------------------------------------------------------------ */

/**
 * How to count the pieces on which a network of ReLUs and max pooling is affine; all zero: along 20 segments, and nothing else.
 *
 * Words: a *unit* is a place where the network chooses (a ReLU, leaky ReLU, threshold or |x|; a window of max pooling); a
 * *pattern* is what all of them choose in the inside of a cell, so an inner point of it is enough; an *affine region* is a
 * largest connected part of the segment or slice on which the output is one affine function, so several patterns may make
 * one. Nothing is sampled.
 */
typedef struct sd_regions_options {
    int segments;         /**< between pairs of samples, none in two pairs; 0: 20, fewer if there are fewer samples; -1: none */
    int64_t most_pieces;  /**< patterns at which a segment is left unfinished; 0: 1,000,000 */
    bool slice;           /**< also a rectangle of a plane */
    const double *origin; /**< [input]; NULL: with two inputs the inputs themselves, else a plane through three samples, of
                                 different classes if there are */
    const double *axis;   /**< [2,input]: input = origin + u axis[0] + v axis[1] */
    double window[4];     /**< u in [0]..[1], v in [2]..[3]; all 0: the smallest that holds the samples */
    int64_t most_polygons; /**< at which a slice is left unfinished; 0: 200,000 */
    bool shrink;           /**< instead the window is halved about its middle until all of it can be counted */
    const sd_dataset
        *test;            /**< also: how many of these samples have a pattern that no training sample has; NULL: not measured */
    int64_t test_samples; /**< the first so many; 0: 2000, or all where there are fewer */
    const sd_dataset *train; /**< training samples; NULL: the subject's set */
    int64_t train_samples;   /**< the first so many; 0: all of them */
    double confidence;       /**< of intervals; 0: 0.95 */
    uint64_t seed;           /**< of the pairs */
} sd_regions_options;

/** The segment between two samples. */
typedef struct sd_segment {
    int32_t from, to;         /**< samples at its ends */
    double length;            /**< Euclidean, of the inputs as the network gets them */
    int64_t pieces, patterns; /**< affine regions and patterns that it passes through */
    bool whole;               /**< false: left at most_pieces, so both counts are too small */
} sd_segment;

/** A cell of a slice: one pattern. */
typedef struct sd_polygon {
    int corners;          /**< number of corners */
    const double *corner; /**< [corners,2] u and v, in order around it */
    uint64_t pattern;     /**< hash of the pattern */
    int64_t region;       /**< number of its affine region, from 0 */
    int colour;           /**< 0 to 5: another than any neighbouring region's, as far as six go */
    const double *map;    /**< [3,outputs] the output at u = v = 0, its change with u, its change with v */
} sd_polygon;

/** The units of one layer alone. */
typedef struct sd_novel_layer {
    char name[64];     /**< the layer's path */
    int64_t units;     /**< places where it chooses */
    int64_t patterns;  /**< different ones of the training samples */
    sd_interval share; /**< of the test samples: those whose pattern of this layer no training sample has */
} sd_novel_layer;

/**
 * Test samples in *novel* regions: their pattern is that of no training sample. By the forward pass in the model's own type.
 */
typedef struct sd_novelty {
    int64_t train, test;        /**< samples compared; 0: not measured */
    int64_t patterns;           /**< different ones of the training samples */
    int64_t novel;              /**< test samples with another pattern */
    sd_interval share;          /**< their share */
    sd_interval accuracy;       /**< of the network on these; NaN: there are none, or no classes */
    sd_interval nearest;        /**< of the nearest training sample's class on these */
    sd_interval other_accuracy; /**< of the network on the other test samples */
    sd_interval other_nearest;  /**< of the nearest training sample's class on the others */
    sd_novel_layer *layer;      /**< [layers] */
    int layers;                 /**< whose units choose */
} sd_novelty;

/** What was counted, in f64 with the model's weights. Arrays belong to it. */
typedef struct sd_regions_report {
    int64_t samples;              /**< of the subject, read; 0: none were needed */
    int64_t inputs, outputs;      /**< of the network */
    int64_t units;                /**< places where it chooses; 0: it is affine, one region */
    sd_segment *segment;          /**< [segments] */
    int segments;                 /**< walked; 0: not measured */
    int unfinished;               /**< of these left at most_pieces: then the means are too small */
    sd_interval pieces, patterns; /**< a segment; NaN: not measured */
    sd_interval borders_a_length; /**< affine borders, pieces - 1, a unit of length */
    double residual; /**< largest difference of a segment's last piece from the network at its end, over the output's size */
    sd_polygon *polygon;          /**< [polygons] */
    int64_t polygons;             /**< number of cells; 0: no slice */
    int64_t slice_patterns;       /**< different patterns in them; -1: not measured */
    int64_t slice_regions;        /**< affine regions; -1: not measured */
    double covered;               /**< share of the window that the cells fill: 1 when finished; NaN: no slice */
    double window[4];             /**< what was counted */
    int halvings;                 /**< of the window, to make it countable */
    double point[3][2];           /**< the samples through which the plane goes, in u and v; NaN: it was given */
    int32_t point_sample[3];      /**< which samples; -1: it was given */
    double *own_corner, *own_map; /**< the polygons' corners and maps */
    sd_novelty novel;             /**< by options.test */
} sd_regions_report;

/**
 * Counts linear regions; options may be NULL. The subject needs data for segments, default planes and windows only.
 *
 * Takes dense, convolution, max and average pooling, batch norm (eval mode), sums, concatenation, ReLU, leaky ReLU, |x|, minima
 * and maxima; a threshold cuts as well, and the output jumps there. Values within 1e-11 of what a layer reaches count as 0,
 * maps that agree within 1e-9 of the output's size as equal.
 *
 * report  to be cleared
 * source  Montufar et al. 2014, "On the number of linear regions of deep neural networks"
 * errors  SD_EINVAL (a layer that is not piecewise affine, by name; training mode; a plane through points on a line),
 *         SD_ESHAPE, SD_ENONFINITE, SD_ENOMEM
 */
SD_API sd_status sd_probe_regions(const sd_subject *subject, const sd_regions_options *options, sd_regions_report *report);

/** Frees the arrays and zeroes the struct. */
SD_API void sd_regions_report_clear(sd_regions_report *report);

/* -- signal ---------------------------------------------------------------------------------------------------------------- */

/** An activation is saturated where its slope is below this share of the largest that it has. A ReLU is where it gives 0. */
#define SD_SATURATED 0.01

/** A sum (a skip connection) that differs from one of its summands by less than this share changes nothing. */
#define SD_IDLE_SUM 1e-3

/** What to leave out; NULL: nothing. */
typedef struct sd_signal_options {
    bool brief; /**< only mean, deviation, saturation, dead units and gradients: what is cheap enough during training */
} sd_signal_options;

/**
 * What a layer does to the signal and to the gradient. Squares are averaged over samples and elements. NaN:
 * not measured, or no theory.
 *
 * Mean field: a dense layer or convolution z = W x + b with independent weights of mean 0 and mean square s^2 has,
 * over the choice of weights,
 *
 *     E z^2 = s^2 (sum of x^2 over what one output reads) + mean of b^2 =: q,         that is sigma_w^2 E x^2 + sigma_b^2,
 *     E dx^2 = s^2 (sum of dz^2 over what reads one input),
 *
 * taps in the padding not counted, and an activation f of x ~ N(0, q) has E f(x)^2 and passes E f'(x)^2 of a gradient's mean
 * square. x, dz and q are the measured ones, so each layer is compared by itself; s^2 and b^2 are those of the weights as they
 * are (predicted) and of the initialiser (initial). Sources: Poole et al. 2016; Schoenholz et al. 2017.
 */
typedef struct sd_layer_signal {
    const char *name;       /**< path, "block1/conv2"; belongs to the report */
    const char *kind;       /**< "conv" */
    int64_t elements;       /**< of the output, for one sample */
    int64_t units;          /**< channels of images, else units: the last axis */
    double mean, deviation; /**< of the output: the pre-activation of dense, conv and norms */
    double rms;             /**< root mean square of the output */
    double saturated;       /**< share of an activation's elements that are saturated */
    int64_t dead;           /**< units whose output is constant up to rounding; -1: the layer computes nothing */
    int64_t *dead_unit;     /**< [dead] which, in rising order */
    int64_t stuck;          /**< others that are saturated everywhere in all samples; -1: no activation */
    double gradient;        /**< root mean square of d(loss of a sample)/d(output) */
    int64_t parameters;     /**< elements of its slices of theta */
    double weight_norm;     /**< 2-norm of its parameters; NaN without any */
    double gradient_norm;   /**< 2-norm of the gradient of the mean loss in its parameters, frozen ones, too */
    double change;          /**< rms of output - input over that of the input, the nearest input; NaN: other sizes */
    bool idle;              /**< changes nothing: `change` is at most the report's rounding, or of a sum SD_IDLE_SUM */
    double predicted;       /**< rms that the mean field expects, with the weights as they are */
    double predicted_error; /**< linear maps: one deviation of it over the choice of independent weights, at most */
    double initial;         /**< linear maps: the same rms with freshly drawn weights */
    double chi;             /**< mean square of the gradient at the input, by way of this layer, over that at the output */
    double predicted_chi;   /**< the same ratio by the mean field, with the weights as they are */
    double initial_chi;     /**< linear maps: with freshly drawn weights */
} sd_layer_signal;

/** What was measured. Arrays and names belong to it. */
typedef struct sd_signal_report {
    int64_t samples;            /**< over how many samples */
    bool training;              /**< batch norm by each batch's statistics, dropout on */
    double loss;                /**< mean loss; NaN without one, and then all gradients are */
    double rounding;            /**< what is smaller, relative to the numbers themselves, counts as rounding */
    sd_layer_signal input;      /**< the samples as the network gets them; dead: constant features or channels */
    sd_layer_signal *layer;     /**< [layers] in the order of building */
    int layers;                 /**< number of rows */
    int64_t units, dead, stuck; /**< of all activations together */
    char *text;                 /**< the names */
} sd_signal_report;

/**
 * Measures signal and gradient in every layer; options may be NULL.
 *
 * report  to be cleared
 * errors  SD_ENONFINITE, naming the first layer whose parameters, output or gradient is not finite; SD_ESHAPE (data
 *         does not fit), SD_ENOMEM
 */
SD_API sd_status sd_probe_signal(const sd_subject *subject, const sd_signal_options *options, sd_signal_report *report);

/** Frees the arrays and zeroes the struct. */
SD_API void sd_signal_report_clear(sd_signal_report *report);

/* -- attribution ----------------------------------------------------------------------------------------------------------- */

/** The input that stands for "nothing there": attributions say what leads from it to the sample. */
typedef enum sd_baseline {
    SD_BASELINE_MEAN, /**< the mean of the subject's samples */
    SD_BASELINE_ZERO  /**< every value 0 before normalization: a black image */
} sd_baseline;

/** What to explain; all zero: eight samples, 64 steps, the mean as baseline, the predicted class. */
typedef struct sd_attribution_options {
    sd_baseline baseline; /**< of integrated gradients */
    int steps;            /**< nodes of the Gauss-Legendre rule along the path; 0: 64, at most 1024 */
    int count;            /**< how many samples; 0: 8, never more than the subject has */
    const int64_t
        *sample; /**< [count] which of the subject's, from 0; NULL: the worst mistakes for half, then others, class by class */
    int output;  /**< k > 0: output number k, counted from 1; 0: the predicted class of each sample, else the first output */
    const char *layer; /**< whose output Grad-CAM reads; NULL: the last that has one number a place of the image */
} sd_attribution_options;

/** Rank correlations (Spearman) of two maps of one sample; NaN where one of them is constant or was not made. */
typedef struct sd_map_ranks {
    double values; /**< of integrated gradients */
    double sizes;  /**< of their absolute values */
    double cam;    /**< of the Grad-CAM maps */
} sd_map_ranks;

/** One sample, explained. */
typedef struct sd_attribution {
    int64_t sample;        /**< its place in the data */
    int label;             /**< its class, or -1 */
    int predicted;         /**< the class that the network gives it, or -1 */
    int output;            /**< the output that is explained, counted from 0; of a single output for two classes: 0 */
    bool one_for_two;      /**< a single output stands for two classes, above 0 for the second */
    double sign;           /**< -1 where that output speaks for the first class, else 1: sign * output is explained */
    double loss;           /**< NaN: the model has none */
    double value;          /**< what is explained, at the sample */
    double baseline_value; /**< and at the baseline */
    double gap;            /**< completeness: sum of the attributions - (value - baseline_value); 0 for infinitely many steps */
    double *integrated;    /**< [inputs] integrated gradients */
    double *random;        /**< [inputs] the same of the untrained network, for the same output */
    double *cam;           /**< [rows, columns] Grad-CAM; NULL: there is no such layer */
    double *random_cam;    /**< the same of the untrained network */
    sd_map_ranks ranks;    /**< trained against untrained: low means that the map depends on what was learned */
    sd_map_ranks chance;   /**< untrained against another untrained network: how low that can be */
} sd_attribution;

/** What was measured. Arrays and texts belong to it. */
typedef struct sd_attribution_report {
    int64_t samples;                /**< among which samples were chosen, and of which the baseline is the mean */
    int64_t mistakes;               /**< samples among them that are put into a wrong class; -1: no classes */
    sd_shape input;                 /**< of a sample */
    sd_baseline baseline;           /**< which */
    double *reference;              /**< [inputs] the baseline as the network gets it */
    int steps;                      /**< nodes of the rule */
    char *layer;                    /**< that Grad-CAM read; NULL: there is none */
    char *no_cam;                   /**< why there is no Grad-CAM, a sentence; NULL: there is one */
    int rows, columns;              /**< of the Grad-CAM maps */
    sd_attribution *item;           /**< [items] */
    int items;                      /**< number of samples that are explained */
    sd_interval values, sizes, cam; /**< mean of ranks over the items, 95 % interval; NaN: none */
    sd_interval chance_values, chance_sizes, chance_cam; /**< mean of chance */
} sd_attribution_report;

/**
 * Explains samples; options may be NULL. In eval mode: each sample by itself.
 *
 * Integrated gradients: (x - b) times the integral of the gradient along the straight path from the baseline b to x, by a
 * Gauss-Legendre rule. Grad-CAM: relu of the sum over channels k of a_k A_k, A the layer's output, a_k the mean over its
 * places of d(output)/dA_k.
 *
 * report  to be cleared
 * source  Sundararajan, Taly & Yan 2017; Selvaraju et al. 2017; Adebayo et al. 2018 (randomised weights)
 * errors  SD_EINVAL (a single class, batch statistics, numbers out of range, a layer without places), SD_ENOTFOUND (layer),
 *         SD_ESHAPE (data does not fit), SD_ENONFINITE, SD_ENOMEM
 */
SD_API sd_status sd_probe_attribution(const sd_subject *subject, const sd_attribution_options *options,
                                      sd_attribution_report *report);

/** Frees the arrays and zeroes the struct. */
SD_API void sd_attribution_report_clear(sd_attribution_report *report);

#ifdef __cplusplus
}
#endif
#endif
