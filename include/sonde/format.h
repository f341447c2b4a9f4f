/**
 * @file format.h -- named tensors in files: the safetensors format, which PyTorch, JAX and others read.
 *
 * A file is a header (JSON: name, type, shape and place of every tensor, and a map of text) and the bytes of the tensors. sonde
 * notes a checksum of everything in the map, so that a flipped byte is found when the file is loaded; files without it (made
 * by other programs) are read, too.
 */
#ifndef SONDE_FORMAT_H
#define SONDE_FORMAT_H

#include <sonde/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor and its name. */
typedef struct sd_named_tensor {
    const char *name; /**< e.g. "conv1/weight"; UTF-8 */
    sd_tensor tensor; /**< row-major and dense */
} sd_named_tensor;

/** One line of a file's text map. */
typedef struct sd_note {
    const char *key;  /**< unique in its file */
    const char *text; /**< UTF-8 */
} sd_note;

/**
 * Writes tensors to a safetensors file; the file is complete or, after an error, as it was before (atomic rename).
 *
 * tensors  n of them, dense, with names that differ; types f32, f64, i32, u8, bf16
 * notes    n_notes of them, for the text map
 * errors   SD_EINVAL (two of one name, strides), SD_EIO (names the reason: a full disk, no permission), SD_ENOMEM
 */
SD_API sd_status sd_tensors_save(const char *path, int n, const sd_named_tensor *tensors, int n_notes, const sd_note *notes);

/** The tensors of a file, in memory. Opaque. */
typedef struct sd_tensors sd_tensors;

/**
 * Reads a safetensors file.
 *
 * Integers of 64 bits are given as i32. The header is checked against the length of the file before anything is used.
 *
 * errors  SD_ENOTFOUND, SD_EIO; SD_EFORMAT (not such a file, cut off, a wrong checksum, a type other than F32, F64, I32, I64,
 *         U8, BF16, an I64 beyond 32 bits, more than SD_MAX_RANK axes), naming the tensor
 */
SD_API sd_status sd_tensors_load(const char *path, sd_tensors **tensors);

/** Frees them and their data; NULL is allowed. */
SD_API void sd_tensors_free(sd_tensors *tensors);

/** Number of tensors. */
SD_API int sd_tensors_count(const sd_tensors *tensors);

/** Name and data of tensor i, in the order of their place in the file; both live as long as `tensors`. */
SD_API sd_named_tensor sd_tensors_at(const sd_tensors *tensors, int i);

/** The tensor of that name, or NULL. */
SD_API const sd_tensor *sd_tensors_find(const sd_tensors *tensors, const char *name);

/** The text under `key` in the map, or NULL. */
SD_API const char *sd_tensors_note(const sd_tensors *tensors, const char *key);

/** True if the file carried a checksum (which then was right). */
SD_API bool sd_tensors_checked(const sd_tensors *tensors);

#ifdef __cplusplus
}
#endif
#endif
