/* primitive.c -- one oneDNN primitive, its sets of memory objects, and running it. */
#include "kernels/onednn/primitive.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "kernels/onednn/threads.h"

/* All that one execution must have to itself. On cache lines of its own, for the flag is written by many threads. */
typedef struct sd_argument_set {
    _Alignas(64) atomic_flag busy;
    dnnl_stream_t stream;
    dnnl_memory_t memory[SD_PRIMITIVE_ARGS];
} argument_set;

sd_status sd__dnnl_fail(dnnl_status_t status, const char *call)
{
    if (status == dnnl_out_of_memory)
        return sd__fail(SD_ENOMEM, "oneDNN is out of memory in %s", call);
    return sd__fail(SD_EINTERNAL, "oneDNN status %d from %s", (int)status, call);
}

static dnnl_status_t set_make(const sd_primitive *p, argument_set *set)
{
    atomic_flag_clear(&set->busy);
    set->stream = NULL;
    for (int i = 0; i < SD_PRIMITIVE_ARGS; i++)
        set->memory[i] = NULL;
    dnnl_status_t status = dnnl_stream_create(&set->stream, p->engine, dnnl_stream_default_flags);
    for (int i = 0; i < SD_PRIMITIVE_ARGS && status == dnnl_success; i++)
        status = dnnl_memory_create(&set->memory[i], &p->md[i], p->engine, DNNL_MEMORY_NONE);
    return status;
}

static void set_free(argument_set *set)
{
    for (int i = 0; i < SD_PRIMITIVE_ARGS; i++)
        dnnl_memory_destroy(set->memory[i]);
    if (set->stream)
        dnnl_stream_destroy(set->stream);
}

sd_status sd__primitive_make(sd_primitive *p, int n_sets)
{
    SD_TRY_DNNL(dnnl_primitive_create(&p->handle, p->desc));
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(p->desc, dnnl_query_scratchpad_md, 0);
    p->md[SD_ARG_SCRATCH] = *scratch;
    p->scratch = dnnl_memory_desc_get_size(scratch);
    p->set = sd__alloc_aligned((size_t)n_sets * sizeof *p->set);
    if (!p->set)
        return sd__fail(SD_ENOMEM, "no memory for %d argument sets", n_sets);
    for (; p->n_sets < n_sets; p->n_sets++) {
        dnnl_status_t status = set_make(p, &p->set[p->n_sets]);
        if (status != dnnl_success) {
            set_free(&p->set[p->n_sets]);
            return sd__dnnl_fail(status, "dnnl_memory_create");
        }
    }
    return SD_OK;
}

void sd__primitive_free(sd_primitive *p)
{
    for (int i = 0; i < p->n_sets; i++)
        set_free(&p->set[i]);
    free(p->set);
    if (p->handle)
        dnnl_primitive_destroy(p->handle);
    if (p->desc)
        dnnl_primitive_desc_destroy(p->desc);
    *p = (sd_primitive){0};
}

static argument_set *claim(const sd_primitive *p, int hint)
{
    for (int i = 0; i < p->n_sets; i++) {
        argument_set *set = &p->set[(hint + i) % p->n_sets];
        if (!atomic_flag_test_and_set_explicit(&set->busy, memory_order_acquire))
            return set;
    }
    return NULL;
}

static bool execute(const sd_primitive *p, argument_set *set, void *const data[SD_PRIMITIVE_ARGS])
{
    dnnl_exec_arg_t arg[SD_PRIMITIVE_ARGS];
    for (int i = 0; i < SD_PRIMITIVE_ARGS; i++) {
        if (dnnl_memory_set_data_handle(set->memory[i], data[i]) != dnnl_success)
            return false;
        arg[i] = (dnnl_exec_arg_t){p->arg[i], set->memory[i]};
    }
    return dnnl_primitive_execute(p->handle, set->stream, SD_PRIMITIVE_ARGS, arg) == dnnl_success;
}

bool sd__primitive_run(const sd_primitive *p, int hint, void *const data[SD_PRIMITIVE_ARGS])
{
    int threads = sd__openmp_enter();
    argument_set own, *set = claim(p, hint);
    bool good = set || set_make(p, &own) == dnnl_success;
    good = good && execute(p, set ? set : &own, data);
    if (set)
        atomic_flag_clear_explicit(&set->busy, memory_order_release);
    else
        set_free(&own);
    sd__openmp_leave(threads);
    return good;
}
