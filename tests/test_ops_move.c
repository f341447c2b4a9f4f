/* test_ops_move.c -- ops that move elements: against an index computed for every element, as adjoints, as views. */
#include <sonde/autodiff.h>

#include "interpret.h"

#define MOST 30000

static sd_shape random_shape(int lowest, int highest, int most)
{
    int64_t dim[SD_MAX_RANK] = {0};
    int rank = law_int(lowest, highest);
    for (int i = 0; i < rank; i++)
        dim[i] = law_int(1, most);
    return sd_shape_make(rank, dim);
}

/* Index tuple of element k in row-major order, and back. */
static void tuple_of(sd_shape shape, int64_t k, int64_t *index)
{
    for (int i = shape.rank - 1; i >= 0; i--) {
        index[i] = k % shape.dim[i];
        k /= shape.dim[i];
    }
}

static int64_t place_of(sd_shape shape, const int64_t *index)
{
    int64_t k = 0;
    for (int i = 0; i < shape.rank; i++)
        k = k * shape.dim[i] + index[i];
    return k;
}

static void random_permutation(int rank, int *perm)
{
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    for (int i = rank - 1; i > 0; i--) {
        int k = law_int(0, i), swap = perm[i];
        perm[i] = perm[k];
        perm[k] = swap;
    }
}

static void count_up(double *x, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        x[k] = (double)k + 1;
}

static void permute_moves_axes(void **state)
{
    static double x[MOST], got[MOST];
    count_up(x, MOST);
    for (int trial = 0; trial < law_trials(100); trial++) {
        sd_shape shape = random_shape(0, 6, 5);
        int perm[SD_MAX_RANK];
        random_permutation(shape.rank, perm);
        sd_graph *g = sd_graph_new();
        sd_node y = sd_permute(sd_input(g, "x", SD_F64, shape), perm);
        interpret(y, (sd_feed[]){{"x", x}, {0}}, got);
        for (int64_t k = 0; k < sd_shape_count(shape); k++) {
            int64_t to[SD_MAX_RANK] = {0}, from[SD_MAX_RANK] = {0};
            tuple_of(sd_node_shape(y), k, to);
            for (int i = 0; i < shape.rank; i++)
                from[perm[i]] = to[i];
            assert_true(got[k] == x[place_of(shape, from)]);
        }
        sd_graph_free(g);
    }
}

/* Any grouping of a count into sizes, of a permuted operand: the order of elements stays. */
static void reshape_keeps_row_major_order(void **state)
{
    static double x[MOST], got[MOST], wanted[MOST];
    count_up(x, MOST);
    int views = 0;
    for (int trial = 0; trial < law_trials(300); trial++) {
        sd_shape shape = random_shape(1, 5, 6);
        int perm[SD_MAX_RANK];
        random_permutation(shape.rank, perm);
        int64_t rest = sd_shape_count(shape);
        sd_shape target = sd_scalar_shape();
        while (target.rank < SD_MAX_RANK - 1) {
            int64_t size = law_int(1, 12);
            if (rest % size == 0) {
                target.dim[target.rank++] = size;
                rest /= size;
            } else if (law_int(0, 3) == 0)
                break;
        }
        target.dim[target.rank++] = rest;
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {0}};
        sd_node turned = sd_permute(sd_input(g, "x", SD_F64, shape), perm), y = sd_reshape(turned, target);
        interpret(turned, feeds, wanted);
        interpret(y, feeds, got);
        assert_near_f64(got, wanted, (size_t)sd_shape_count(shape), 0);

        sd_tensor dense = sd_tensor_dense(x, SD_F64, shape), view = dense, again;
        if (turned.id != y.id && sd__data(turned)->op == &sd__op_permute)
            sd__op_permute.view(&dense, sd__attr(turned), &view);
        if (turned.id != y.id)
            views += sd__op_reshape.view(&view, sd__attr(y), &again);
        sd_graph_free(g);
    }
    assert_true(views > 20); /* both ways were tried: as a view, and over a copy */
    assert_true(views < law_trials(300) - 20);
}

