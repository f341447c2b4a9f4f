/* run.c -- running a plan: a loop over steps, without lookup or lock, and from the second run on without allocation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pool.h"
#include "plan/plan.h"
#include "tensor/element.h"

/* Seats for all threads of the pool. */
static sd_status seat_threads(sd_workspace *workspace, const sd_pool *pool)
{
    size_t bytes = workspace->plan->own_bytes;
    int threads = sd__pool_threads(pool);
    if (!bytes || threads <= workspace->seats)
        return SD_OK;
    sd_seat *seat = sd__alloc_aligned((size_t)threads * sizeof *seat);
    if (!seat)
        return sd__fail(SD_ENOMEM, "no memory for %d threads", threads);
    if (workspace->seats)
        memcpy(seat, workspace->seat, (size_t)workspace->seats * sizeof *seat);
    free(workspace->seat);
    workspace->seat = seat;
    for (; workspace->seats < threads; workspace->seats++) {
        void *own = sd__alloc_aligned(bytes);
        if (!own)
            return sd__fail(SD_ENOMEM, "no memory for %zu bytes for each of %d threads", bytes, threads);
        seat[workspace->seats] = (sd_seat){.own = own};
    }
    return SD_OK;
}

sd_status sd_workspace_new(const sd_plan *plan, sd_workspace **workspace)
{
    *workspace = NULL;
    sd_workspace *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return sd__fail(SD_ENOMEM, "no memory for a workspace");
    made->plan = plan;
    made->arena = sd__alloc_aligned(plan->arena_bytes + 64);
    made->tensor = sd__alloc(plan->n_tensors + 1, sizeof *made->tensor);
    if (!made->arena || !made->tensor) {
        sd_workspace_free(made);
        return sd__fail(SD_ENOMEM, "no memory for a workspace of %zu bytes", plan->arena_bytes);
    }
    for (size_t i = 0; i < plan->n_tensors; i++) {
        made->tensor[i] = plan->tensor[i];
        if (plan->place[i].base == SD_PLACE_ARENA)
            made->tensor[i].data = made->arena + plan->place[i].offset;
        else if (plan->place[i].base == SD_PLACE_CONSTANT)
            made->tensor[i].data = plan->constants + plan->place[i].offset;
    }
    sd_status status = seat_threads(made, plan->context->pool);
    if (status != SD_OK)
        sd_workspace_free(made);
    else
        *workspace = made;
    return status;
}

void sd_workspace_free(sd_workspace *workspace)
{
    if (!workspace)
        return;
    for (int i = 0; i < workspace->seats; i++)
        free(workspace->seat[i].own);
    free(workspace->seat);
    free(workspace->arena);
    free(workspace->tensor);
    free(workspace);
}

static sd_status bind(const sd_plan *plan, sd_workspace *workspace, void *const *bindings)
{
    for (int i = 0; i < plan->n_slots; i++)
        if (!bindings[i])
            return sd__fail(SD_EINVAL, "slot %s is not bound; it needs %lld elements of %s", plan->slot[i].name,
                            (long long)plan->slot[i].length, sd_dtype_name(plan->slot[i].dtype));
    for (size_t i = 0; i < plan->n_tensors; i++)
        if (plan->place[i].base >= 0)
            workspace->tensor[i].data = (char *)bindings[plan->place[i].base] + plan->place[i].offset;
    return SD_OK;
}

typedef struct phase {
    const sd_plan_step *step;
    sd_args args;
    sd_seat *seat; /* of the pool's threads */
    const sd_pool *pool;
    uint64_t call;
} phase;

/* What the thread has for itself, made if this is its first part of the call. */
static void *own_of(const phase *p)
{
    sd_seat *seat = &p->seat[sd__pool_seat(p->pool)];
    if (seat->call == p->call)
        return seat->own;
    seat->call = p->call;
    sd_args args = p->args;
    args.own = seat->own;
    args.phase = SD_OWN;
    p->step->kernel->run(&args);
    return seat->own;
}

