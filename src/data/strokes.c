/*
 * strokes.c -- handwritten-like digits, drawn by a program: a data set that needs no file.
 *
 * A sample is one way of writing its digit; its points are moved by chance, by an affine map (size, slant, rotation, place) and
 * by a few long waves (the elastic part); a smooth curve goes through them, and a pen of changing width draws it. All chance of
 * sample i comes from one Philox stream of its own, so that it is the same whoever asks, in whatever order.
 *
 * Samples are made when first asked for and kept. Several threads may ask at once: who claims a sample first makes it in
 * place, and one that finds it claimed but unfinished makes its own copy rather than wait.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/dataset.h"
#include "data/glyphs.h"

#define SIDE 28
#define PIXELS (SIDE * SIDE)
#define CURVE_STEPS 4 /* straight pieces between two points of a stroke */
#define WAVES 3
#define STATISTICS 512 /* samples that normalisation looks at: all would have to be drawn before the first step */

typedef struct point {
    float x, y;
} point;

/* How one sample is written. Lengths in pixels. */
typedef struct hand {
    const sd_glyph *glyph;
    float a[2][2], centre[2]; /* glyph box around its middle -> image */
    struct wave {
        float fx, fy, phase, dx, dy;
    } wave[WAVES];
    float radius, swell, swell_phase; /* half width of the pen, and how it changes along the stroke */
    float soft, ink, grain;
} hand;

static float between(sd_random *random, float low, float high)
{
    return low + (high - low) * (float)sd__random_uniform(random);
}

static float normal(sd_random *random, float deviation)
{
    float z = (float)sd__random_normal(random);
    return deviation * fminf(fmaxf(z, -2.5f), 2.5f);
}

static const sd_glyph *choose_glyph(sd_random *random, int digit)
{
    int first = 0, n = 0;
    while (sd__glyphs[first].digit != digit)
        first++;
    while (first + n < sd__glyph_count && sd__glyphs[first + n].digit == digit)
        n++;
    return &sd__glyphs[first + (int)sd__random_below(random, (uint64_t)n)];
}

static void choose_place(sd_random *random, hand *h)
{
    float angle = normal(random, 0.13f), slant = normal(random, 0.2f);
    float width = 13 * expf(normal(random, 0.13f)) / 100, height = 18.5f * expf(normal(random, 0.09f)) / 100;
    float c = cosf(angle), s = sinf(angle);
    /* rotation * slant * size */
    h->a[0][0] = c * width;
    h->a[0][1] = (-c * slant - s) * height;
    h->a[1][0] = s * width;
    h->a[1][1] = (-s * slant + c) * height;
    h->centre[0] = SIDE / 2.0f - 0.5f + between(random, -1.5f, 1.5f);
    h->centre[1] = SIDE / 2.0f - 0.5f + between(random, -1.5f, 1.5f);
}

static hand choose_hand(sd_random *random, int digit)
{
    hand h = {.glyph = choose_glyph(random, digit)};
    choose_place(random, &h);
    for (int i = 0; i < WAVES; i++) {
        struct wave *w = &h.wave[i];
        w->fx = between(random, -0.3f, 0.3f);
        w->fy = between(random, -0.3f, 0.3f);
        w->phase = between(random, 0, 6.2831853f);
        w->dx = normal(random, 0.65f);
        w->dy = normal(random, 0.65f);
    }
    h.radius = between(random, 0.7f, 1.7f);
    h.swell = between(random, 0, 0.25f);
    h.swell_phase = between(random, 0, 6.2831853f);
    h.soft = between(random, 0.4f, 0.8f);
    h.ink = between(random, 170, 255);
    h.grain = between(random, 0, 30);
    return h;
}

static point place(const hand *h, float x, float y)
{
    x -= 50;
    y -= 50;
    point p = {h->centre[0] + h->a[0][0] * x + h->a[0][1] * y, h->centre[1] + h->a[1][0] * x + h->a[1][1] * y}, q = p;
    for (int i = 0; i < WAVES; i++) {
        const struct wave *w = &h->wave[i];
        float wave = sinf(w->fx * p.x + w->fy * p.y + w->phase);
        q.x += w->dx * wave;
        q.y += w->dy * wave;
    }
    return q;
}

/* Catmull-Rom: from b to c, with the directions that their neighbours suggest. */
static float spline(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Lowers gap[pixel] to the distance from the segment p-q, less the radius. */
static void draw_segment(float gap[PIXELS], point p, point q, float radius, float reach)
{
    int x0 = (int)fmaxf(ceilf(fminf(p.x, q.x) - reach), 0), x1 = (int)fminf(floorf(fmaxf(p.x, q.x) + reach), SIDE - 1);
    int y0 = (int)fmaxf(ceilf(fminf(p.y, q.y) - reach), 0), y1 = (int)fminf(floorf(fmaxf(p.y, q.y) + reach), SIDE - 1);
    float dx = q.x - p.x, dy = q.y - p.y, length = dx * dx + dy * dy, scale = length > 0 ? 1 / length : 0;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            float px = (float)x - p.x, py = (float)y - p.y;
            float t = fminf(fmaxf((px * dx + py * dy) * scale, 0), 1);
            float ex = px - t * dx, ey = py - t * dy;
            float distance = sqrtf(ex * ex + ey * ey) - radius;
            gap[y * SIDE + x] = fminf(gap[y * SIDE + x], distance);
        }
}

