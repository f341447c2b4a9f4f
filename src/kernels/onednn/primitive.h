/*
 * primitive.h -- one oneDNN primitive and the means to run it from several threads at once.
 *
 * oneDNN wants every operand wrapped in a memory object, and making the four of one execution costs 650 ns, twice the call
 * itself (330 ns, with six small allocations of its own that nobody can avoid). So a primitive keeps a few ready-made sets,
 * each claimed by an atomic flag for the time of one execution, where changing the four pointers costs 25 ns. A set that is
 * busy (a concurrent run of the same plan) is passed over; when all are, a set is made for this once.
 */
#ifndef SD_KERNELS_ONEDNN_PRIMITIVE_H
#define SD_KERNELS_ONEDNN_PRIMITIVE_H

#include <dnnl.h>

#include "base/base.h"

/* Operands of every primitive here: images in x, the filter w, images out y (or their gradients), scratch memory. */
enum { SD_ARG_X, SD_ARG_W, SD_ARG_Y, SD_ARG_SCRATCH, SD_PRIMITIVE_ARGS };

typedef struct sd_primitive {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t handle;
    dnnl_engine_t engine;       /* borrowed */
    int arg[SD_PRIMITIVE_ARGS]; /* DNNL_ARG_SRC, ... */
    dnnl_memory_desc_t md[SD_PRIMITIVE_ARGS];
    size_t scratch; /* bytes */
    int n_sets;
    struct sd_argument_set *set; /* [n_sets] */
} sd_primitive;

/*
 * Makes the executable code of p->desc, which becomes p's own, and n_sets argument sets. p->engine, arg and the md of
 * x, w and y are set by the caller. On failure the caller still calls sd__primitive_free().
 */
sd_status sd__primitive_make(sd_primitive *p, int n_sets);
void sd__primitive_free(sd_primitive *p);

/* Runs it on the calling thread alone; `hint` spreads concurrent callers over the sets. False if oneDNN fails (no memory). */
bool sd__primitive_run(const sd_primitive *p, int hint, void *const data[SD_PRIMITIVE_ARGS]);

/* Our status for a failed oneDNN call, with a message that names it. */
sd_status sd__dnnl_fail(dnnl_status_t status, const char *call);

#define SD_TRY_DNNL(call)                              \
    do {                                               \
        dnnl_status_t sd_try_dnnl_ = (call);           \
        if (sd_try_dnnl_ != dnnl_success)              \
            return sd__dnnl_fail(sd_try_dnnl_, #call); \
    } while (0)

#endif