/* Where a view is possible it must be found: splitting and joining dense axes, and axes that a slice leaves regular. */
static void reshape_finds_views(void **state)
{
    double x[24];
    sd_tensor view, t = sd_tensor_dense(x, SD_F64, SD_SHAPE(4, 6));
    sd_shape_attr three = sd__shape_attr(SD_SHAPE(2, 2, 6)), flat = sd__shape_attr(SD_SHAPE(12)),
                  two = sd__shape_attr(SD_SHAPE(4, 3, 1));
    assert_true(sd__op_reshape.view(&t, &three, &view));
    assert_true(view.stride[0] == 12 && view.stride[1] == 6 && view.stride[2] == 1);
    t = (sd_tensor){.dtype = SD_F64, .shape = SD_SHAPE(4, 3), .stride = {6, 2}, .data = x}; /* every second column */
    assert_true(sd__op_reshape.view(&t, &flat, &view) && view.stride[0] == 2);
    assert_true(sd__op_reshape.view(&t, &two, &view) && view.stride[0] == 6 && view.stride[1] == 2);
    t.shape = SD_SHAPE(4, 2), t.stride[1] = 1; /* the left third: rows do not join */
    sd_shape_attr eight = sd__shape_attr(SD_SHAPE(8));
    assert_false(sd__op_reshape.view(&t, &eight, &view));
}

static void reshape_infers_one_size(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4, 6));
    assert_true(sd_shape_equal(sd_node_shape(sd_reshape(x, SD_SHAPE(2, -1, 3))), SD_SHAPE(2, 4, 3)));
    assert_true(sd_reshape(x, SD_SHAPE(-1, 6)).id == x.id);
    sd_graph_free(g);
}

static void slices_take_what_pads_put_back(void **state)
{
    static double x[MOST], got[MOST], padded[MOST];
    count_up(x, MOST);
    for (int trial = 0; trial < law_trials(150); trial++) {
        sd_shape shape = random_shape(1, 4, 9), out = shape;
        int64_t start[SD_MAX_RANK] = {0}, stop[SD_MAX_RANK] = {0}, step[SD_MAX_RANK] = {0}, hi[SD_MAX_RANK] = {0},
                inner[SD_MAX_RANK] = {0};
        for (int i = 0; i < shape.rank; i++) {
            start[i] = law_int(0, (int)shape.dim[i] - 1);
            stop[i] = law_int((int)start[i] + 1, (int)shape.dim[i]);
            step[i] = law_int(1, 4);
            int64_t last = start[i];
            for (out.dim[i] = 1; last + step[i] < stop[i]; out.dim[i]++)
                last += step[i];
            hi[i] = shape.dim[i] - 1 - last;
            inner[i] = step[i] - 1;
        }
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {0}};
        sd_node y = sd_slice_of(sd_input(g, "x", SD_F64, shape), start, stop, step), z = sd_pad(y, start, hi, inner);
        assert_true(sd_shape_equal(sd_node_shape(y), out));
        assert_true(sd_shape_equal(sd_node_shape(z), shape));
        interpret(y, feeds, got);
        interpret(z, feeds, padded);
        double sum = 0, total = 0;
        for (int64_t k = 0; k < sd_shape_count(out); k++) {
            int64_t index[SD_MAX_RANK];
            tuple_of(out, k, index);
            for (int i = 0; i < shape.rank; i++)
                index[i] = start[i] + index[i] * step[i];
            int64_t from = place_of(shape, index);
            assert_true(got[k] == x[from] && padded[from] == x[from]);
            sum += got[k];
        }
        for (int64_t k = 0; k < sd_shape_count(shape); k++)
            total += padded[k];
        assert_true(total == sum); /* everywhere else are zeros */
        sd_graph_free(g);
    }
}