/* One stroke: n points, n >= 2. The ends count twice. */
static void draw_stroke(const hand *h, float gap[PIXELS], const point *p, int n, float *travelled)
{
    for (int i = 0; i + 1 < n; i++) {
        point a = p[SD_MAX(i - 1, 0)], b = p[i], c = p[i + 1], d = p[SD_MIN(i + 2, n - 1)], from = b;
        for (int step = 1; step <= CURVE_STEPS; step++) {
            float t = (float)step / CURVE_STEPS;
            point to = {spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)};
            float radius = h->radius * (1 + h->swell * sinf(*travelled + h->swell_phase));
            draw_segment(gap, from, to, radius, radius + h->soft);
            *travelled += 0.4f;
            from = to;
        }
    }
}

static void draw_glyph(const hand *h, sd_random *random, float gap[PIXELS])
{
    point p[SD_GLYPH_POINTS];
    const sd_glyph *g = h->glyph;
    float travelled = 0;
    for (int i = 0; i < g->n; i++) {
        /* Where one stroke goes on from the end of another, the two must stay joined. */
        const sd_glyph_point *from = &g->point[i];
        bool joined = i && from->lift && from->x == from[-1].x && from->y == from[-1].y;
        float x = joined ? 0 : from->x + normal(random, 4); /* statements: arguments have no order */
        float y = joined ? 0 : from->y + normal(random, 4);
        p[i] = joined ? p[i - 1] : place(h, x, y);
    }
    for (int i = 0, first = 0; i < g->n; i++)
        if (i + 1 == g->n || g->point[i + 1].lift) {
            draw_stroke(h, gap, p + first, i + 1 - first, &travelled);
            first = i + 1;
        }
}

/* Ink where the pen was, half at its edge, and grain on the whole paper: sixteen pixels from each block of Philox. */
static void develop(const hand *h, sd_random *random, const float gap[PIXELS], uint8_t pixels[PIXELS])
{
    for (int i = 0; i < PIXELS; i += 4) {
        uint32_t word = sd__random_u32(random);
        for (int j = i; j < i + 4; j++, word >>= 8) {
            float cover = fminf(fmaxf(0.5f - gap[j] / (2 * h->soft), 0), 1);
            float noise = ((float)(word & 255) - 127.5f) / 127.5f;
            pixels[j] = (uint8_t)(fminf(fmaxf(cover * h->ink + noise * h->grain, 0), 255) + 0.5f);
        }
    }
}

static void draw(uint64_t key, int32_t id, uint8_t pixels[PIXELS])
{
    sd_random random = sd__random(key, (uint64_t)id);
    hand h = choose_hand(&random, id % 10);
    float gap[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        gap[i] = SIDE;
    draw_glyph(&h, &random, gap);
    develop(&h, &random, gap, pixels);
}

/* -- the set ---------------------------------------------------------------------------------------------------------- */

enum { EMPTY, CLAIMED, DRAWN };

typedef struct strokes {
    uint64_t key;
    uint8_t *pixels;         /* [samples, PIXELS] */
    _Atomic(uint8_t) *state; /* [samples] */
} strokes;

static void give(strokes *s, int32_t id, uint8_t *out)
{
    uint8_t *kept = s->pixels + (size_t)id * PIXELS, state = EMPTY;
    if (atomic_compare_exchange_strong_explicit(&s->state[id], &state, CLAIMED, memory_order_acquire, memory_order_acquire)) {
        draw(s->key, id, kept);
        atomic_store_explicit(&s->state[id], DRAWN, memory_order_release);
    }
    if (state == CLAIMED)
        draw(s->key, id, out);
    else
        memcpy(out, kept, PIXELS);
}

static sd_status fill(void *user, int n, const int32_t *ids, void *input, int32_t *labels, void *targets)
{
    (void)labels; /* the set has them */
    (void)targets;
    for (int i = 0; i < n; i++)
        give(user, ids[i], (uint8_t *)input + (size_t)i * PIXELS);
    return SD_OK;
}

static void release(void *user)
{
    strokes *s = user;
    free(s->pixels);
    free(s->state);
    free(s);
}

static strokes *strokes_new(uint64_t seed, const char *part, int64_t samples)
{
    strokes *s = sd__alloc_zeroed(1, sizeof(*s));
    if (!s)
        return NULL;
    s->key = sd__hash_text(sd__hash(SD_HASH_START, &seed, sizeof(seed)), part);
    s->pixels = sd__alloc_zeroed((size_t)samples, PIXELS);
    s->state = sd__alloc_zeroed((size_t)samples, sizeof(*s->state));
    if (s->pixels && s->state)
        return s;
    release(s);
    return NULL;
}

static sd_status set_content(sd_dataset *d, uint64_t seed, const char *part)
{
    int64_t samples = d->info.samples;
    strokes *s = strokes_new(seed, part, samples);
    int32_t *labels = sd__dataset_own(d, sd__alloc((size_t)samples, sizeof(*labels)));
    d->user = s;
    d->release = s ? release : NULL;
    if (!s || !labels)
        return sd__fail(SD_ENOMEM, "strokes: out of memory for %lld samples", (long long)samples);
    for (int64_t i = 0; i < samples; i++)
        labels[i] = (int32_t)(i % 10);
    d->fill = fill;
    d->statistics = STATISTICS;
    return sd__dataset_set_labels(d, labels, 10, NULL, NULL);
}

sd_status sd_dataset_strokes(uint64_t seed, const char *part, int64_t samples, sd_dataset **dataset)
{
    sd_dataset *d;
    *dataset = NULL;
    if (strcmp(part, "train") && strcmp(part, "test"))
        return sd__fail(SD_EINVAL, "strokes: no part is called '%s'; there are train and test", part);
    SD_TRY(sd__dataset_new("strokes", samples, SD_SHAPE(SIDE, SIDE, 1), SD_U8, &d));
    return sd__dataset_done(d, set_content(d, seed, part), dataset);
}
