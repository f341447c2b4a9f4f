/* test_base.c -- status, strings, names, arena, random numbers, CPU levels, shapes: each against an oracle of its own. */
#include "law.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <sonde/tensor.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/base.h"
#include "base/context.h"
#include "base/cpu.h"
#include "ops/kernel.h"

/* ---------------------------------------------------------------------------------------------------------------- status */
static void every_status_has_its_own_text(void **state)
{
    for (int i = 0; i < SD_STATUS_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sd_status_text((sd_status)i), sd_status_text((sd_status)j));
    assert_string_equal(sd_status_text(SD_ESHAPE), "shapes do not fit");
    assert_string_equal(sd_status_text((sd_status)-1), "unknown status");
    assert_string_equal(sd_status_text(SD_STATUS_COUNT), "unknown status");
}

static void a_message_may_quote_the_one_before(void **state)
{
    assert_int_equal(sd__fail(SD_EIO, "disk %d", 7), SD_EIO);
    assert_int_equal(sd__fail(SD_EFORMAT, "header: %s", sd_error()), SD_EFORMAT);
    assert_string_equal(sd_error(), "header: disk 7");
    assert_int_equal(sd__fail_in(SD_EFORMAT, "file %s", "x.npy"), SD_EFORMAT);
    assert_string_equal(sd_error(), "file x.npy: header: disk 7");
    assert_int_equal(sd__fail_in(SD_OK, "nothing"), SD_OK);
    assert_string_equal(sd_error(), "file x.npy: header: disk 7");
}

static void a_long_message_is_cut_not_overrun(void **state)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    sd__fail(SD_EIO, "%s", text);
    assert_in_range(strlen(sd_error()), 1000, 4999);
    for (int i = 0; i < 3; i++)
        sd__fail_in(SD_EIO, "%s", text);
    assert_in_range(strlen(sd_error()), 1000, 4999);
}

static void *fail_elsewhere(void *seen)
{
    snprintf(seen, 64, "%s", sd_error());
    sd__fail(SD_EIO, "of the other thread");
    return NULL;
}

static void messages_belong_to_a_thread(void **state)
{
    char seen[64] = "?";
    pthread_t other;
    sd__fail(SD_EIO, "of this thread");
    assert_int_equal(pthread_create(&other, NULL, fail_elsewhere, seen), 0);
    pthread_join(other, NULL);
    assert_string_equal(seen, "");
    assert_string_equal(sd_error(), "of this thread");
}

