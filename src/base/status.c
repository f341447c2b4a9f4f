/* status.c -- status texts, the library's version, and the message of this thread's last failure. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

#ifndef SD_VERSION
#define SD_VERSION "0.1.0"
#endif

enum { MESSAGE_SIZE = 2048 };

/* The one thing that the library keeps outside its objects. Per thread, so that nobody overwrites another's message. */
static _Thread_local char message[MESSAGE_SIZE];

const char *sd_status_text(sd_status status)
{
    static const char *const text[] = {
#define SD_STATUS_TEXT(name, sentence) sentence,
        SD_STATUS_LIST(SD_STATUS_TEXT)
#undef SD_STATUS_TEXT
    };
    return (unsigned)status < SD_COUNT(text) ? text[status] : "unknown status";
}

const char *sd_error(void) { return message; }

const char *sd_version(void) { return SD_VERSION; }

/* The arguments may point into the old message, so the new one is finished before it replaces the old. */
sd_status sd__vfail(sd_status status, const char *format, va_list arguments)
{
    char fresh[MESSAGE_SIZE];
    vsnprintf(fresh, sizeof fresh, format, arguments);
    memcpy(message, fresh, sizeof fresh);
    return status;
}

void sd__complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sd__vfail(SD_OK, format, arguments);
    va_end(arguments);
}

sd_status sd__fail_in(sd_status status, const char *format, ...)
{
    if (status == SD_OK)
        return status;
    char where[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(where, sizeof where, format, arguments);
    va_end(arguments);
    return sd__fail(status, "%s: %s", where, message);
}
