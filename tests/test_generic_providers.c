/*
 * test_generic_providers.c -- every kernel of every provider and CPU level against the f64 reference, and
 * mutants of every kernel.
 *
 * Each row of ops.def runs on random shapes, with operands that lie densely, as strided views, and as values that die (so that
 * a kernel may write over them). Then every kernel is mutated: one wrong element, a wrong last element, a stride ignored.
 */
#include "generic.h"
#include "ops/cluster.h"

#define TRIALS 9
#define TOLERANCE 1e-4

/* ---- mutants of kernels ---- */

typedef enum mutation { NONE, ONE_ELEMENT, LAST_ELEMENT, IGNORED_STRIDE, MUTATIONS } mutation;
static const char *const mutation_name[] = {"none", "one wrong element", "wrong last element", "ignored stride"};

static struct {
    mutation kind;
    const sd_kernel *base;
    sd_work work;
    bool applied;
} mutant;

static void spoil(const sd_tensor *t, int64_t i)
{
    if (t->dtype == SD_F32)
        ((float *)t->data)[i] = ((float *)t->data)[i] * 1.5f + 1;
    else if (t->dtype == SD_F64)
        ((double *)t->data)[i] = ((double *)t->data)[i] * 1.5 + 1;
    else if (t->dtype == SD_I32)
        ((int32_t *)t->data)[i] += 1;
    else if (t->dtype == SD_U8)
        ((uint8_t *)t->data)[i] ^= 1;
    else
        ((uint16_t *)t->data)[i] += 1;
}

static void mutant_run(const sd_args *a)
{
    sd_tensor dense[SD_MAX_IN];
    sd_args args = *a;
    for (int i = 0; i < a->n_in && mutant.kind == IGNORED_STRIDE; i++) {
        dense[i] = sd_tensor_dense(a->in[i].data, a->in[i].dtype, a->in[i].shape);
        args.in = dense;
    }
    mutant.base->run(&args);
    bool last = a->phase == mutant.work.phases - 1 && a->part == mutant.work.parts[a->phase] - 1;
    int64_t n = sd_shape_count(a->out[0].shape);
    if (last && mutant.kind == ONE_ELEMENT)
        spoil(&a->out[0], n / 2);
    else if (last && mutant.kind == LAST_ELEMENT)
        spoil(&a->out[0], n - 1);
}

/* A stride can only be ignored where there is one; where the memory is a repeated number, reading on would leave it. */
static bool stride_counts(const sd_plan *plan, const sd_plan_step *step)
{
    bool any = false;
    for (int i = 0; i < step->n_in; i++) {
        const sd_tensor *t = &plan->tensor[step->first + (size_t)i];
        for (int k = 0; k < t->shape.rank; k++)
            if (!t->stride[k] && t->shape.dim[k] > 1)
                return false;
        any |= !sd__dense(t);
    }
    return any;
}

static bool runs_row(const sd_plan_step *step, const sd_op *op)
{
    const sd_cluster *cluster = step->attr;
    return step->op == op || (step->op == &sd__op_cluster && cluster->step[cluster->n_steps - 1].op == op);
}

/* Prepares the step anew as if all operands were dense; false if that needs more scratch than the plan has for it. */
static bool ignore_strides(const sd_plan *plan, sd_plan_step *step)
{
    sd_tensor tensor[SD_MAX_IN + SD_MAX_OUT];
    for (int i = 0; i < step->n_in + step->n_out; i++) {
        const sd_tensor *t = &plan->tensor[step->first + (size_t)i];
        tensor[i] = sd_tensor_dense(NULL, t->dtype, t->shape);
    }
    if (!step->kernel->prepare)
        return true;
    sd_call call = {.op = step->op,
                    .attr = step->attr,
                    .n_in = step->n_in,
                    .n_out = step->n_out,
                    .in = tensor,
                    .out = tensor + step->n_in,
                    .level = plan->context->level,
                    .threads = sd_context_threads(plan->context)};
    sd_work work = {.phases = 1, .parts = {1}};
    assert_ok(step->kernel->prepare(&call, &work));
    bool fits = work.scratch <= step->work.scratch && work.own <= step->work.own;
    void *unused = fits ? step->work.state : work.state;
    if (unused && step->kernel->release)
        step->kernel->release(unused);
    if (fits)
        step->work = work;
    return fits;
}