static void version_has_three_numbers(void **state)
{
    int major, minor, patch, end = 0;
    assert_int_equal(sscanf(sd_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    assert_int_equal(sd_version()[end], 0);
}

/* ------------------------------------------------------------------------------------------------------- memory, strings */
static void overflow_gives_no_memory(void **state)
{
    assert_null(sd__alloc(SIZE_MAX / 2, 3));
    assert_null(sd__alloc_zeroed((size_t)1 << 33, (size_t)1 << 31));
    assert_null(sd__realloc(NULL, SIZE_MAX, SIZE_MAX));
    assert_null(sd__alloc_aligned(SIZE_MAX - 3));
    void *none = sd__alloc(0, 8);
    assert_non_null(none);
    free(none);
}

/* A stack of triples that goes up and down at random: there is room for each, and none below the top is lost. */
static void arrays_grow_one_by_one(void **state)
{
    (void)state;
    int64_t(*stack)[3] = NULL, n = 0;
    for (int step = 0; step < law_trials(5000); step++) {
        if (n && law_int(0, 4) < 2) {
            n--;
            assert_int_equal(stack[n][2], 7 * n);
            continue;
        }
        int64_t(*grown)[3] = sd__grown(stack, (size_t)n, sizeof *grown);
        assert_non_null(grown);
        assert_true(malloc_usable_size(grown) >= ((size_t)n + 1) * sizeof *grown);
        stack = grown;
        stack[n][2] = 7 * n;
        n++;
    }
    while (n--)
        assert_int_equal(stack[n][2], 7 * n);
    free(stack);
}

static void aligned_memory_is_aligned(void **state)
{
    for (size_t bytes = 0; bytes < 300; bytes += 37) {
        void *block = sd__alloc_aligned(bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, 1, bytes);
        free(block);
    }
}

static void a_string_is_the_sum_of_its_pieces(void **state)
{
    for (int trial = 0; trial < law_trials(50); trial++) {
        char wanted[4096] = "";
        size_t length = 0;
        sd_string string = {0};
        for (int piece = law_int(0, 60); piece > 0; piece--) {
            char bytes[41];
            int n = law_int(0, 40);
            for (int i = 0; i < n; i++)
                bytes[i] = (char)law_int('a', 'z');
            bytes[n] = 0;
            if (law_int(0, 1))
                sd__string_add(&string, "%s", bytes);
            else
                sd__string_add_bytes(&string, bytes, (size_t)n);
            memcpy(wanted + length, bytes, (size_t)n + 1);
            length += (size_t)n;
        }
        assert_false(string.failed);
        assert_int_equal(string.length, length);
        char *text = sd__string_take(&string);
        assert_string_equal(text, wanted);
        assert_null(string.text);
        free(text);
    }
}

/* Published test vectors of FNV-1a, 64 bits (Fowler, Noll, Vo). */
static void hash_is_fnv_1a(void **state)
{
    assert_true(sd__hash(SD_HASH_START, "", 0) == 0xcbf29ce484222325ull);
    assert_true(sd__hash(SD_HASH_START, "a", 1) == 0xaf63dc4c8601ec8cull);
    assert_true(sd__hash(SD_HASH_START, "foobar", 6) == 0x85944171f73967e8ull);
    assert_true(sd__hash_text(sd__hash_text(SD_HASH_START, "ab"), "c") !=
                sd__hash_text(sd__hash_text(SD_HASH_START, "a"), "bc"));
}

/* ----------------------------------------------------------------------------------------------------------------- names */
/* The definition, by recursion: exponential, and nothing like the table. */
static int slow_distance(const char *a, const char *b)
{
    if (!*a || !*b)
        return (int)(strlen(a) + strlen(b));
    int best = slow_distance(a + 1, b + 1) + (*a != *b);
    best = SD_MIN(best, slow_distance(a + 1, b) + 1);
    best = SD_MIN(best, slow_distance(a, b + 1) + 1);
    if (a[1] && b[1] && a[0] == b[1] && a[1] == b[0])
        best = SD_MIN(best, slow_distance(a + 2, b + 2) + 1);
    return best;
}

static void draw_word(char *word, int most)
{
    int n = law_int(0, most);
    for (int i = 0; i < n; i++)
        word[i] = (char)law_int('a', 'c');
    word[n] = 0;
}

static void edit_distance_is_the_definition(void **state)
{
    for (int trial = 0; trial < law_trials(300); trial++) {
        char a[8], b[8];
        draw_word(a, 6);
        draw_word(b, 6);
        assert_int_equal(sd__edit_distance(a, b), slow_distance(a, b));
    }
    char huge[300];
    memset(huge, 'x', 299);
    huge[299] = 0;
    assert_int_equal(sd__edit_distance(huge, huge), 0);
    assert_int_equal(sd__edit_distance(huge, "x"), 299);
}

static void the_nearest_name_is_near(void **state)
{
    static const char *const name[] = {"filters", "kernel", "padding", "stride", "lr"};
    assert_string_equal(sd__nearest("filter", 5, name), "filters");
    assert_string_equal(sd__nearest("kernle", 5, name), "kernel");
    assert_string_equal(sd__nearest("pading", 5, name), "padding");
    assert_string_equal(sd__nearest("l", 5, name), "lr");
    assert_null(sd__nearest("temperature", 5, name));
    assert_null(sd__nearest("", 5, name));
    assert_null(sd__nearest("filter", 0, NULL));
}

/* ----------------------------------------------------------------------------------------------------------------- arena */
static void arena_blocks_are_zero_aligned_and_apart(void **state)
{
    enum { BLOCKS = 200 };
    for (int trial = 0; trial < law_trials(20); trial++) {
        sd_arena arena = {0};
        unsigned char *block[BLOCKS];
        size_t size[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            size[i] = (size_t)law_int(0, law_int(0, 9) ? 100 : 20000);
            block[i] = sd__arena_alloc(&arena, size[i], 1);
            assert_non_null(block[i]);
            assert_int_equal((uintptr_t)block[i] % 16, 0);
            for (size_t k = 0; k < size[i]; k++)
                assert_int_equal(block[i][k], 0);
            memset(block[i], i + 1, size[i]);
        }
        for (int i = 0; i < BLOCKS; i++)
            for (size_t k = 0; k < size[i]; k++)
                assert_int_equal(block[i][k], (unsigned char)(i + 1));
        assert_false(arena.failed);
        sd__arena_free(&arena);
        assert_null(arena.block);
    }
}

static void arena_copies_and_formats(void **state)
{
    sd_arena arena = {0};
    char text[] = "before";
    const char *copy = sd__arena_text(&arena, text);
    text[0] = 'X';
    assert_string_equal(copy, "before");
    assert_string_equal(sd__arena_format(&arena, "%s/%d", "conv", 3), "conv/3");
    assert_null(sd__arena_alloc(&arena, SIZE_MAX / 4, 8));
    assert_true(arena.failed);
    assert_non_null(sd__arena_alloc(&arena, 1, 1));
    assert_true(arena.failed);
    sd__arena_free(&arena);
}

/* ---------------------------------------------------------------------------------------------------------------- random */
/* Known answers of the authors' Random123 distribution, file kat_vectors, philox4x32 10. */
static void philox_gives_the_published_vectors(void **state)
{
    static const struct {
        uint32_t counter[4];
        uint64_t key;
        uint32_t wanted[4];
    } vector[] = {
        {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         0xffffffffffffffff,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         0x299f31d0a4093822,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < SD_COUNT(vector); i++) {
        sd_philox got = sd__philox(vector[i].key, vector[i].counter);
        assert_memory_equal(got.word, vector[i].wanted, sizeof got.word);
    }
}

static void words_of_a_stream_are_those_of_its_blocks(void **state)
{
    uint64_t seed = sd__random_below(law_random(), UINT64_MAX), stream = sd__random_below(law_random(), UINT64_MAX);
    sd_random random = sd__random(seed, stream);
    for (uint32_t block = 0; block < 5; block++) {
        const uint32_t counter[4] = {block, 0, (uint32_t)stream, (uint32_t)(stream >> 32)};
        sd_philox wanted = sd__philox(seed, counter);
        for (int i = 0; i < 4; i++)
            assert_true(sd__random_u32(&random) == wanted.word[i]);
    }
}

/* Mean, variance and a tail of n draws, five standard errors of each allowed. */
static void normal_numbers_have_the_normal_moments(void **state)
{
    int n = law_trials(20000), beyond = 0;
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < n; i++) {
        double x = sd__random_normal(law_random());
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        beyond += fabs(x) > 1.959963984540054;
    }
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 5 * sqrt(2.0 / n));
    assert_true(fabs(fourth / n - 3) < 5 * sqrt(96.0 / n));
    assert_true(fabs(beyond / (double)n - 0.05) < 5 * sqrt(0.05 * 0.95 / n));
}

/* Chi-square with bound - 1 degrees of freedom; the bound lies at a probability of about 1e-9. */
static void draws_below_a_bound_are_uniform(void **state)
{
    enum { BOUND = 7 };
    int n = law_trials(7000), count[BOUND] = {0};
    for (int i = 0; i < n; i++) {
        uint64_t x = sd__random_below(law_random(), BOUND);
        assert_true(x < BOUND);
        count[x]++;
    }
    double chi = 0, wanted = n / (double)BOUND;
    for (int i = 0; i < BOUND; i++)
        chi += (count[i] - wanted) * (count[i] - wanted) / wanted;
    assert_true(chi < 52);
    assert_true(sd__random_below(law_random(), 1) == 0);
}

/* With bound 3 * 2^62 a draw taken modulo the bound would fall below 2^62 half the time instead of a third. */
static void large_bounds_are_unbiased(void **state)
{
    int n = law_trials(3000), low = 0;
    for (int i = 0; i < n; i++)
        low += sd__random_below(law_random(), (uint64_t)3 << 62) < (uint64_t)1 << 62;
    assert_true(fabs(low / (double)n - 1 / 3.0) < 5 * sqrt(2 / 9.0 / n));
}

static void unit_numbers_stay_below_one(void **state)
{
    assert_true(sd__unit_f32(UINT32_MAX) < 1 && sd__unit_f32(UINT32_MAX) > 0.9999999f);
    assert_true(sd__unit_f64(UINT32_MAX, UINT32_MAX) < 1);
    assert_true(sd__unit_f32(0) == 0 && sd__unit_f64(0, 0) == 0);
    assert_true(sd__unit_f64(0x80000000u, 0) == 0.5);
}

/* ------------------------------------------------------------------------------------------------------------------- CPU */
#if defined(__x86_64__) && !defined(__clang__)
/* The compiler's runtime knows the levels, too. */
static void level_is_what_the_compiler_sees(void **state)
{
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("x86-64-v3"), v4 = __builtin_cpu_supports("x86-64-v4");
    assert_int_equal(sd__vector_level(sd__cpu_level()), v4 ? SD_LEVEL_V4 : v3 ? SD_LEVEL_V3 : SD_LEVEL_V2);
}
#else
static void level_is_what_the_compiler_sees(void **state) { skip(); }
#endif

static void level_names_parse_back(void **state)
{
    for (int i = 0; i < SD_LEVEL_COUNT; i++) {
        sd_level level = SD_LEVEL_COUNT;
        assert_true(sd__level_parse(sd__level_name((sd_level)i), &level));
        assert_int_equal(level, i);
    }
    sd_level level;
    assert_false(sd__level_parse("v5", &level));
    assert_false(sd__level_parse("", &level));
    assert_true(sd__cpu_count() >= 1);
}

/* ------------------------------------------------------------------------------------------------------------------- log */
static void note(void *user, const char *line) { sd__string_add(user, "%s|", line); }

static void log_lines_pass_up_to_the_level(void **state)
{
    sd_string seen = {0};
    sd_context context = {.debug = 2, .log = note, .log_user = &seen};
    sd__log(&context, 1, "one %d", 1);
    sd__log(&context, 2, "two");
    sd__log(&context, 3, "three");
    assert_string_equal(seen.text, "one 1|two|");
    free(seen.text);
    context.log = NULL;
    sd__log(&context, 1, "nobody listens");
    sd__log(NULL, 0, "no context");
}

/* ---------------------------------------------------------------------------------------------------------------- shapes */
static void dtypes_agree_with_c(void **state)
{
    assert_int_equal(sd_dtype_size(SD_F32), sizeof(float));
    assert_int_equal(sd_dtype_size(SD_F64), sizeof(double));
    assert_int_equal(sd_dtype_size(SD_I32), sizeof(int32_t));
    assert_int_equal(sd_dtype_size(SD_U8), 1);
    assert_int_equal(sd_dtype_size(SD_BF16), 2);
    assert_string_equal(sd_dtype_name(SD_BF16), "bf16");
    assert_true(sd_dtype_is_real(SD_F64) && !sd_dtype_is_real(SD_BF16));
    assert_string_equal(sd_dtype_name(SD_DTYPE_COUNT), "?");
    assert_int_equal(sd_dtype_size((sd_dtype)-1), 0);
}

static void shapes_print_and_count(void **state)
{
    char text[SD_SHAPE_TEXT];
    assert_string_equal(sd_shape_text(SD_SHAPE(64, 28, 28, 1), text), "[64,28,28,1]");
    assert_string_equal(sd_shape_text(sd_scalar_shape(), text), "[]");
    assert_int_equal(sd_shape_count(sd_scalar_shape()), 1);
    assert_int_equal(sd_shape_count(SD_SHAPE(2, 3, 4)), 24);
    assert_int_equal(sd_shape_count(SD_SHAPE(INT64_MAX, 0, INT64_MAX)), 0);
    assert_true(sd_shape_count(SD_SHAPE((int64_t)1 << 40, (int64_t)1 << 40)) == INT64_MAX);
    int64_t seven[7] = {1, 1, 1, 1, 1, 1, 1};
    sd_shape bad = sd_shape_make(7, seven);
    assert_int_equal(bad.rank, -1);
    assert_int_equal(sd_shape_count(bad), 0);
    assert_string_equal(sd_shape_text(bad, text), "[?]");
    assert_string_equal(sd_shape_text(SD_SHAPE(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN), text) + 105,
                        ",-9223372036854775808]");
}

static void shapes_are_equal_to_themselves_alone(void **state)
{
    assert_true(sd_shape_equal(SD_SHAPE(2, 3), SD_SHAPE(2, 3)));
    assert_false(sd_shape_equal(SD_SHAPE(2, 3), SD_SHAPE(3, 2)));
    assert_false(sd_shape_equal(SD_SHAPE(2, 3), SD_SHAPE(2, 3, 1)));
    assert_true(sd_shape_equal(sd_scalar_shape(), sd_scalar_shape()));
}

/* Element [i,j,k] of a dense view lies at the place that C gives an array of those sizes. */
static void dense_strides_are_those_of_c_arrays(void **state)
{
    static float array[3][4][5];
    sd_tensor view = sd_tensor_dense(array, SD_F32, SD_SHAPE(3, 4, 5));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 5; k++)
                assert_ptr_equal((float *)view.data + i * view.stride[0] + j * view.stride[1] + k * view.stride[2],
                                 &array[i][j][k]);
    assert_true(sd__dense(&view));
    view.stride[0] = 21;
    assert_false(sd__dense(&view));
    sd_tensor one = sd_tensor_dense(array, SD_F32, SD_SHAPE(1, 4, 1));
    one.stride[0] = one.stride[2] = 77; /* an axis of size 1 is never stepped along */
    assert_true(sd__dense(&one));
    sd_tensor repeated = sd_tensor_dense(array, SD_F32, SD_SHAPE(4));
    repeated.stride[0] = 0;
    assert_false(sd__dense(&repeated));
}