static void concat_joins_and_slices_part(void **state)
{
    static double x[MOST], got[MOST];
    count_up(x, MOST);
    for (int trial = 0; trial < law_trials(100); trial++) {
        sd_shape shape = random_shape(1, 4, 5);
        int axis = law_int(0, shape.rank - 1), n = law_int(1, 8);
        sd_graph *g = sd_graph_new();
        sd_node part[8], all;
        char name[8][16];
        sd_feed feeds[9] = {{0}};
        int64_t at = 0;
        for (int i = 0; i < n; i++) {
            shape.dim[axis] = law_int(1, 5);
            snprintf(name[i], sizeof name[i], "x%d", i);
            part[i] = sd_input(g, name[i], SD_F64, shape);
            feeds[i] = (sd_feed){name[i], x + at};
            at += sd_shape_count(shape);
        }
        all = sd_concat(n, part, axis);
        int64_t start[SD_MAX_RANK] = {0}, stop[SD_MAX_RANK];
        for (int i = 0; i < n; i++) {
            sd_shape size = sd_node_shape(part[i]);
            memcpy(stop, size.dim, sizeof stop);
            stop[axis] += start[axis];
            interpret(sd_slice_of(all, start, stop, NULL), feeds, got);
            assert_near_f64(got, feeds[i].data, (size_t)sd_shape_count(size), 0);
            start[axis] = stop[axis];
        }
        assert_int_equal(sd_node_shape(all).dim[axis], start[axis]);
        sd_graph_free(g);
    }
}

static void gather_picks_and_scatter_adds(void **state)
{
    static double x[MOST], y[MOST], picked[MOST], added[MOST], wanted[MOST];
    for (int trial = 0; trial < law_trials(150); trial++) {
        sd_shape shape = random_shape(1, 4, 7), out = shape;
        int axis = law_int(0, shape.rank - 1);
        int32_t index[12];
        out.dim[axis] = law_int(1, 12);
        for (int i = 0; i < 12; i++)
            index[i] = law_int(-1, (int)shape.dim[axis]); /* both ends lie outside */
        law_draw_f64(x, (size_t)sd_shape_count(shape), -1, 1);
        law_draw_f64(y, (size_t)sd_shape_count(out), -1, 1);
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {"y", y}, {"i", index}, {0}};
        sd_node at = sd_input(g, "i", SD_I32, SD_SHAPE(out.dim[axis]));
        interpret(sd_gather(sd_input(g, "x", SD_F64, shape), at, axis), feeds, picked);
        interpret(sd_scatter_add(sd_input(g, "y", SD_F64, out), at, axis, shape.dim[axis]), feeds, added);
        memset(wanted, 0, sizeof wanted);
        for (int64_t k = 0; k < sd_shape_count(out); k++) {
            int64_t tuple[SD_MAX_RANK];
            tuple_of(out, k, tuple);
            tuple[axis] = index[tuple[axis]];
            bool inside = tuple[axis] >= 0 && tuple[axis] < shape.dim[axis];
            assert_true(picked[k] == (inside ? x[place_of(shape, tuple)] : 0));
            if (inside)
                wanted[place_of(shape, tuple)] += y[k];
        }
        assert_near_f64(added, wanted, (size_t)sd_shape_count(shape), 1e-15);
        sd_graph_free(g);
    }
}

/* Integers and bytes move, too. */
static void every_type_moves(void **state)
{
    for (int dtype = 0; dtype < SD_DTYPE_COUNT; dtype++) {
        double x[] = {1, 2, 3, 4, 5, 6}, got[10], wanted[] = {0, 4, 1, 4, 0, 0, 6, 3, 6, 0};
        int32_t index[] = {1, 0, 1};
        sd_graph *g = sd_graph_new();
        sd_node v = sd_cast(sd_input(g, "x", SD_F64, SD_SHAPE(2, 3)), (sd_dtype)dtype);
        sd_node picked = sd_gather(v, sd_input(g, "i", SD_I32, SD_SHAPE(3)), 0); /* rows 456 123 456 */
        sd_node turned = sd_slice_of(sd_transpose(picked), (int64_t[]){0, 0}, (int64_t[]){3, 3}, (int64_t[]){2, 1});
        sd_node y = sd_pad(turned, (int64_t[]){0, 1}, (int64_t[]){0, 1}, NULL);
        interpret(sd_cast(sd_concat(1, &y, 0), SD_F64), (sd_feed[]){{"x", x}, {"i", index}, {0}}, got);
        assert_near_f64(got, wanted, 10, 0);
        sd_graph_free(g);
    }
}