/* Wraps the kernel of the step that computes the row under test. */
static void plant(sd_plan *plan, const sd_op *op, sd_kernel *room)
{
    for (int i = plan->n_steps - 1; i >= 0; i--) {
        sd_plan_step *step = &plan->step[i];
        if (!runs_row(step, op))
            continue;
        if (mutant.kind == IGNORED_STRIDE && (!stride_counts(plan, step) || !ignore_strides(plan, step)))
            continue;
        mutant.base = step->kernel;
        mutant.work = step->work;
        mutant.applied = true;
        *room = *step->kernel;
        room->run = mutant_run;
        step->kernel = room;
        return;
    }
}

/* ---- one instance ---- */

static bool taken_by(const sd_plan *plan, const sd_op *op, const char *provider)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (runs_row(&plan->step[i], op) && strcmp(plan->step[i].provider, provider) == 0)
            return true;
    return false;
}

static int results_of(const instance *in, sd_node value[SD_MAX_OUT])
{
    for (int k = 0; k < n_results(in); k++)
        value[k] = sd_node_result(in->node, k);
    return n_results(in);
}

/* True if the f64 instance is the f32 one in higher precision: an op may draw other types where derivatives are tested. */
static bool same_function(const sd_op *op, int trial, int memory)
{
    instance low = instance_new(op, trial, SD_F32, memory), high = instance_new(op, trial, SD_F64, memory);
    bool same = !op->random && low.n_inputs == high.n_inputs; /* drawn numbers have more bits in f64 */
    for (int i = 0; same && i < low.n_inputs; i++) {
        sd_dtype a = sd_node_dtype(low.example.input[i].node), b = sd_node_dtype(high.example.input[i].node);
        same = a == b || (sd_dtype_is_real(a) && sd_dtype_is_real(b));
    }
    sd_dtype a = sd_node_dtype(low.node), b = sd_node_dtype(high.node);
    same &= a == b || (a == SD_F32 && b == SD_F64);
    instance_free(&low);
    instance_free(&high);
    return same;
}

/* What the reference gives for the same numbers, in f64 where that is the same function. */
static program oracle(const sd_op *op, int trial, int memory, instance *in)
{
    *in = instance_new(op, trial, same_function(op, trial, memory) ? SD_F64 : SD_F32, memory);
    round_inputs(in);
    sd_node value[SD_MAX_OUT];
    int n = results_of(in, value);
    program p = program_new(reference, n, value, NULL);
    program_run(&p, in, NULL, NULL);
    return p;
}

/* Largest error in units of the tolerance; integers must agree exactly. */
static double distance(const program *got, const program *wanted)
{
    double worst = 0;
    for (int k = 0; k < wanted->n; k++) {
        double square = 0;
        for (int64_t i = 0; i < wanted->count[k]; i++)
            square += wanted->result[k][i] * wanted->result[k][i];
        double rms = sqrt(square / (double)wanted->count[k]);
        bool real = sd_dtype_is_real(sd_node_dtype(wanted->value[k]));
        for (int64_t i = 0; i < wanted->count[k]; i++) {
            double a = got->result[k][i], b = wanted->result[k][i];
            if (a == b || (isnan(a) && isnan(b)))
                continue;
            double error = fabs(a - b) / (TOLERANCE * (fabs(b) + rms));
            worst = SD_MAX(worst, real && error == error ? error : 1e300);
        }
    }
    return worst;
}

typedef struct outcome {
    bool taken;
    double distance;
} outcome;

static outcome try_row(sd_context *context, const char *provider, const sd_op *op, int trial)
{
    int memory = trial % 3;
    instance in, exact;
    program wanted = oracle(op, trial, memory, &exact);
    in = instance_new(op, trial, SD_F32, memory);
    round_inputs(&in);
    sd_node value[SD_MAX_OUT];
    program p = program_new(context, results_of(&in, value), value, NULL);
    outcome o = {.taken = taken_by(p.plan, op, provider)};
    sd_kernel room;
    if (o.taken && mutant.kind != NONE)
        plant(p.plan, op, &room);
    program_run(&p, &in, NULL, NULL);
    o.distance = distance(&p, &wanted);
    program_free(&p);
    program_free(&wanted);
    instance_free(&in);
    instance_free(&exact);
    return o;
}

static const char *const levels[] = {"v2", "v3", "v4"};

static bool level_exists(const char *level)
{
    sd_level wanted;
    return sd__level_parse(level, &wanted) && wanted <= sd__cpu_level();
}

