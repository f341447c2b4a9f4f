/* png.h -- pixels to PNG. */
#ifndef SD_REPORT_PNG_H
#define SD_REPORT_PNG_H

#include "base/base.h"

/* pixels [height, width, channels], channels 1 or 3; the file's bytes are appended. errors SD_EINVAL, SD_ENOMEM */
sd_status sd__png_encode(int width, int height, int channels, const uint8_t *pixels, sd_string *file);

#endif