/* The gradient of <A x, w> in x is A'w: for each op the linear map's adjoint, found by probing A with unit vectors. */
static void gradients_are_adjoints(void **state)
{
    enum { N = 12 };
    for (int kind = 0; kind < 7; kind++) {
        double x[N], w[64], slope[N], column[64];
        int32_t index[] = {3, 0, 3, 9};
        law_draw_f64(w, 64, -1, 1);
        sd_graph *g = sd_graph_new();
        sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(4, 3)), at = sd_input(g, "i", SD_I32, SD_SHAPE(4)), grad;
        sd_node y = kind == 0   ? sd_transpose(v)
                    : kind == 1 ? sd_reshape(sd_transpose(v), SD_SHAPE(2, 6))
                    : kind == 2 ? sd_broadcast(sd_reshape(v, SD_SHAPE(4, 1, 3)), SD_SHAPE(2, 4, 2, 3))
                    : kind == 3 ? sd_slice_of(v, (int64_t[]){1, 0}, (int64_t[]){4, 3}, (int64_t[]){2, 2})
                    : kind == 4 ? sd_pad(v, (int64_t[]){1, 0}, (int64_t[]){0, 2}, (int64_t[]){1, 0})
                    : kind == 5 ? sd_concat(3, (sd_node[]){v, sd_neg(v), v}, 1)
                                : sd_concat(2, (sd_node[]){sd_gather(v, at, 0), sd_scatter_add(v, at, 0, 5)}, 0);
        int64_t m = sd_shape_count(sd_node_shape(y));
        sd_feed feeds[] = {{"x", x}, {"w", w}, {"i", index}, {0}};
        sd_node weighted = sd_mul(y, sd_input(g, "w", SD_F64, sd_node_shape(y)));
        sd_grad(sd_sum(weighted, SD_ALL_AXES, false), 1, &v, &grad);
        memset(x, 0, sizeof x);
        interpret(grad, feeds, slope);
        for (int j = 0; j < N; j++) {
            double wanted = 0;
            x[j] = 1;
            interpret(y, feeds, column);
            x[j] = 0;
            for (int64_t k = 0; k < m; k++)
                wanted += column[k] * w[k];
            assert_near_f64(&slope[j], &wanted, 1, 1e-14);
        }
        sd_graph_free(g);
    }
}

#define X(...) sd_input(g, "x", SD_F32, SD_SHAPE(__VA_ARGS__))
#define Y(...) sd_input(g, "y", SD_F32, SD_SHAPE(__VA_ARGS__))
#define I(...) sd_input(g, "i", SD_I32, SD_SHAPE(__VA_ARGS__))
#define L(...) ((const int64_t[]){__VA_ARGS__})

#define MISTAKE(status, text, call)                                             \
    do {                                                                        \
        sd_graph *g = sd_graph_new();                                           \
        assert_false(sd_node_ok(call));                                         \
        assert_int_equal(sd_graph_status(g), status);                           \
        if (!strstr(sd_graph_message(g), text))                                 \
            fail_msg("message \"%s\" lacks \"%s\"", sd_graph_message(g), text); \
        sd_graph_free(g);                                                       \
    } while (0)

