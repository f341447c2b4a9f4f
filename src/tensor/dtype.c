/* dtype.c -- the table of element types. */
#include <sonde/tensor.h>

typedef struct row {
    const char *name;
    size_t size;
    bool real;
} row;

static const row table[SD_DTYPE_COUNT] = {
#define SD_DTYPE_ROW(dtype, name, size, real) [dtype] = {name, size, real},
    SD_DTYPE_LIST(SD_DTYPE_ROW)
#undef SD_DTYPE_ROW
};

static const row *find(sd_dtype dtype)
{
    static const row none = {"?", 0, false};
    return (unsigned)dtype < SD_DTYPE_COUNT ? &table[dtype] : &none;
}

const char *sd_dtype_name(sd_dtype dtype) { return find(dtype)->name; }

size_t sd_dtype_size(sd_dtype dtype) { return find(dtype)->size; }

bool sd_dtype_is_real(sd_dtype dtype) { return find(dtype)->real; }
