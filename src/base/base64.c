/* base64.c -- bytes as text and back; RFC 4648, with padding. */
#include "base/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void sd__base64_encode(sd_string *string, const void *bytes, size_t count)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = SD_MIN(count - i, 3);
        uint32_t word = (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (left > 2 ? b[i + 2] : 0);
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63], left > 1 ? digits[word >> 6 & 63] : '=',
                        left > 2 ? digits[word & 63] : '='};
        sd__string_add_bytes(string, four, 4);
    }
}

static int value_of(char digit)
{
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four digits to three bytes; the number of bytes, or 0 if they are no base64. */
static int take_four(const char *text, uint8_t out[3])
{
    uint32_t word = 0;
    int bytes = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    for (int i = 0; i < 4; i++) {
        int value = i <= bytes ? value_of(text[i]) : text[i] == '=' ? 0 : -1;
        if (value < 0)
            return 0;
        word = word << 6 | (uint32_t)value;
    }
    for (int i = 0; i < 3; i++)
        out[i] = (uint8_t)(word >> (16 - 8 * i));
    return bytes;
}

uint8_t *sd__base64_decode(const char *text, size_t *count)
{
    size_t length = strlen(text);
    uint8_t *bytes = length % 4 ? NULL : sd__alloc(length / 4 * 3 + 3, 1);
    *count = 0;
    for (size_t i = 0; bytes && i < length; i += 4) {
        int taken = take_four(text + i, bytes + *count);
        *count += (size_t)taken;
        if (!taken || (taken < 3 && i + 4 < length)) {
            free(bytes);
            return NULL;
        }
    }
    return bytes;
}
