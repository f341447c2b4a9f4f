/* log.c -- lines of the debug ladder, sent to the function that the context's owner gave. */
#include <stdio.h>

#include "base/context.h"

void sd__log(const sd_context *context, int level, const char *format, ...)
{
    if (!context || !context->log || context->debug < level)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    context->log(context->log_user, line);
}