static void run_part(void *user, int part)
{
    const phase *p = user;
    sd_args args = p->args;
    args.part = part;
    if (args.phase == 0 && p->step->work.own)
        args.own = own_of(p);
    p->step->kernel->run(&args);
}

static void run_phase(phase *p, int parts, sd_pool *pool)
{
    if (parts == 1)
        run_part(p, 0);
    else if (p->args.phase >= 0 && p->step->work.falling >> p->args.phase & 1)
        sd__pool_run_falling(pool, run_part, p, parts);
    else
        sd__pool_run(pool, run_part, p, parts);
}

static phase first_phase(const sd_plan_step *step, sd_workspace *workspace, const sd_pool *pool)
{
    const sd_tensor *tensor = workspace->tensor + step->first;
    return (phase){.step = step,
                   .args = {.op = step->op,
                            .n_in = step->n_in,
                            .n_out = step->n_out,
                            .in = tensor,
                            .out = tensor + step->n_in,
                            .attr = step->attr,
                            .state = step->work.state,
                            .scratch = workspace->arena + step->scratch,
                            .kept = workspace->arena + step->kept},
                   .seat = workspace->seat,
                   .pool = pool,
                   .call = ++workspace->calls};
}

static void run_step(const sd_plan_step *step, sd_workspace *workspace, sd_pool *pool)
{
    phase p = first_phase(step, workspace, pool);
    for (; p.args.phase < step->work.phases; p.args.phase++)
        run_phase(&p, step->work.parts[p.args.phase], pool);
}

void sd_workspace_refresh(sd_workspace *workspace) { workspace->kept = false; }

/* What is fixed lies in the caller's memory, so all steps can copy it before the first one runs. */
static void keep(const sd_plan *plan, sd_workspace *workspace, sd_pool *pool)
{
    for (int i = 0; i < plan->n_steps && !workspace->kept; i++) {
        phase p = first_phase(&plan->step[i], workspace, pool);
        p.args.phase = SD_KEEP;
        if (p.step->work.kept)
            run_phase(&p, p.step->work.keepers, pool);
    }
    workspace->kept = true;
}

static bool all_finite(const sd_tensor *t)
{
    int64_t n = sd_shape_count(t->shape);
    for (int64_t i = 0; t->dtype == SD_F32 && i < n; i++)
        if (!isfinite(((const float *)t->data)[i]))
            return false;
    for (int64_t i = 0; t->dtype == SD_F64 && i < n; i++)
        if (!isfinite(((const double *)t->data)[i]))
            return false;
    return true;
}

static void describe(const sd_plan_step *step, sd_string *text)
{
    sd__string_add(text, "%s%s", step->path[0] ? step->path : "(no layer)", ": ");
    sd__string_add(text, "%s", step->op->name);
    if (step->op->print)
        step->op->print(step->attr, text);
}

/* Results are dense, so they can be read as arrays. */
static sd_status check_finite(const sd_plan *plan, int number, const sd_workspace *workspace)
{
    const sd_plan_step *step = &plan->step[number];
    for (int k = 0; k < step->n_out; k++) {
        if (all_finite(&workspace->tensor[step->first + (size_t)(step->n_in + k)]))
            continue;
        sd_string text = {0};
        describe(step, &text);
        sd_status status = sd__fail(SD_ENONFINITE, "step %d, %s made a value that is not finite", number,
                                    text.text ? text.text : step->op->name);
        free(text.text);
        return status;
    }
    return SD_OK;
}

