/** @file tensor.h -- element types, shapes, and views of the caller's data. */
#ifndef SONDE_TENSOR_H
#define SONDE_TENSOR_H

#include <sonde/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Highest number of axes of a tensor. */
#define SD_MAX_RANK 6

/** Element types: X(enumerator, name, size in bytes, is a floating-point type that kernels compute in). */
#define SD_DTYPE_LIST(X)       \
    X(SD_F32, "f32", 4, true)  \
    X(SD_F64, "f64", 8, true)  \
    X(SD_I32, "i32", 4, false) \
    X(SD_U8, "u8", 1, false)   \
    X(SD_BF16, "bf16", 2, false)

/** Element type. bf16 is for storage: it is cast before anything is computed. */
typedef enum sd_dtype {
#define SD_DTYPE_ENUM(name, text, size, real) name,
    SD_DTYPE_LIST(SD_DTYPE_ENUM)
#undef SD_DTYPE_ENUM
        SD_DTYPE_COUNT
} sd_dtype;

/** "f32", "f64", ...; "?" for a value outside the enum. */
SD_API const char *sd_dtype_name(sd_dtype dtype);

/** Bytes per element; 0 for a value outside the enum. */
SD_API size_t sd_dtype_size(sd_dtype dtype);

/** True for f32 and f64, the types that have derivatives. */
SD_API bool sd_dtype_is_real(sd_dtype dtype);

/** The sizes of a tensor's axes, outermost first; rank 0 is a scalar. */
typedef struct sd_shape {
    int rank;                 /**< 0..SD_MAX_RANK */
    int64_t dim[SD_MAX_RANK]; /**< sizes; unused entries are 0 so that shapes compare by memory */
} sd_shape;

/** Makes a shape from `rank` sizes. A rank outside 0..SD_MAX_RANK gives rank -1, which every builder refuses. */
SD_API sd_shape sd_shape_make(int rank, const int64_t *dim);

#ifndef __cplusplus
/** SD_SHAPE(2, 3) is the shape [2,3]. */
#define SD_SHAPE(...) sd_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})
#endif

/** The shape [] of a single number. */
SD_API sd_shape sd_scalar_shape(void);

/** Number of elements; 1 for a scalar. */
SD_API int64_t sd_shape_count(sd_shape shape);

/** True if rank and all sizes agree. */
SD_API bool sd_shape_equal(sd_shape a, sd_shape b);

/** Room for any shape as text. */
#define SD_SHAPE_TEXT 128

/** Writes e.g. "[64,28,28,1]" into text and returns text. */
SD_API const char *sd_shape_text(sd_shape shape, char text[SD_SHAPE_TEXT]);

/** A view of data that the caller owns. Strides count elements; 0 repeats an axis. */
typedef struct sd_tensor {
    sd_dtype dtype;              /**< element type */
    sd_shape shape;              /**< sizes */
    int64_t stride[SD_MAX_RANK]; /**< elements from one index to the next, per axis */
    void *data;                  /**< element [0,...,0] */
} sd_tensor;

/** A dense row-major view of `data`. */
SD_API sd_tensor sd_tensor_dense(void *data, sd_dtype dtype, sd_shape shape);

#ifdef __cplusplus
}
#endif
#endif
