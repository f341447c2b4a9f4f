/* tensor.c -- views of the caller's data. */
#include <sonde/tensor.h>

sd_tensor sd_tensor_dense(void *data, sd_dtype dtype, sd_shape shape)
{
    sd_tensor view = {.dtype = dtype, .shape = shape, .data = data};
    int64_t stride = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        view.stride[i] = stride;
        stride *= shape.dim[i];
    }
    return view;
}
