/* slice.c -- every step-th element of a box inside a value, and its adjoint: a value surrounded and interspersed with zeros. */
#include "ops/op.h"

typedef struct slice_attr {
    int64_t start[SD_MAX_RANK], stop[SD_MAX_RANK], step[SD_MAX_RANK]; /* unused tails are 0 */
} slice_attr;

typedef struct pad_attr {
    int64_t lo[SD_MAX_RANK], hi[SD_MAX_RANK], inner[SD_MAX_RANK]; /* unused tails are 0 */
} pad_attr;

static void print_list(sd_string *text, const char *name, const int64_t *value)
{
    sd__string_add(text, " %s=", name);
    for (int i = 0; i < SD_MAX_RANK; i++)
        sd__string_add(text, "%s%lld", i ? "," : "", (long long)value[i]);
}

static sd_status infer_slice(sd_infer *c)
{
    const slice_attr *attr = c->attr;
    char text[SD_SHAPE_TEXT];
    c->out[0] = c->in[0];
    for (int i = 0; i < c->in[0].shape.rank; i++) {
        int64_t start = attr->start[i], stop = attr->stop[i], step = attr->step[i], size = c->in[0].shape.dim[i];
        if (start < 0 || start >= stop || stop > size || step < 1)
            return sd__infer_fail(
                c, SD_EINVAL,
                "axis %d of %s: start %lld, stop %lld, step %lld; 0 <= start < stop <= %lld and step >= 1 are needed", i,
                sd_shape_text(c->in[0].shape, text), (long long)start, (long long)stop, (long long)step, (long long)size);
        c->out[0].shape.dim[i] = (stop - start - 1) / step + 1;
    }
    return SD_OK;
}

static bool view_slice(const sd_tensor *in, const void *attr, sd_tensor *out)
{
    const slice_attr *slice = attr;
    sd_shape shape = in->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = (slice->stop[i] - slice->start[i] - 1) / slice->step[i] + 1;
    *out = sd__subtensor(in, slice->start, shape, slice->step);
    return true;
}

/* What was cut off below, above, and between gets zeros. */
static void vjp_slice(sd_vjp_rule *r)
{
    const slice_attr *attr = sd__attr(r->y);
    sd_shape in = sd_node_shape(sd__operand(r->y, 0)), out = sd_node_shape(r->y);
    int64_t hi[SD_MAX_RANK] = {0}, inner[SD_MAX_RANK] = {0};
    for (int i = 0; i < in.rank; i++) {
        inner[i] = attr->step[i] - 1;
        hi[i] = in.dim[i] - attr->start[i] - (out.dim[i] - 1) * attr->step[i] - 1;
    }
    r->grad[0] = sd_pad(r->dy[0], attr->start, hi, inner);
}

static void print_slice(const void *attr, sd_string *text)
{
    const slice_attr *slice = attr;
    print_list(text, "start", slice->start);
    print_list(text, "stop", slice->stop);
    print_list(text, "step", slice->step);
}

static sd_node example_slice(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int64_t start[SD_MAX_RANK] = {0}, stop[SD_MAX_RANK] = {0}, step[SD_MAX_RANK] = {0};
    if (shape.dim[0] == 1)
        shape.dim[0] = 3; /* there is something to cut off */
    for (int i = 0; i < shape.rank; i++) {
        start[i] = sd__example_int(e, 0, (int)shape.dim[i] - 1);
        stop[i] = sd__example_int(e, (int)start[i] + 1, (int)shape.dim[i]);
        step[i] = sd__example_int(e, 1, 3);
    }
    start[0] = SD_MAX(start[0], 1);
    stop[0] = SD_MAX(stop[0], start[0] + 1);
    return sd_slice_of(sd__example_real(e, shape), start, stop, step);
}

const sd_op sd__op_slice = {
    .name = "slice",
    .doc = "elements start, start + step, ... below stop of each axis",
    .kind = SD_VIEW,
    .arity = 1,
    .attr_size = sizeof(slice_attr),
    .infer = infer_slice,
    .vjp = vjp_slice,
    .view = view_slice,
    .flops = sd__no_flops,
    .print = print_slice,
    .example = example_slice,
};

