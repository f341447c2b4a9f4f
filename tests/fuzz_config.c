/*
 * fuzz_config.c -- libFuzzer target: any bytes as a configuration are refused with a message, or read, written and read again.
 */
#include <stdlib.h>

#include "format/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sd_config *config, *again;
    if (sd__config_parse("fuzz", (const char *)data, size, &config) != SD_OK)
        return sd_error()[0] == 0 ? abort(), 0 : 0;
    sd_string text = {0};
    if (sd__config_write(config->root, &text) != SD_OK || sd__config_parse("again", text.text, text.length, &again) != SD_OK)
        abort();
    if (again->nodes != config->nodes)
        abort();
    free(text.text);
    sd__config_free(again);
    sd__config_free(config);
    return 0;
}