/* Level 4 of the debug ladder: smallest, largest and mean value of every real result. */
static void log_values(const sd_plan *plan, int number, const sd_workspace *workspace)
{
    const sd_plan_step *step = &plan->step[number];
    const sd_tensor *t = &workspace->tensor[step->first + (size_t)step->n_in];
    if (!sd_dtype_is_real(t->dtype))
        return;
    double low = INFINITY, high = -INFINITY, sum = 0;
    int64_t n = sd_shape_count(t->shape);
    for (int64_t i = 0; i < n; i++) {
        double x = sd__element(t->data, t->dtype, i);
        low = SD_MIN(low, x);
        high = SD_MAX(high, x);
        sum += x;
    }
    sd__log(plan->context, 4, "step %d %s %s: min %g mean %g max %g", number, step->path, step->op->name, low, sum / (double)n,
            high);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sd_status run_watched(const sd_plan *plan, sd_workspace *workspace, sd_pool *pool)
{
    for (int i = 0; i < plan->n_steps; i++) {
        double start = now();
        run_step(&plan->step[i], workspace, pool);
        sd__log(plan->context, 2, "step %d %s %s: %.1f us", i, plan->step[i].path, plan->step[i].op->name,
                (now() - start) * 1e6);
        if (plan->context->debug >= 4)
            log_values(plan, i, workspace);
        if (plan->context->debug >= 5)
            SD_TRY(check_finite(plan, i, workspace));
    }
    return SD_OK;
}

sd_status sd_run(const sd_plan *plan, sd_workspace *workspace, void *const *bindings, sd_pool *pool)
{
    SD_TRY(bind(plan, workspace, bindings));
    SD_TRY(seat_threads(workspace, pool));
    unsigned mode = sd__fp_enter();
    sd_status status = SD_OK;
    keep(plan, workspace, pool);
    if (plan->context->debug >= 2)
        status = run_watched(plan, workspace, pool);
    else
        for (int i = 0; i < plan->n_steps; i++)
            run_step(&plan->step[i], workspace, pool);
    sd__fp_leave(mode);
    return status;
}

sd_status sd_run_profiled(const sd_plan *plan, sd_workspace *workspace, void *const *bindings, sd_pool *pool,
                          sd_step_profile *profile)
{
    SD_TRY(bind(plan, workspace, bindings));
    SD_TRY(seat_threads(workspace, pool));
    unsigned mode = sd__fp_enter();
    keep(plan, workspace, pool);
    double start = now(); /* one look at the clock a step: what lies between two steps is counted, too */
    for (int i = 0; i < plan->n_steps; i++) {
        const sd_plan_step *step = &plan->step[i];
        run_step(step, workspace, pool);
        double end = now();
        profile[i] = (sd_step_profile){.kernel = step->kernel->name,
                                       .provider = step->provider,
                                       .layer = step->path,
                                       .op = step->op->name,
                                       .seconds = profile[i].seconds + end - start,
                                       .flops = step->flops,
                                       .bytes = step->bytes};
        start = end;
    }
    sd__fp_leave(mode);
    return SD_OK;
}

static sd_status run_once(const sd_plan *plan, const sd_feed *feeds, void *out)
{
    void **bindings = sd__alloc_zeroed((size_t)plan->n_slots, sizeof *bindings);
    sd_workspace *workspace = NULL;
    sd_status status = bindings ? sd_workspace_new(plan, &workspace) : sd__fail(SD_ENOMEM, "no memory to run a plan");
    for (; status == SD_OK && feeds && feeds->slot; feeds++) {
        int slot = sd_plan_slot(plan, feeds->slot);
        if (slot >= 0) /* a value that the result does not depend on may be fed */
            bindings[slot] = feeds->data;
    }
    if (status == SD_OK) {
        bindings[sd_plan_slot(plan, "sd_eval result")] = out;
        status = sd_run(plan, workspace, bindings, NULL);
    }
    sd_workspace_free(workspace);
    free(bindings);
    return status;
}

sd_status sd_eval(sd_context *context, sd_node node, const sd_feed *feeds, void *out)
{
    sd_plan *plan;
    sd_output output = {"sd_eval result", 0, node};
    SD_TRY(node.graph ? sd_compile(context, 1, &output, NULL, &plan) : sd__fail(SD_EINVAL, "sd_eval: no graph"));
    sd_status status = run_once(plan, feeds, out);
    sd_plan_free(plan);
    return status;
}
