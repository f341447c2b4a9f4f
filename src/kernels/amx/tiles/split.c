/* split.c -- fp32 numbers split into three bf16 numbers each, in the order of tiles. */
#include "kernels/amx/tiles/split.h"

#include "base/base.h"
#include "kernels/simd/level/pack.h"

enum { TILE_ROWS = 16, ROW_BYTES = 64 };

/* The nearest bf16 numbers, those of `low` in the lower half. */
V_INLINE __m512i nearest(vf low, vf high) { return (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); }

/* Where the words of two halves belong so that each number of the lower one stands beside that of the upper. */
V_INLINE __m512i side_by_side(void)
{
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_or_si512(lane, _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16)), 16));
}

/* 16 lines of two neighbours in k, `even` and `odd`: three vectors of pairs, a tile apart but for the half between them. */
V_INLINE void split_across(vf even, vf odd, char *to)
{
    for (int piece = 0; piece < AMX_PIECES; piece++, to += 2 * AMX_TILE) {
        __m512i pairs = _mm512_permutexvar_epi16(side_by_side(), nearest(even, odd));
        _mm512_store_si512(to, pairs);
        even -= (vf)_mm512_slli_epi32(pairs, 16);
        odd -= (vf)_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000));
    }
}

V_INLINE vf widened(__m256i words) { return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16); }

/* 32 neighbours in k of one line. */
V_INLINE void split_along(vf first, vf second, char *to)
{
    for (int piece = 0; piece < AMX_PIECES; piece++, to += 2 * AMX_TILE) {
        __m512i pairs = nearest(first, second);
        _mm512_store_si512(to, pairs);
        first -= widened(_mm512_castsi512_si256(pairs));
        second -= widened(_mm512_extracti64x4_epi64(pairs, 1));
    }
}

/* Up to n numbers from line and k on; none if n is negative. */
V_INLINE vf load(const amx_lines *from, int64_t line, int64_t k, int64_t n)
{
    return n > 0 ? v_load_n(from->data + line * from->line + k * from->k, n) : v_zero();
}

/* Lines that are consecutive at each k: rows of pairs, in each line after line. */
static void split_rows_across(const amx_lines *from, int64_t line, int64_t k, char *to)
{
    const int64_t lines = from->lines - line, end = from->length;
    for (int64_t row = 0; row < TILE_ROWS; row++, to += ROW_BYTES, k += 2)
        split_across(load(from, line, k, k < end ? lines : 0), load(from, line, k + 1, k + 1 < end ? lines : 0), to);
}

/* Numbers that are consecutive along k: line after line, in each pair after pair. */
static void split_rows_along(const amx_lines *from, int64_t line, int64_t k, char *to)
{
    const int64_t second = k + V_LANES, end = from->length;
    for (int64_t row = 0; row < TILE_ROWS; row++, to += ROW_BYTES, line++)
        split_along(load(from, line, k, line < from->lines ? end - k : 0),
                    load(from, line, second, line < from->lines ? end - second : 0), to);
}

static void turn(char *tile)
{
    vf row[TILE_ROWS];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        row[i] = v_load((float *)(tile + i * ROW_BYTES));
    v_transpose(row);
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        v_store((float *)(tile + i * ROW_BYTES), row[i]);
}

void sd__amx_split(const amx_lines *from, int64_t panel, int64_t begin, int64_t end, char *to)
{
    for (int64_t step = begin; step < end; step++, to += AMX_STEP_BYTES)
        for (int64_t half = 0; half < 2; half++) {
            int64_t line = panel * AMX_PANEL + half * TILE_ROWS;
            char *tile = to + half * AMX_TILE;
            if (from->k == 1)
                split_rows_along(from, line, step * AMX_STEP, tile);
            else
                split_rows_across(from, line, step * AMX_STEP, tile);
            for (int piece = 0; piece < AMX_PIECES && (from->k == 1) == from->across; piece++)
                turn(tile + piece * 2 * AMX_TILE);
        }
}
