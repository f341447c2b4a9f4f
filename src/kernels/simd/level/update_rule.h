/* update_rule.h -- the update rules for one element type: included once with REAL float and once with REAL double. No guard. */

static inline REAL NAME(gradient)(REAL g, REAL theta, REAL limit, REAL scale, REAL decay)
{
    REAL low = g < -limit ? -limit : g;
    return scale * (low > limit ? limit : low) + decay * theta;
}

static inline void NAME(sgd_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u)
{
    REAL *restrict theta = theta_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    for (size_t i = 0; i < n; i++)
        theta[i] -= lr * NAME(gradient)(g[i], theta[i], limit, scale, decay);
}

static inline void NAME(momentum_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u)
{
    REAL *restrict theta = theta_, *restrict v = a_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL momentum = (REAL)u->momentum;
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + NAME(gradient)(g[i], theta[i], limit, scale, decay);
        theta[i] -= lr * v[i];
    }
}

static inline void NAME(nesterov_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u)
{
    REAL *restrict theta = theta_, *restrict v = a_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL momentum = (REAL)u->momentum;
    for (size_t i = 0; i < n; i++) {
        REAL d = NAME(gradient)(g[i], theta[i], limit, scale, decay);
        v[i] = momentum * v[i] + d;
        theta[i] -= lr * (d + momentum * v[i]);
    }
}

static inline void NAME(adam_block)(size_t n, void *theta_, const void *g_, void *a_, void *b_, const sd_update *u)
{
    REAL *restrict theta = theta_, *restrict m = a_, *restrict v = b_;
    const REAL *restrict g = g_;
    const REAL limit = (REAL)u->limit, scale = (REAL)u->scale, decay = (REAL)u->decay, lr = (REAL)u->lr;
    const REAL beta1 = (REAL)u->beta1, beta2 = (REAL)u->beta2, rest1 = (REAL)(1 - u->beta1), rest2 = (REAL)(1 - u->beta2);
    const REAL shrink = (REAL)u->shrink, root = (REAL)u->root, epsilon = (REAL)u->epsilon;
    for (size_t i = 0; i < n; i++) {
        REAL d = NAME(gradient)(g[i], theta[i], limit, scale, decay);
        m[i] = beta1 * m[i] + rest1 * d;
        v[i] = beta2 * v[i] + rest2 * (d * d);
        theta[i] = shrink * theta[i] - lr * (m[i] / (SQRT(v[i]) / root + epsilon));
    }
}

/* A rule block after block, theta fetched ahead where it is large. */
#define IN_BLOCKS(rule)                                                                                       \
    static void NAME(rule)(size_t n, void *theta, const void *g, void *a, void *b, const sd_update *u)        \
    {                                                                                                         \
        for (size_t i = 0; i < n; i += BLOCK) {                                                               \
            if (u->large)                                                                                     \
                fetch((REAL *)theta + i, BLOCK * sizeof(REAL));                                               \
            NAME(rule##_block)                                                                                \
            (n - i < BLOCK ? n - i : BLOCK, (REAL *)theta + i, (const REAL *)g + i, a ? (REAL *)a + i : NULL, \
             b ? (REAL *)b + i : NULL, u);                                                                    \
        }                                                                                                     \
    }
IN_BLOCKS(sgd)
IN_BLOCKS(momentum)
IN_BLOCKS(nesterov)
IN_BLOCKS(adam)
#undef IN_BLOCKS

/* x - x is 0, or NaN where x is not finite, which the limit would hide. */
static inline double NAME(square)(REAL x, REAL limit)
{
    REAL low = x < -limit ? -limit : x, d = low > limit ? limit : low;
    return (double)d * (double)d + (double)(x - x);
}

/* Without a limit a number that is not finite shows in its square. */
static inline double NAME(plain_square)(REAL x, REAL limit) { return (double)x * (double)x; }

#define SQUARE_LANES 32
#define SQUARE_SUM(term)                                            \
    double lane[SQUARE_LANES] = {0};                                \
    for (; n >= SQUARE_LANES; n -= SQUARE_LANES, g += SQUARE_LANES) \
        for (size_t l = 0; l < SQUARE_LANES; l++)                   \
            lane[l] += term(g[l], limit);                           \
    for (size_t l = 0; l < n; l++)                                  \
        lane[l] += term(g[l], limit);                               \
    for (size_t width = SQUARE_LANES / 2; width; width /= 2)        \
        for (size_t l = 0; l < width; l++)                          \
            lane[l] += lane[l + width];                             \
    return lane[0]

static double NAME(limited_square_sum)(size_t n, const REAL *restrict g, REAL limit) { SQUARE_SUM(NAME(square)); }

static double NAME(plain_square_sum)(size_t n, const REAL *restrict g, REAL limit) { SQUARE_SUM(NAME(plain_square)); }

static double NAME(square_sum)(size_t n, const void *g, double limit)
{
    return isinf(limit) ? NAME(plain_square_sum)(n, g, 0) : NAME(limited_square_sum)(n, g, (REAL)limit);
}

#undef SQUARE_LANES
#undef SQUARE_SUM
