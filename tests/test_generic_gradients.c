/*
 * test_generic_gradients.c -- first and second derivatives of every row of ops.def, and the proof that the test would notice.
 *
 * In f64 with the reference kernels, <analytic gradient, direction> is compared with a five-point central difference of the
 * value, and <Hessian-vector product, direction> with one of the *analytic* gradient. Then each row's derivative rule is
 * mutated (sign, factor two, swapped operands, a dropped operand), one mutant at a time: each must be caught.
 */
#include "generic.h"

#define TRIALS 5
#define STEP 2e-4
#define TOLERANCE 1e-6

/* ---- mutants of derivative rules ---- */

typedef enum mutation { NONE, SIGN, DOUBLE, SWAP, DROP, MUTATIONS } mutation;
static const char *const mutation_name[] = {"none", "sign", "factor 2", "swapped operands", "dropped operand"};

static struct {
    const sd_op *base;
    mutation kind;
    int operand;
    bool applied; /* the mutation changed something */
} mutant;

static void mutate(sd_vjp_rule *r)
{
    int i = mutant.operand;
    if (i >= r->n_in || !r->grad[i].id)
        return;
    if (mutant.kind == SIGN)
        r->grad[i] = sd_neg(r->grad[i]);
    else if (mutant.kind == DOUBLE)
        r->grad[i] = sd_scale(r->grad[i], 2);
    else if (mutant.kind == DROP)
        r->grad[i] = (sd_node){r->y.graph, 0, 0};
    else if (mutant.kind == SWAP) {
        int j = i + 1;
        if (j >= r->n_in || !r->grad[j].id || r->grad[j].id == r->grad[i].id ||
            sd__operand(r->y, i).id == sd__operand(r->y, j).id || /* x + x: swapping changes nothing */
            !sd_shape_equal(sd_node_shape(r->grad[i]), sd_node_shape(r->grad[j])))
            return;
        sd_node kept = r->grad[i];
        r->grad[i] = r->grad[j];
        r->grad[j] = kept;
    }
    mutant.applied = true;
}

static void mutant_vjp(sd_vjp_rule *r)
{
    mutant.base->vjp(r);
    mutate(r);
}

/* The row under test, wherever it stands in the graph, gets the mutant's rule. Shape rules and kernels stay. */
static sd_op mutant_op;

static void plant(sd_graph *graph, const sd_op *op)
{
    mutant_op = *op;
    mutant_op.vjp = mutant_vjp;
    for (uint32_t id = 1; id < graph->count; id++)
        if (graph->node[id].op == op)
            graph->node[id].op = &mutant_op;
}

static void unplant(sd_graph *graph, const sd_op *op)
{
    for (uint32_t id = 1; id < graph->count; id++)
        if (graph->node[id].op == &mutant_op)
            graph->node[id].op = op;
}

/* ---- one instance ---- */

typedef struct check {
    instance in;
    int n_real, real[SD_MAX_IN];      /* the inputs that have derivatives */
    double *direction[2 * SD_MAX_IN]; /* cotangents v0.., then u, then w */
    int n_directions;
    bool has_derivative;
} check;

static double *draw_vector(sd_random *random, int64_t n)
{
    double *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = sd__random_normal(random);
    return x;
}

static sd_node new_direction(check *c, sd_random *random, sd_node like)
{
    char name[16];
    snprintf(name, sizeof name, "v%d", c->n_directions);
    c->direction[c->n_directions++] = draw_vector(random, sd_shape_count(sd_node_shape(like)));
    return sd_input(c->in.graph, name, SD_F64, sd_node_shape(like));
}

/* <value, cotangents>: a scalar function of all real results. */
static sd_node scalar_of(check *c, sd_random *random)
{
    sd_node total = {0};
    for (int k = 0; k < n_results(&c->in); k++) {
        sd_node y = sd_node_result(c->in.node, k);
        if (!sd_dtype_is_real(sd_node_dtype(y)))
            continue;
        sd_node term = sd_sum(sd_mul(y, new_direction(c, random, y)), SD_ALL_AXES, false);
        total = total.id ? sd_add(total, term) : term;
    }
    return total;
}

static check check_new(const sd_op *op, int trial, int memory)
{
    check c = {.in = instance_new(op, trial, SD_F64, memory)};
    for (int i = 0; i < c.in.n_inputs; i++)
        if (sd_node_dtype(c.in.example.input[i].node) == SD_F64)
            c.real[c.n_real++] = i;
    return c;
}

