/* check.h -- what shape rules ask of their operands again and again, with the message for a wrong one. */
#ifndef SD_OPS_CHECK_H
#define SD_OPS_CHECK_H

#include "graph/op.h"

/* The operands whose bits are set in `which` are f32 or f64, all of one type. */
sd_status sd__check_real(sd_infer *c, unsigned which);

/* Operand i, called `name` in messages, has `rank` axes; `layout` says which, e.g. "[B,H,W,C]". */
sd_status sd__check_rank(sd_infer *c, int i, const char *name, int rank, const char *layout);

/* Operand i has this very shape, because of `reason`, e.g. "one number a channel of x". */
sd_status sd__check_shape(sd_infer *c, int i, const char *name, sd_shape wanted, const char *reason);

/* Operand i is i32. */
sd_status sd__check_i32(sd_infer *c, int i, const char *name);

/* An attribute lies in [lo,hi]; a NaN does not. */
sd_status sd__check_range(sd_infer *c, const char *name, double value, double lo, double hi);

/* The shape without its last axis, and its last size. Of a poisoned node's shape: rank -1, and 0. */
sd_shape sd__leading(sd_shape shape);
int64_t sd__last(sd_shape shape);

/* The bit set of the last axis, and of all axes but the last. */
uint32_t sd__last_axis(sd_shape shape);
uint32_t sd__leading_axes(sd_shape shape);

/* x [...] seen as [...,1], so that it broadcasts along a last axis. */
sd_node sd__column(sd_node x);

#endif