/* Runs f over every provider of this build and every level of this CPU. */
static void each_context(void (*f)(sd_context *context, const char *provider, const char *level))
{
    static const char *const name[] = {"simd", "onednn", "fused"};
    for (size_t p = 0; p < SD_COUNT(name); p++)
        for (size_t l = 0; l < SD_COUNT(levels); l++) {
            sd_context *context;
            if (!level_exists(levels[l])) {
                print_message("level %s: not on this CPU, skipped\n", levels[l]);
                continue;
            }
            if (sd_context_new(&(sd_context_options){.threads = 1, .kernels = name[p], .isa = levels[l]}, &context) != SD_OK) {
                print_message("provider %s: not in this build, skipped\n", name[p]);
                continue;
            }
            f(context, name[p], levels[l]);
            sd_context_free(context);
        }
}

static void check_provider(sd_context *context, const char *provider, const char *level)
{
    int taken = 0;
    double worst = 0;
    for (int row = 0; row < sd__n_ops; row++) {
        bool any = false;
        for (int trial = 0; trial < law_trials(TRIALS); trial++) {
            outcome o = try_row(context, provider, sd__ops[row], trial);
            any |= o.taken;
            worst = SD_MAX(worst, o.distance);
            if (!(o.distance <= 1))
                fail_msg("%s at %s: %s, trial %d: off by %.3g tolerances%s", provider, level, sd__ops[row]->name, trial,
                         o.distance, o.taken ? "" : " (computed by another provider)");
        }
        taken += any;
    }
    print_message("%s at %s: %d of %d rows, worst error %.2g of the tolerance %g\n", provider, level, taken, sd__n_ops, worst,
                  TOLERANCE);
    assert_true(taken > 0);
}

static void every_kernel_agrees_with_the_reference(void **state)
{
    mutant.kind = NONE;
    each_context(check_provider);
}

static int planted, escaped;

/* Where results are few bits (compare), a mutant may agree with the truth by chance, time and again: it is given more trials. */
static void mutate_row(sd_context *context, const char *provider, const char *level, const sd_op *op, mutation kind)
{
    enum { PATIENCE = 10 };
    mutant.kind = kind;
    mutant.applied = false;
    bool was_caught = false;
    for (int trial = 0; !was_caught && trial < (mutant.applied ? PATIENCE * TRIALS : TRIALS); trial++)
        was_caught = !(try_row(context, provider, op, trial).distance <= 1);
    planted += mutant.applied;
    if (mutant.applied && !was_caught) {
        escaped++;
        print_error("%s at %s: %s: mutant \"%s\" escaped\n", provider, level, op->name, mutation_name[kind]);
    }
}

static void mutate_provider(sd_context *context, const char *provider, const char *level)
{
    for (int row = 0; row < sd__n_ops; row++)
        for (int kind = ONE_ELEMENT; kind < MUTATIONS; kind++)
            mutate_row(context, provider, level, sd__ops[row], (mutation)kind);
}

static void every_mutant_of_a_kernel_is_caught(void **state)
{
    each_context(mutate_provider);
    mutant.kind = NONE;
    print_message("kernel mutants: %d planted, %d escaped\n", planted, escaped);
    assert_int_equal(escaped, 0);
    assert_true(planted > 50);
}

/* ---- composites: whole against expanded, to second order ---- */