static void check_free(check *c)
{
    for (int i = 0; i < c->n_directions; i++)
        free(c->direction[i]);
    instance_free(&c->in);
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Moves all real inputs by t along directions first .. first + n_real - 1. */
static void move(check *c, int first, double t)
{
    for (int i = 0; i < c->n_real; i++)
        for (int64_t k = 0; k < c->in.count[c->real[i]]; k++)
            c->in.data[c->real[i]][k] += t * c->direction[first + i][k];
}

/* Five-point derivative of result `r` of the program along directions from `first` on. Inputs return to their places. */
static double difference(check *c, program *p, int r, int first)
{
    static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
    double largest = 1, sum = 0;
    for (int i = 0; i < c->n_real; i++)
        for (int64_t k = 0; k < c->in.count[c->real[i]]; k++)
            largest = SD_MAX(largest, fabs(c->direction[first + i][k]));
    double step = 4 * STEP / largest / 2; /* no element moves by more than 1e-3 */
    for (int j = 0; j < 4; j++) {
        double *kept[SD_MAX_IN];
        for (int i = 0; i < c->n_real; i++) {
            size_t bytes = (size_t)c->in.count[c->real[i]] * sizeof(double);
            kept[i] = malloc(bytes);
            memcpy(kept[i], c->in.data[c->real[i]], bytes);
        }
        move(c, first, at[j] * step);
        program_run(p, &c->in, c->direction, NULL);
        sum += weight[j] * p->result[r][0];
        for (int i = 0; i < c->n_real; i++) {
            memcpy(c->in.data[c->real[i]], kept[i], (size_t)c->in.count[c->real[i]] * sizeof(double));
            free(kept[i]);
        }
    }
    return sum / (12 * step);
}

/*
 * Error relative to the size of the terms that are added up, so that a chance cancellation is no alarm; a derivative below
 * 1e-5 of the value drowns in the rounding of the difference.
 */
static double relative(double analytic, double numeric, double size, double value)
{
    return fabs(analytic - numeric) / (size + 1e-5 * (fabs(value) + 1));
}

typedef struct errors {
    double first, second;
} errors;

/* Values of one check: s = <y,c>; g_i; t = sum <g_i,u_i>; h_i = d t/d x_i. */
static errors measure(check *c, const sd_op *op, sd_random *random)
{
    errors e = {0, 0};
    if (mutant.kind != NONE)
        plant(c->in.graph, op); /* before the test adds nodes of its own: two flipped signs would cancel */
    sd_node s = scalar_of(c, random), wrt[SD_MAX_IN], grad[SD_MAX_IN], hv[SD_MAX_IN], value[MOST_VALUES];
    if (!s.id || !c->n_real) {
        unplant(c->in.graph, op);
        return e;
    }
    for (int i = 0; i < c->n_real; i++)
        wrt[i] = c->in.example.input[c->real[i]].node;
    sd_grad(s, c->n_real, wrt, grad);
    int u = c->n_directions;
    sd_node t = {0};
    for (int i = 0; i < c->n_real; i++) {
        sd_node term = sd_sum(sd_mul(grad[i], new_direction(c, random, wrt[i])), SD_ALL_AXES, false);
        t = t.id ? sd_add(t, term) : term;
    }
    int w = c->n_directions;
    for (int i = 0; i < c->n_real; i++)
        c->direction[c->n_directions++] = draw_vector(random, c->in.count[c->real[i]]);
    sd_grad(t, c->n_real, wrt, hv);
    unplant(c->in.graph, op);
    if (sd_graph_status(c->in.graph) != SD_OK)
        fail_msg("%s: %s", op->name, sd_graph_message(c->in.graph));

    int n = 0;
    value[n++] = s;
    value[n++] = t;
    for (int i = 0; i < c->n_real; i++)
        value[n++] = grad[i];
    for (int i = 0; i < c->n_real; i++)
        value[n++] = hv[i];
    program p = program_new(reference, n, value, NULL);
    double fd1 = difference(c, &p, 0, u), fd2 = difference(c, &p, 1, w);
    program_run(&p, &c->in, c->direction, NULL);
    double along_u = p.result[1][0], along_w = 0, size1 = 0, size2 = 0;
    for (int i = 0; i < c->n_real; i++) {
        int64_t m = c->in.count[c->real[i]];
        along_w += dot(p.result[2 + c->n_real + i], c->direction[w + i], m);
        for (int64_t k = 0; k < m; k++) {
            size1 += pow(p.result[2 + i][k] * c->direction[u + i][k], 2);
            size2 += pow(p.result[2 + c->n_real + i][k] * c->direction[w + i][k], 2);
        }
    }
    c->has_derivative = size1 > 0 || fd1 != 0;
    e.first = relative(along_u, fd1, SD_MAX(sqrt(size1), fabs(fd1)), p.result[0][0]);
    e.second = relative(along_w, fd2, SD_MAX(SD_MAX(sqrt(size2), fabs(fd2)), 1e-3 * sqrt(size1)), along_u);
    program_free(&p);
    return e;
}

static errors errors_of(const sd_op *op, int trial, bool *has_derivative)
{
    check c = check_new(op, trial, trial % 3);
    sd_random random = instance_random(op, trial, 2);
    errors e = measure(&c, op, &random);
    *has_derivative |= c.has_derivative;
    check_free(&c);
    return e;
}

static void every_row_has_right_derivatives(void **state)
{
    mutant.kind = NONE;
    int rows = 0, with = 0;
    for (int row = 0; row < sd__n_ops; row++) {
        const sd_op *op = sd__ops[row];
        bool has = false;
        for (int trial = 0; trial < law_trials(TRIALS); trial++) {
            errors e = errors_of(op, trial, &has);
            if (!(e.first < TOLERANCE) || !(e.second < TOLERANCE))
                fail_msg("%s, trial %d: relative error %.2e (first order), %.2e (second order); allowed %g", op->name, trial,
                         e.first, e.second, TOLERANCE);
        }
        rows++;
        with += has;
    }
    print_message("derivatives: %d rows, %d of them with a derivative that is not zero everywhere\n", rows, with);
}

static bool caught(const sd_op *op)
{
    for (int trial = 0; trial < TRIALS; trial++) {
        bool has = false;
        errors e = errors_of(op, trial, &has);
        if (!(e.first < TOLERANCE) || !(e.second < TOLERANCE))
            return true;
    }
    return false;
}

static void every_mutant_of_a_derivative_is_caught(void **state)
{
    int planted = 0, escaped = 0;
    for (int row = 0; row < sd__n_ops; row++) {
        const sd_op *op = sd__ops[row];
        for (int kind = SIGN; kind < MUTATIONS && op->vjp; kind++)
            for (int operand = 0; operand < 4; operand++) {
                mutant.base = op;
                mutant.kind = (mutation)kind;
                mutant.operand = operand;
                mutant.applied = false;
                bool was_caught = caught(op);
                planted += mutant.applied;
                if (mutant.applied && !was_caught) {
                    escaped++;
                    print_error("%s: mutant \"%s\" of operand %d escaped\n", op->name, mutation_name[kind], operand);
                }
            }
    }
    mutant.kind = NONE;
    print_message("derivative mutants: %d planted, %d escaped\n", planted, escaped);
    assert_int_equal(escaped, 0);
    assert_true(planted > 100);
}

/* ---- composites: the rule against the derivative of the decomposition ---- */

static void compare_rule(const sd_op *op, int trial)
{
    check c = check_new(op, trial, 0);
    sd_random random = instance_random(op, trial, 3);
    sd_node whole[SD_MAX_OUT], parts[SD_MAX_OUT] = {0}, dy[SD_MAX_OUT], wrt[SD_MAX_IN], g[2 * SD_MAX_IN];
    const sd_node_data *data = sd__data(c.in.node);
    int n_in = (int)data->n_in, m = 0;
    sd_node operand[SD_MAX_IN];
    for (int i = 0; i < n_in; i++)
        operand[i] = sd__operand(c.in.node, i);
    op->decompose(c.in.graph, operand, data->attr, parts);
    for (int k = 0; k < n_results(&c.in); k++)
        if (real_result(&c.in, k)) {
            whole[m] = sd_node_result(c.in.node, k);
            parts[m] = parts[k];
            dy[m] = new_direction(&c, &random, whole[m]);
            m++;
        }
    for (int i = 0; i < c.n_real; i++)
        wrt[i] = c.in.example.input[c.real[i]].node;
    sd_vjp(m, whole, dy, c.n_real, wrt, g);
    sd_vjp(m, parts, dy, c.n_real, wrt, g + c.n_real);
    if (sd_graph_status(c.in.graph) != SD_OK)
        fail_msg("%s: %s", op->name, sd_graph_message(c.in.graph));
    program p = program_new(reference, 2 * c.n_real, g, NULL);
    program_run(&p, &c.in, c.direction, NULL);
    for (int i = 0; i < c.n_real; i++) {
        double size = 0;
        for (int64_t k = 0; k < p.count[i]; k++)
            size = SD_MAX(size, fabs(p.result[c.n_real + i][k]));
        for (int64_t k = 0; k < p.count[i]; k++)
            if (!(fabs(p.result[i][k] - p.result[c.n_real + i][k]) <= 1e-11 * SD_MAX(size, 1)))
                fail_msg("%s, trial %d: the rule gives %.17g, the decomposition %.17g for operand %d, element %lld", op->name,
                         trial, p.result[i][k], p.result[c.n_real + i][k], i, (long long)k);
    }
    program_free(&p);
    check_free(&c);
}

static void every_rule_of_a_composite_agrees_with_its_decomposition(void **state)
{
    int composites = 0;
    for (int row = 0; row < sd__n_ops; row++)
        if (sd__ops[row]->kind == SD_COMPOSITE && sd__ops[row]->vjp) {
            composites++;
            for (int trial = 0; trial < law_trials(TRIALS); trial++)
                compare_rule(sd__ops[row], trial);
        }
    print_message("composites with a rule of their own: %d\n", composites);
    assert_true(composites > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_right_derivatives),
        cmocka_unit_test(every_mutant_of_a_derivative_is_caught),
        cmocka_unit_test(every_rule_of_a_composite_agrees_with_its_decomposition),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
