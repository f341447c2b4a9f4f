/* random.c -- random numbers and dropout: Philox on a vector of counters. Uniform numbers have the bits of ops/random.c. */
#include "ops/random.h"

#include "kernels/simd/level/level.h"
#include "kernels/simd/level/math.h"

#define COST 1.0            /* of one number, about nanoseconds */
#define CHUNK (4 * V_LANES) /* numbers that one vector of counters gives */

/* High and low words of a 32-bit product in every lane: even and odd lanes in turn. */
V_INLINE void multiply(vu a, uint32_t by, vu *high, vu *low)
{
    const vw even = ((vw)a & 0xffffffffu) * (uint64_t)by, odd = ((vw)a >> 32) * (uint64_t)by;
    *high = (vu)((even >> 32) | (odd & 0xffffffff00000000u));
    *low = (vu)((even & 0xffffffffu) | (odd << 32));
}

/* The four words of V_LANES blocks, from block number `block` on (a multiple of V_LANES: no carry inside a vector). */
V_INLINE void philox(uint64_t key, int32_t step, int32_t id, int64_t block, vu word[4])
{
    vu lane = {0};
    for (int i = 0; i < V_LANES; i++)
        lane[i] = (uint32_t)i;
    vu c0 = (uint32_t)step - (vu){0}, c1 = (uint32_t)id - (vu){0};
    vu c2 = (uint32_t)block + lane, c3 = (uint32_t)((uint64_t)block >> 32) - (vu){0};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        vu high0, low0, high1, low1;
        multiply(c0, 0xD2511F53u, &high0, &low0);
        multiply(c2, 0xCD9E8D57u, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;
}

/* [0,1) from the top 24 bits. */
V_INLINE vf unit(vu word) { return __builtin_convertvector((vi)(word >> 8), vf) * 0x1p-24f; }

typedef void shape_numbers(vf u[4]); /* makes other numbers of the four uniform ones of each block */

V_INLINE void keep_uniform(vf u[4]) {}

V_INLINE void make_normal(vf u[4])
{
    for (int i = 0; i < 4; i += 2) {
        const vf radius = v_sqrt(-2.0f * v_log(1.0f - u[i])), angle = (float)(2 * M_PI) * u[i + 1];
        u[i] = radius * v_cos(angle);
        u[i + 1] = radius * v_sin(angle);
    }
}

/* y[0..CHUNK) = the numbers of elements from `element` on (a multiple of CHUNK) of one sample. */
V_INLINE void draw(uint64_t key, int32_t step, int32_t id, int64_t element, float y[CHUNK], shape_numbers *const shape)
{
    vu word[4];
    vf u[4];
    float lane[4][V_LANES];
    philox(key, step, id, element / 4, word);
    for (int k = 0; k < 4; k++)
        u[k] = unit(word[k]);
    shape(u);
    for (int k = 0; k < 4; k++)
        v_store(lane[k], u[k]);
    for (int i = 0; i < V_LANES; i++)
        for (int k = 0; k < 4; k++)
            y[4 * i + k] = lane[k][i];
}

/* A part takes a range of chunks of all samples, whose last chunk each may be shorter. */
typedef struct range {
    int64_t size, chunks; /* of one sample */
    int64_t begin, end;
} range;

static int chunk_parts(const sd_tensor *y, int64_t *size, int64_t *chunks)
{
    int64_t samples = y->shape.dim[0];
    *size = sd_shape_count(y->shape) / samples;
    *chunks = (*size + CHUNK - 1) / CHUNK;
    return sd__parts(samples * *chunks, CHUNK * COST);
}

static range range_of(const sd_args *a)
{
    range r;
    int parts = chunk_parts(&a->out[0], &r.size, &r.chunks);
    sd__part(a->out[0].shape.dim[0] * r.chunks, parts, a->part, &r.begin, &r.end);
    return r;
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    int64_t size, chunks;
    work->parts[0] = chunk_parts(&call->out[0], &size, &chunks);
    return SD_OK;
}

static int32_t id_of(const sd_tensor *ids, int64_t sample) { return ((const int32_t *)ids->data)[sample * ids->stride[0]]; }

/* in: step, ids */
V_INLINE void fill(const sd_args *a, shape_numbers *const shape)
{
    const sd_random_attr *attr = a->attr;
    const range r = range_of(a);
    for (int64_t i = r.begin; i < r.end; i++) {
        const int64_t sample = i / r.chunks, element = i % r.chunks * CHUNK, n = SD_MIN(r.size - element, CHUNK);
        float numbers[CHUNK], *y = (float *)a->out[0].data + sample * r.size + element;
        draw(attr->key, *(const int32_t *)a->in[0].data, id_of(&a->in[1], sample), element, numbers, shape);
        for (int64_t j = 0; j < n; j += V_LANES)
            v_store_n(y + j, v_load(numbers + j), n - j);
    }
}

static void random_uniform(const sd_args *a) { fill(a, keep_uniform); }
static void random_normal(const sd_args *a) { fill(a, make_normal); }

const sd_kernel SD_LEVELED(sd__simd_random_uniform) = {
    .name = SD_LEVELED_NAME("random_uniform"), .prepare = prepare, .run = random_uniform};
const sd_kernel SD_LEVELED(sd__simd_random_normal) = {
    .name = SD_LEVELED_NAME("random_normal"), .prepare = prepare, .run = random_normal};

/* ---- dropout: x, step, ids; attr: double rate, uint64_t key ---- */

typedef struct dropout_attr {
    double rate;
    uint64_t key;
} dropout_attr;

static void dropout(const sd_args *a)
{
    const dropout_attr *attr = a->attr;
    const range r = range_of(a);
    const vf rate = v_set((float)attr->rate), scale = v_set((float)(1 / (1 - attr->rate)));
    for (int64_t i = r.begin; i < r.end; i++) {
        const int64_t sample = i / r.chunks, element = i % r.chunks * CHUNK, n = SD_MIN(r.size - element, CHUNK);
        const float *x = (const float *)a->in[0].data + sample * r.size + element;
        float numbers[CHUNK], *y = (float *)a->out[0].data + sample * r.size + element;
        draw(attr->key, *(const int32_t *)a->in[1].data, id_of(&a->in[2], sample), element, numbers, keep_uniform);
        for (int64_t j = 0; j < n; j += V_LANES)
            v_store_n(y + j, v_select(v_le(rate, v_load(numbers + j)), v_load_n(x + j, n - j) * scale, v_zero()), n - j);
    }
}

const sd_kernel SD_LEVELED(sd__simd_dropout) = {
    .name = SD_LEVELED_NAME("dropout"), .prepare = prepare, .run = dropout, .in_place = 1};