static void compare_expanded(sd_context *context, const sd_op *op, int trial)
{
    instance in = instance_new(op, trial, SD_F32, 0);
    round_inputs(&in);
    sd_node wrt[SD_MAX_IN], direction[SD_MAX_IN], value[MOST_VALUES], s = {0}, y = {0};
    double *vector[SD_MAX_IN];
    sd_random random = instance_random(op, trial, 4);
    int n = 0, values = 0;
    for (int i = 0; i < in.n_inputs; i++)
        if (sd_node_dtype(in.example.input[i].node) == SD_F32) {
            char name[16];
            snprintf(name, sizeof name, "v%d", n);
            wrt[n] = in.example.input[i].node;
            direction[n] = sd_input(in.graph, name, SD_F32, sd_node_shape(wrt[n]));
            vector[n] = malloc((size_t)in.count[i] * sizeof(double));
            for (int64_t k = 0; k < in.count[i]; k++)
                vector[n][k] = (double)(float)sd__random_normal(&random);
            n++;
        }
    for (int k = 0; k < n_results(&in); k++)
        if (real_result(&in, k)) {
            y = sd_node_result(in.node, k);
            value[values++] = y;
            sd_node term =
                sd_sum(sd_mul(y, sd_sin(sd_scale(sd_add(y, sd_constant_like(y, (double)k + 1)), 3))), SD_ALL_AXES, false);
            s = s.id ? sd_add(s, term) : term;
        }
    sd_grad(s, n, wrt, &value[values]);
    sd_hvp(s, n, wrt, direction, &value[values + n]);
    value[values + 2 * n] = sd_jvp(y, n, wrt, direction);
    values += 2 * n + 1;
    if (sd_graph_status(in.graph) != SD_OK)
        fail_msg("%s: %s", op->name, sd_graph_message(in.graph));
    program whole = program_new(context, values, value, NULL);
    program parts = program_new(context, values, value, &(sd_compile_options){.expand_all = true});
    program_run(&whole, &in, vector, NULL);
    program_run(&parts, &in, vector, NULL);
    double d = distance(&whole, &parts) * TOLERANCE;
    if (!(d <= 2e-3)) /* f32, second derivatives of sums */
        fail_msg("%s, trial %d: whole and expanded differ by %.3g", op->name, trial, d);
    program_free(&whole);
    program_free(&parts);
    for (int i = 0; i < n; i++)
        free(vector[i]);
    instance_free(&in);
}

static void every_composite_is_its_decomposition(void **state)
{
    sd_context *context = context_of(NULL, NULL);
    int composites = 0;
    for (int row = 0; row < sd__n_ops; row++)
        if (sd__ops[row]->kind == SD_COMPOSITE) {
            composites++;
            for (int trial = 0; trial < law_trials(4); trial++)
                compare_expanded(context, sd__ops[row], trial);
        }
    print_message("composites, value, gradient, Hessian-vector product and directional derivative, whole and expanded: %d\n",
                  composites);
    sd_context_free(context);
}

/* ---- fusing ---- */

static void fused_equals_unfused_bit_for_bit(void **state)
{
    sd_context *context = context_of(NULL, NULL);
    for (int trial = 0; trial < law_trials(20); trial++) {
        sd_graph *graph = sd_graph_new();
        int64_t n = law_int(1, 3000), m = law_int(1, 5);
        sd_node x = sd_input(graph, "x", SD_F32, SD_SHAPE(m, n)), b = sd_input(graph, "b", SD_F32, SD_SHAPE(n)), y = x;
        for (int k = 0; k < 12; k++) {
            sd_node f[] = {sd_add(y, b),          sd_mul(y, x),  sd_tanh(y),
                           sd_relu(sd_sub(y, b)), sd_sigmoid(y), sd_select(sd_compare(y, SD_GT, x), y, sd_max(x, b))};
            y = f[law_int(0, (int)SD_COUNT(f) - 1)];
        }
        float *in = malloc((size_t)(m * n) * sizeof *in), *bias = malloc((size_t)n * sizeof *bias);
        float *out[2] = {malloc((size_t)(m * n) * sizeof(float)), malloc((size_t)(m * n) * sizeof(float))};
        law_draw(in, (size_t)(m * n), -2, 2);
        law_draw(bias, (size_t)n, -2, 2);
        for (int alone = 0; alone < 2; alone++) {
            sd_plan *plan;
            sd_workspace *workspace;
            sd_output output = {"y", 0, y};
            assert_ok(sd_compile(context, 1, &output, &(sd_compile_options){.no_fuse = alone}, &plan));
            assert_ok(sd_workspace_new(plan, &workspace));
            void *binding[3];
            for (int s = 0; s < sd_plan_slots(plan); s++) {
                char name = sd_plan_slot_name(plan, s)[0];
                binding[s] = name == 'x' ? in : name == 'b' ? bias : out[alone];
            }
            assert_ok(sd_run(plan, workspace, binding, NULL));
            sd_workspace_free(workspace);
            sd_plan_free(plan);
        }
        assert_memory_equal(out[0], out[1], (size_t)(m * n) * sizeof(float));
        free(in), free(bias), free(out[0]), free(out[1]);
        sd_graph_free(graph);
    }
    sd_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_reference),
        cmocka_unit_test(every_mutant_of_a_kernel_is_caught),
        cmocka_unit_test(every_composite_is_its_decomposition),
        cmocka_unit_test(fused_equals_unfused_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