sd_node sd_slice_of(sd_node x, const int64_t *start, const int64_t *stop, const int64_t *step)
{
    slice_attr attr = {.start = {0}};
    sd_shape shape = sd_node_shape(x);
    bool whole = true;
    for (int i = 0; i < shape.rank; i++) {
        attr.start[i] = start[i];
        attr.stop[i] = stop[i];
        attr.step[i] = step ? step[i] : 1;
        whole = whole && start[i] == 0 && stop[i] == shape.dim[i] && attr.step[i] == 1;
    }
    return whole ? x : sd__append1(&sd__op_slice, &attr, x);
}

static sd_status infer_pad(sd_infer *c)
{
    const pad_attr *attr = c->attr;
    const int64_t most = (int64_t)1 << 40;
    c->out[0] = c->in[0];
    for (int i = 0; i < c->in[0].shape.rank; i++) {
        int64_t lo = attr->lo[i], hi = attr->hi[i], inner = attr->inner[i], size = c->in[0].shape.dim[i];
        if (lo < 0 || hi < 0 || inner < 0)
            return sd__infer_fail(c, SD_EINVAL, "axis %d: %lld zeros before, %lld after, %lld between; none may be negative", i,
                                  (long long)lo, (long long)hi, (long long)inner);
        if (lo > most || hi > most || inner > most / size)
            return sd__infer_fail(c, SD_EINVAL, "axis %d: %lld zeros before, %lld after, %lld between are too many", i,
                                  (long long)lo, (long long)hi, (long long)inner);
        c->out[0].shape.dim[i] = lo + size + (size - 1) * inner + hi;
    }
    return sd__infer_shape(c, c->out[0].shape);
}

static void pad(const sd_args *args)
{
    const pad_attr *attr = args->attr;
    int64_t step[SD_MAX_RANK];
    for (int i = 0; i < SD_MAX_RANK; i++)
        step[i] = attr->inner[i] + 1;
    sd_tensor place = sd__subtensor(&args->out[0], attr->lo, args->in[0].shape, step);
    sd__clear(&args->out[0]);
    sd__copy(&args->in[0], &place);
}

static void vjp_pad(sd_vjp_rule *r)
{
    const pad_attr *attr = sd__attr(r->y);
    sd_shape in = sd_node_shape(sd__operand(r->y, 0));
    int64_t stop[SD_MAX_RANK] = {0}, step[SD_MAX_RANK] = {0};
    for (int i = 0; i < in.rank; i++) {
        step[i] = attr->inner[i] + 1;
        stop[i] = attr->lo[i] + (in.dim[i] - 1) * step[i] + 1;
    }
    r->grad[0] = sd_slice_of(r->dy[0], attr->lo, stop, step);
}

static void print_pad(const void *attr, sd_string *text)
{
    const pad_attr *zeros = attr;
    print_list(text, "lo", zeros->lo);
    print_list(text, "hi", zeros->hi);
    print_list(text, "inner", zeros->inner);
}

static sd_node example_pad(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int64_t lo[SD_MAX_RANK] = {0}, hi[SD_MAX_RANK] = {0}, inner[SD_MAX_RANK] = {0};
    for (int i = 0; i < shape.rank; i++) {
        lo[i] = sd__example_int(e, 0, 2);
        hi[i] = sd__example_int(e, 0, 2);
        inner[i] = shape.rank < 3 ? sd__example_int(e, 0, 2) : 0;
    }
    hi[0] = SD_MAX(hi[0], 1); /* something is padded */
    return sd_pad(sd__example_real(e, shape), lo, hi, inner);
}

const sd_op sd__op_pad = {
    .name = "pad",
    .doc = "zeros before, after and between the elements of each axis",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(pad_attr),
    .infer = infer_pad,
    .vjp = vjp_pad,
    .kernel = {[SD_F32] = pad, [SD_F64] = pad, [SD_I32] = pad, [SD_U8] = pad, [SD_BF16] = pad},
    .flops = sd__no_flops,
    .print = print_pad,
    .example = example_pad,
};

sd_node sd_pad(sd_node x, const int64_t *lo, const int64_t *hi, const int64_t *inner)
{
    pad_attr attr = {.lo = {0}};
    bool nothing = true;
    for (int i = 0; i < sd_node_shape(x).rank; i++) {
        attr.lo[i] = lo[i];
        attr.hi[i] = hi[i];
        attr.inner[i] = inner ? inner[i] : 0;
        nothing = nothing && lo[i] == 0 && hi[i] == 0 && attr.inner[i] == 0;
    }
    return nothing ? x : sd__append1(&sd__op_pad, &attr, x);
}
