/* png.c -- pixels to PNG, by libpng's simplified interface. */
#include "report/png.h"

#include <png.h>
#include <stdlib.h>

sd_status sd__png_encode(int width, int height, int channels, const uint8_t *pixels, sd_string *file)
{
    png_alloc_size_t size = 0;
    if (width <= 0 || height <= 0 || (channels != 1 && channels != 3))
        return sd__fail(SD_EINVAL, "a picture of %d x %d pixels with %d channels cannot be drawn", width, height, channels);
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    char *bytes = NULL;
    bool good = png_image_write_get_memory_size(image, size, 0, pixels, 0, NULL) && (bytes = malloc(size)) &&
                png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL);
    if (good)
        sd__string_add_bytes(file, bytes, size);
    free(bytes);
    png_image_free(&image);
    return good && !file->failed ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a picture of %d x %d pixels", width, height);
}
