/* string.c -- a string that grows; running out of memory is remembered in it, so that only its last user need check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Makes room for `more` bytes and a NUL. */
static bool reserve(sd_string *string, size_t more)
{
    size_t wanted;
    if (string->failed || __builtin_add_overflow(string->length, more, &wanted) || wanted > PTRDIFF_MAX / 2) {
        string->failed = true;
        return false;
    }
    if (wanted < string->capacity)
        return true;
    size_t capacity = SD_MAX(SD_MAX(wanted + 1, 64), 2 * string->capacity);
    char *text = sd__realloc(string->text, capacity, 1);
    if (!text) {
        string->failed = true;
        return false;
    }
    string->text = text;
    string->capacity = capacity;
    return true;
}

void sd__string_add_bytes(sd_string *string, const void *bytes, size_t count)
{
    if (!reserve(string, count))
        return;
    if (count)
        memcpy(string->text + string->length, bytes, count);
    string->length += count;
    string->text[string->length] = 0;
}

void sd__string_vadd(sd_string *string, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        string->failed = true;
    else if (reserve(string, (size_t)length)) {
        vsnprintf(string->text + string->length, (size_t)length + 1, format, again);
        string->length += (size_t)length;
    }
    va_end(again);
}

void sd__string_add(sd_string *string, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sd__string_vadd(string, format, arguments);
    va_end(arguments);
}

char *sd__string_take(sd_string *string)
{
    sd__string_add_bytes(string, "", 0);
    char *text = string->failed ? NULL : string->text;
    if (!text)
        free(string->text);
    *string = (sd_string){0};
    return text;
}
