/* grad.c -- gradients, Jacobian and Hessian products: all of them reverse sweeps and sums. */
#include <sonde/autodiff.h>
#include <sonde/ops.h>

#include "autodiff/reverse.h"

static void poison(sd_graph *graph, int n, sd_node *out)
{
    for (int i = 0; i < n; i++)
        out[i] = (sd_node){graph, 0, 0};
}

/* The caller's handles: of one graph, real, not poisoned. Latches what is wrong. */
static bool handles_fit(sd_graph *graph, const char *what, int n, const sd_node *node)
{
    for (int i = 0; i < n; i++) {
        if (!node[i].id)
            return false;
        if (node[i].graph != graph)
            return sd_graph_fail(graph, SD_EINVAL, "%s: value %d belongs to another graph", what, i), false;
        if (!sd_dtype_is_real(sd_node_dtype(node[i])))
            return sd_graph_fail(graph, SD_EDTYPE, "%s: value %d is %s; only f32 and f64 have derivatives", what, i,
                                 sd_dtype_name(sd_node_dtype(node[i]))),
                   false;
    }
    return true;
}

static bool same_types(sd_graph *graph, const char *what, int n, const sd_node *a, const sd_node *b)
{
    char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
    for (int i = 0; i < n; i++)
        if (!sd_shape_equal(sd_node_shape(a[i]), sd_node_shape(b[i])) || sd_node_dtype(a[i]) != sd_node_dtype(b[i]))
            return sd_graph_fail(graph, SD_ESHAPE, "%s: direction %d is %s, but its value is %s", what, i,
                                 sd_shape_text(sd_node_shape(b[i]), left), sd_shape_text(sd_node_shape(a[i]), right)),
                   false;
    return true;
}

void sd_vjp(int m, const sd_node *y, const sd_node *dy, int n, const sd_node *wrt, sd_node *grad)
{
    sd_graph *graph = y[0].graph;
    poison(graph, n, grad);
    if (!handles_fit(graph, "sd_vjp", m, y) || !handles_fit(graph, "sd_vjp", m, dy) || !handles_fit(graph, "sd_vjp", n, wrt) ||
        !same_types(graph, "sd_vjp", m, y, dy))
        return;
    sd__reverse(graph, 1, m, y, dy, n, wrt, grad);
    for (int i = 0; i < n && graph->status == SD_OK; i++)
        if (!grad[i].id)
            grad[i] = sd_constant_like(wrt[i], 0);
    if (graph->status != SD_OK)
        poison(graph, n, grad);
}

void sd_grad(sd_node loss, int n, const sd_node *wrt, sd_node *grad)
{
    char shape[SD_SHAPE_TEXT];
    poison(loss.graph, n, grad);
    if (!loss.id)
        return;
    if (sd_node_shape(loss).rank != 0) {
        sd_graph_fail(loss.graph, SD_ESHAPE, "sd_grad: the loss has shape %s; it must be a single number []",
                      sd_shape_text(sd_node_shape(loss), shape));
        return;
    }
    sd_node one = sd_constant_like(loss, 1);
    sd_vjp(1, &loss, &one, n, wrt, grad);
}

/* sum over i of <a[i], b[i]>. */
static sd_node inner_product(int n, const sd_node *a, const sd_node *b)
{
    sd_node total = sd_sum(sd_mul(a[0], b[0]), SD_ALL_AXES, false);
    for (int i = 1; i < n; i++)
        total = sd_add(total, sd_sum(sd_mul(a[i], b[i]), SD_ALL_AXES, false));
    return total;
}

#define MOST_WRT 4096

/*
 * The adjoint u -> J'u is linear in u, so differentiating <J'u, dx> in u gives J dx, and u itself vanishes: a forward mode
 * made of two reverse sweeps.
 */
sd_node sd_jvp(sd_node y, int n, const sd_node *wrt, const sd_node *dx)
{
    sd_node poisoned = {y.graph, 0, 0};
    if (!y.id || n < 1 || n > MOST_WRT || !handles_fit(y.graph, "sd_jvp", n, wrt) || !handles_fit(y.graph, "sd_jvp", n, dx) ||
        !same_types(y.graph, "sd_jvp", n, wrt, dx))
        return poisoned;
    sd_node *adjoint = sd__arena_alloc(&y.graph->arena, (size_t)n, sizeof *adjoint);
    if (!adjoint)
        return sd_graph_fail(y.graph, SD_ENOMEM, "sd_jvp: no memory");
    sd_node u = sd_constant_like(y, 0), result;
    sd_vjp(1, &y, &u, n, wrt, adjoint);
    if (y.graph->status != SD_OK)
        return poisoned;
    sd_grad(inner_product(n, adjoint, dx), 1, &u, &result);
    return result;
}

void sd_hvp(sd_node loss, int n, const sd_node *wrt, const sd_node *v, sd_node *hv)
{
    poison(loss.graph, n, hv);
    if (!loss.id || n < 1 || !handles_fit(loss.graph, "sd_hvp", n, wrt) || !handles_fit(loss.graph, "sd_hvp", n, v) ||
        !same_types(loss.graph, "sd_hvp", n, wrt, v))
        return;
    sd_node *gradient = sd__arena_alloc(&loss.graph->arena, (size_t)n, sizeof *gradient);
    if (!gradient) {
        sd_graph_fail(loss.graph, SD_ENOMEM, "sd_hvp: no memory");
        return;
    }
    sd_grad(loss, n, wrt, gradient);
    if (loss.graph->status == SD_OK)
        sd_grad(inner_product(n, gradient, v), n, wrt, hv);
}
