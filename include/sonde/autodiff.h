/** @file autodiff.h -- derivatives of graphs, as graphs: differentiate the result again for higher orders. */
#ifndef SONDE_AUTODIFF_H
#define SONDE_AUTODIFF_H

#include <sonde/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reverse mode: appends the nodes of d(loss)/d(wrt[i]) and writes their handles to grad[i].
 *
 * loss    a scalar, f32 or f64
 * wrt     n values of the same graph; where the loss does not depend on one, its gradient is a constant 0
 * errors  SD_EDERIV latched in the graph, naming op and operand, where a derivative is undefined
 */
SD_API void sd_grad(sd_node loss, int n, const sd_node *wrt, sd_node *grad);

/**
 * Vector-Jacobian products: d<y, dy>/d(wrt[i]) for m outputs y with cotangents dy of the same shapes.
 */
SD_API void sd_vjp(int m, const sd_node *y, const sd_node *dy, int n, const sd_node *wrt, sd_node *grad);

/**
 * Forward mode: the directional derivative of y along dx[i] at wrt[i], shaped like y (by differentiating the
 * adjoint, which is linear).
 */
SD_API sd_node sd_jvp(sd_node y, int n, const sd_node *wrt, const sd_node *dx);

/** Hessian-vector product: d/d(wrt) of <d(loss)/d(wrt), v>, into hv[i] shaped like wrt[i]. */
SD_API void sd_hvp(sd_node loss, int n, const sd_node *wrt, const sd_node *v, sd_node *hv);

#ifdef __cplusplus
}
#endif
#endif