static void mistakes_are_named(void **state)
{
    MISTAKE(SD_ESHAPE, "reshape: [4,6] has 24 elements, [5,5] has 25", sd_reshape(X(4, 6), SD_SHAPE(5, 5)));
    MISTAKE(SD_ESHAPE, "reshape: the result would be [5,-1]", sd_reshape(X(4, 6), SD_SHAPE(5, -1)));
    MISTAKE(SD_ESHAPE, "reshape: the result would be [-1,-1]", sd_reshape(X(4, 6), SD_SHAPE(-1, -1)));
    MISTAKE(SD_ESHAPE, "reshape: the result must have 0 to 6 axes", sd_reshape(X(4, 6), SD_SHAPE(1, 1, 1, 1, 1, 4, 6)));
    MISTAKE(SD_EINVAL, "permute: entry 1 of the permutation is 0", sd_permute(X(4, 6), (int[]){0, 0}));
    MISTAKE(SD_EINVAL, "permute: entry 0 of the permutation is -1", sd_permute(X(4, 6), (int[]){-1, 0}));
    MISTAKE(SD_ESHAPE, "transpose: the operand has 1 axes", sd_transpose(X(4)));
    MISTAKE(SD_ESHAPE, "broadcast: [4,6] does not repeat to [4,5]", sd_broadcast(X(4, 6), SD_SHAPE(4, 5)));
    MISTAKE(SD_ESHAPE, "broadcast: [4,6] does not repeat to [6]", sd_broadcast(X(4, 6), SD_SHAPE(6)));
    MISTAKE(SD_EINVAL, "slice: axis 1 of [4,6]: start 2, stop 7", sd_slice_of(X(4, 6), L(0, 2), L(4, 7), NULL));
    MISTAKE(SD_EINVAL, "start 2, stop 2", sd_slice_of(X(4, 6), L(2, 0), L(2, 6), NULL));
    MISTAKE(SD_EINVAL, "step 0", sd_slice_of(X(4, 6), L(0, 0), L(4, 6), L(0, 1)));
    MISTAKE(SD_EINVAL, "pad: axis 0: -1 zeros before", sd_pad(X(4, 6), L(-1, 0), L(0, 0), NULL));
    MISTAKE(SD_EINVAL, "are too many", sd_pad(X(4, 6), L(0, 0), L(0, 0), L(INT64_MAX, 0)));
    MISTAKE(SD_ESHAPE, "more than 2^40", sd_pad(X(4, 6), L((int64_t)1 << 39, 0), L(0, 0), NULL));
    MISTAKE(SD_ESHAPE, "concat: operand 1 is [5,5]", sd_concat(2, (sd_node[]){X(4, 6), Y(5, 5)}, 0));
    MISTAKE(SD_EDTYPE, "concat: operand 0 is f32, operand 1 is i32", sd_concat(2, (sd_node[]){X(4, 6), I(4, 6)}, 0));
    MISTAKE(SD_EINVAL, "concat: [4,6] has no axis 2", sd_concat(2, (sd_node[]){X(4, 6), Y(4, 6)}, 2));
    MISTAKE(SD_EINVAL, "concat: 65 operands given", sd_concat(65, (sd_node[65]){X(4, 6)}, 0));
    MISTAKE(SD_EDTYPE, "gather: the index is f32 [4]", sd_gather(X(4, 6), Y(4), 0));
    MISTAKE(SD_ESHAPE, "gather: the index is i32 [4,1]", sd_gather(X(4, 6), I(4, 1), 0));
    MISTAKE(SD_EINVAL, "gather: [4,6] has no axis -1", sd_gather(X(4, 6), I(4), -1));
    MISTAKE(SD_ESHAPE, "scatter_add: axis 0 of [4,6] needs as many indices, not 3", sd_scatter_add(X(4, 6), I(3), 0, 9));
    MISTAKE(SD_ESHAPE, "every size must be at least 1", sd_scatter_add(X(4, 6), I(4), 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permute_moves_axes),
        cmocka_unit_test(reshape_keeps_row_major_order),
        cmocka_unit_test(reshape_finds_views),
        cmocka_unit_test(reshape_infers_one_size),
        cmocka_unit_test(slices_take_what_pads_put_back),
        cmocka_unit_test(concat_joins_and_slices_part),
        cmocka_unit_test(gather_picks_and_scatter_adds),
        cmocka_unit_test(every_type_moves),
        cmocka_unit_test(gradients_are_adjoints),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
