/* update_rule.h -- the update rules for one element type: included once with REAL float and once with REAL double. No guard. */

INLINE REAL NAME(gradient)(REAL g, REAL theta, REAL limit, REAL scale, REAL decay, const bool plain)
{
    REAL low = g < -limit ? -limit : g;
    return plain ? g : scale * (low > limit ? limit : low) + decay * theta;
}

INLINE void NAME(sgd_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u, const bool plain)
{
    REAL *restrict theta = theta_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    for (size_t i = 0; i < n; i++)
        theta[i] -= lr * NAME(gradient)(g[i], theta[i], limit, scale, decay, plain);
}

INLINE void NAME(momentum_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u,
                                 const bool plain)
{
    REAL *restrict theta = theta_, *restrict v = a_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL momentum = (REAL)u->momentum;
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + NAME(gradient)(g[i], theta[i], limit, scale, decay, plain);
        theta[i] -= lr * v[i];
    }
}

INLINE void NAME(nesterov_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u,
                                 const bool plain)
{
    REAL *restrict theta = theta_, *restrict v = a_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL momentum = (REAL)u->momentum;
    for (size_t i = 0; i < n; i++) {
        REAL d = NAME(gradient)(g[i], theta[i], limit, scale, decay, plain);
        v[i] = momentum * v[i] + d;
        theta[i] -= lr * (d + momentum * v[i]);
    }
}

INLINE void NAME(adam_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u, const bool plain)
{
    REAL *restrict theta = theta_, *restrict m = a_, *restrict v = b_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL beta1 = (REAL)u->beta1, beta2 = (REAL)u->beta2, rest1 = (REAL)(1 - u->beta1), rest2 = (REAL)(1 - u->beta2);
    const REAL shrink = (REAL)u->shrink, root = (REAL)u->root, epsilon = (REAL)u->epsilon;
    for (size_t i = 0; i < n; i++) {
        REAL d = NAME(gradient)(g[i], theta[i], limit, scale, decay, plain);
        m[i] = beta1 * m[i] + rest1 * d;
        v[i] = beta2 * v[i] + rest2 * (d * d);
        theta[i] = shrink * theta[i] - lr * (m[i] / (SQRT(v[i]) / root + epsilon));
    }
}

/* A rule block after block, theta fetched ahead where it is large. */
#define IN_BLOCKS(rule)                                                                                          \
    INLINE void NAME(rule##_blocks)(size_t n, REAL * theta, const REAL *g, REAL *a, REAL *b, const sd_update *u, \
                                    const bool plain)                                                            \
    {                                                                                                            \
        for (size_t i = 0; i < n; i += BLOCK) {                                                                  \
            if (u->large)                                                                                        \
                fetch(theta + i, BLOCK * sizeof(REAL));                                                          \
            NAME(rule##_block)                                                                                   \
            (n - i < BLOCK ? n - i : BLOCK, theta + i, g + i, a ? a + i : NULL, b ? b + i : NULL, u, plain);     \
        }                                                                                                        \
    }                                                                                                            \
    static void NAME(rule)(size_t n, void *theta, const void *g, void *a, void *b, const sd_update *u)           \
    {                                                                                                            \
        if (u->plain)                                                                                            \
            NAME(rule##_blocks)(n, theta, g, a, b, u, true);                                                     \
        else                                                                                                     \
            NAME(rule##_blocks)(n, theta, g, a, b, u, false);                                                    \
    }
IN_BLOCKS(sgd)
IN_BLOCKS(momentum)
IN_BLOCKS(nesterov)
IN_BLOCKS(adam)
#undef IN_BLOCKS

/* x - x is 0, or NaN where x is not finite, which the limit would hide. */
INLINE double NAME(add_limited)(double sum, REAL x, REAL limit)
{
    REAL low = x < -limit ? -limit : x, d = low > limit ? limit : low;
    return ADD_SQUARE(sum, (double)d) + (double)(x - x);
}

/* Without a limit a number that is not finite shows in its square. */
INLINE double NAME(add_plain)(double sum, REAL x, REAL limit) { return ADD_SQUARE(sum, (double)x); }

#define SQUARE_LANES 32
#define SQUARE_SUM(add)                                             \
    double lane[SQUARE_LANES] = {0};                                \
    for (; n >= SQUARE_LANES; n -= SQUARE_LANES, g += SQUARE_LANES) \
        for (size_t l = 0; l < SQUARE_LANES; l++)                   \
            lane[l] = add(lane[l], g[l], limit);                    \
    for (size_t l = 0; l < n; l++)                                  \
        lane[l] = add(lane[l], g[l], limit);                        \
    for (size_t width = SQUARE_LANES / 2; width; width /= 2)        \
        for (size_t l = 0; l < width; l++)                          \
            lane[l] += lane[l + width];                             \
    return lane[0]

static double NAME(limited_square_sum)(size_t n, const REAL *restrict g, REAL limit) { SQUARE_SUM(NAME(add_limited)); }

static double NAME(plain_square_sum)(size_t n, const REAL *restrict g, REAL limit) { SQUARE_SUM(NAME(add_plain)); }

static double NAME(square_sum)(size_t n, const void *g, double limit)
{
    return isinf(limit) ? NAME(plain_square_sum)(n, g, 0) : NAME(limited_square_sum)(n, g, (REAL)limit);
}

#undef SQUARE_LANES
#undef SQUARE_SUM
