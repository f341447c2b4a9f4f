/* window.c -- geometry of a window that slides over an image: what convolution and pooling, and their adjoints, share. */
#include "ops/window.h"

/* Largest size, stride, padding, dilation and group count that is accepted: products of two of them stay far below 2^63. */
#define MOST ((int64_t)1 << 30)

sd_window sd_window_default(void) { return (sd_window){.size = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1}; }

static int64_t or_one(int64_t value) { return value == 0 ? 1 : value; }

sd_window_attr sd__window_attr(sd_window window, int64_t height, int64_t width)
{
    for (int i = 0; i < 2; i++) {
        window.stride[i] = or_one(window.stride[i]);
        window.dilation[i] = or_one(window.dilation[i]);
    }
    window.groups = or_one(window.groups);
    return (sd_window_attr){window, {height, width}};
}

static bool within(int64_t value, int64_t lo) { return value >= lo && value <= MOST; }

/* Numbers out of bounds stay as they are: the builder that gets the window names them. */
void sd_window_pad_same(sd_window *window, int64_t height, int64_t width)
{
    sd_window_attr attr = sd__window_attr(*window, height, width);
    for (int i = 0; i < 2; i++) {
        int64_t size = attr.window.size[i], stride = attr.window.stride[i], dilation = attr.window.dilation[i];
        int64_t image = attr.image[i];
        if (!within(size, 1) || !within(stride, 1) || !within(dilation, 1) || !within(image, 1))
            continue;
        int64_t positions = (image + stride - 1) / stride;
        int64_t total = SD_MAX((positions - 1) * stride + (size - 1) * dilation + 1 - image, 0);
        window->pad_lo[i] = total / 2;
        window->pad_hi[i] = total - total / 2;
    }
}

/* Elements of the image from the first to the last tap. */
static int64_t extent(const sd_window *w, int axis) { return (w->size[axis] - 1) * w->dilation[axis] + 1; }

int64_t sd__window_positions(const sd_window_attr *attr, int axis)
{
    const sd_window *w = &attr->window;
    int64_t room = attr->image[axis] + w->pad_lo[axis] + w->pad_hi[axis] - extent(w, axis);
    return room < 0 ? 0 : room / w->stride[axis] + 1;
}

static sd_status check_bounds(sd_infer *c, const sd_window_attr *attr, int axis)
{
    const sd_window *w = &attr->window;
    const struct {
        const char *name;
        int64_t value, lo;
    } rule[] = {
        {"image size", attr->image[axis], 1},
        {"window size", w->size[axis], 1},
        {"stride", w->stride[axis], 1},
        {"dilation", w->dilation[axis], 1},
        {"pad_lo", w->pad_lo[axis], 0},
        {"pad_hi", w->pad_hi[axis], 0},
        {"groups", w->groups, 1},
    };
    for (size_t i = 0; i < SD_COUNT(rule); i++)
        if (!within(rule[i].value, rule[i].lo))
            return sd__infer_fail(c, SD_EINVAL, "%s along the %s is %lld; it must be %lld at least, and at most 2^30",
                                  rule[i].name, axis ? "width" : "height", (long long)rule[i].value, (long long)rule[i].lo);
    return SD_OK;
}

sd_status sd__check_window(sd_infer *c, const sd_window_attr *attr)
{
    const sd_window *w = &attr->window;
    for (int i = 0; i < 2; i++) {
        SD_TRY(check_bounds(c, attr, i));
        if (sd__window_positions(attr, i) < 1)
            return sd__infer_fail(c, SD_ESHAPE,
                                  "along the %s a window of %lld (dilation %lld) spans %lld elements, but the image has %lld "
                                  "and padding %lld + %lld; use a smaller window or more padding",
                                  i ? "width" : "height", (long long)w->size[i], (long long)w->dilation[i],
                                  (long long)extent(w, i), (long long)attr->image[i], (long long)w->pad_lo[i],
                                  (long long)w->pad_hi[i]);
    }
    return SD_OK;
}

/* Smallest p >= 0 with p * stride >= distance. */
static int64_t steps_to(int64_t distance, int64_t stride) { return distance <= 0 ? 0 : (distance + stride - 1) / stride; }

void sd__window_inside(const sd_window_attr *attr, int axis, int64_t tap, int64_t *begin, int64_t *end)
{
    const sd_window *w = &attr->window;
    int64_t first = tap * w->dilation[axis] - w->pad_lo[axis], positions = sd__window_positions(attr, axis);
    *begin = SD_MIN(steps_to(-first, w->stride[axis]), positions);
    *end = SD_MAX(SD_MIN(steps_to(attr->image[axis] - first, w->stride[axis]), positions), *begin);
}

double sd__window_taps(const sd_window_attr *attr)
{
    double taps = 1;
    for (int axis = 0; axis < 2; axis++) {
        double along = 0;
        for (int64_t tap = 0; tap < attr->window.size[axis]; tap++) {
            int64_t begin, end;
            sd__window_inside(attr, axis, tap, &begin, &end);
            along += (double)(end - begin);
        }
        taps *= along;
    }
    return taps;
}

static void print_pair(sd_string *text, const char *name, const int64_t pair[2], int64_t usual)
{
    if (pair[0] != usual || pair[1] != usual)
        sd__string_add(text, " %s=%lldx%lld", name, (long long)pair[0], (long long)pair[1]);
}

void sd__window_print(const void *attr, sd_string *text)
{
    const sd_window *w = &((const sd_window_attr *)attr)->window;
    print_pair(text, "window", w->size, 0);
    print_pair(text, "stride", w->stride, 1);
    print_pair(text, "pad_lo", w->pad_lo, 0);
    print_pair(text, "pad_hi", w->pad_hi, 0);
    print_pair(text, "dilation", w->dilation, 1);
    if (w->groups != 1)
        sd__string_add(text, " groups=%lld", (long long)w->groups);
}

sd_window_attr sd__window_example(sd_example *e, bool whole)
{
    sd_window_attr attr = {.window = sd_window_default()};
    for (int i = 0; i < 2; i++) {
        sd_window *w = &attr.window;
        w->size[i] = sd__example_int(e, 1, 4);
        w->stride[i] = sd__example_int(e, 1, 3);
        w->dilation[i] = whole ? 1 : sd__example_int(e, 1, 2);
        int most = whole ? (int)w->size[i] - 1 : 3;
        w->pad_lo[i] = sd__example_int(e, 0, most);
        w->pad_hi[i] = sd__example_int(e, 0, most);
        int64_t least = SD_MAX(extent(w, i) - w->pad_lo[i] - w->pad_hi[i], 1);
        attr.image[i] = least + sd__example_int(e, 0, 6);
    }
    return attr;
}
