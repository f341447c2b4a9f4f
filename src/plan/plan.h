/* plan.h -- the inside of a plan: steps over places that are decided ahead. */
#ifndef SD_PLAN_PLAN_H
#define SD_PLAN_PLAN_H

#include <sonde/plan.h>

#include "base/context.h"
#include "graph/graph.h"
#include "ops/kernel.h"

/*
 * Where a tensor's first element lies: in a slot of the caller, in the arena of the workspace, or among the plan's constants.
 */
#define SD_PLACE_ARENA (-1)
#define SD_PLACE_CONSTANT (-2)

typedef struct sd_place {
    int base;      /* slot number, SD_PLACE_ARENA or SD_PLACE_CONSTANT */
    size_t offset; /* bytes */
} sd_place;

typedef struct sd_plan_step {
    const sd_kernel *kernel;
    const char *provider;
    const sd_op *op;
    const void *attr;
    const char *path;
    int n_in, n_out;
    size_t first; /* operands and results are tensors first .. first + n_in + n_out - 1 of the plan */
    sd_work work;
    size_t scratch; /* place of its scratch in the arena */
    size_t kept;    /* place of what it keeps there */
    double flops, bytes;
} sd_plan_step;

typedef struct sd_slot {
    char name[SD_MAX_SLOT];
    sd_dtype dtype;
    int64_t length;
} sd_slot;

struct sd_plan {
    const sd_context *context;
    sd_graph *graph; /* the program as it was lowered: owns attributes and paths */
    int n_steps, step_capacity;
    sd_plan_step *step;
    size_t n_tensors, tensor_capacity;
    sd_tensor *tensor; /* [n_tensors] shapes and strides; data is NULL */
    sd_place *place;   /* [n_tensors] */
    int n_slots, slot_capacity;
    sd_slot *slot;
    size_t arena_bytes;
    size_t own_bytes; /* what each thread needs for itself: the largest of its steps' */
    char *constants;  /* values known at compile time */
    size_t constant_bytes, constant_capacity;
    double flops;
};

/* What one thread has for itself. On a line of its own. */
typedef struct sd_seat {
    _Alignas(64) uint64_t call; /* whose operands `own` holds */
    void *own;                  /* plan->own_bytes */
} sd_seat;

struct sd_workspace {
    const sd_plan *plan;
    char *arena;
    sd_tensor *tensor; /* [n_tensors] with addresses */
    bool kept;         /* what steps keep has been made */
    sd_seat *seat;     /* [seats], for as many threads */
    int seats;
    uint64_t calls; /* of kernels, so far */
};

/*
 * Arena places for n buffers, each alive from step `first` to step `last`; returns the bytes needed. SIZE_MAX without memory.
 */
typedef struct sd_buffer {
    size_t bytes;
    int first, last; /* first > last: never used */
    size_t offset;   /* result */
} sd_buffer;
size_t sd__arrange(int n, sd_buffer *buffer);

#endif