/* Parts are whole numbers of items, cover all, do not overlap, and do not know of threads. */
static void parts_cover_the_work_once(void **state)
{
    for (int trial = 0; trial < law_trials(300); trial++) {
        int64_t n = law_int(0, 1) ? law_int(1, 100) : law_int(1, 1 << 30);
        double cost = exp(law_int(-5, 15));
        int parts = sd__parts(n, cost);
        assert_in_range(parts, 1, SD_MIN(n, 64));
        int64_t reached = 0;
        for (int p = 0; p < parts; p++) {
            int64_t begin, end;
            sd__part(n, parts, p, &begin, &end);
            assert_true(begin == reached && end > begin);
            reached = end;
        }
        assert_true(reached == n);
    }
    assert_int_equal(sd__parts(0, 1), 1);
    assert_int_equal(sd__parts(1000, 1), 1);
    assert_int_equal(sd__parts(1 << 30, 1), 64);
    assert_int_equal(sd__parts(10, NAN), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_text),
        cmocka_unit_test(a_message_may_quote_the_one_before),
        cmocka_unit_test(a_long_message_is_cut_not_overrun),
        cmocka_unit_test(messages_belong_to_a_thread),
        cmocka_unit_test(version_has_three_numbers),
        cmocka_unit_test(overflow_gives_no_memory),
        cmocka_unit_test(arrays_grow_one_by_one),
        cmocka_unit_test(aligned_memory_is_aligned),
        cmocka_unit_test(a_string_is_the_sum_of_its_pieces),
        cmocka_unit_test(hash_is_fnv_1a),
        cmocka_unit_test(edit_distance_is_the_definition),
        cmocka_unit_test(the_nearest_name_is_near),
        cmocka_unit_test(arena_blocks_are_zero_aligned_and_apart),
        cmocka_unit_test(arena_copies_and_formats),
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(words_of_a_stream_are_those_of_its_blocks),
        cmocka_unit_test(normal_numbers_have_the_normal_moments),
        cmocka_unit_test(draws_below_a_bound_are_uniform),
        cmocka_unit_test(large_bounds_are_unbiased),
        cmocka_unit_test(unit_numbers_stay_below_one),
        cmocka_unit_test(level_is_what_the_compiler_sees),
        cmocka_unit_test(level_names_parse_back),
        cmocka_unit_test(log_lines_pass_up_to_the_level),
        cmocka_unit_test(dtypes_agree_with_c),
        cmocka_unit_test(shapes_print_and_count),
        cmocka_unit_test(shapes_are_equal_to_themselves_alone),
        cmocka_unit_test(dense_strides_are_those_of_c_arrays),
        cmocka_unit_test(parts_cover_the_work_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
