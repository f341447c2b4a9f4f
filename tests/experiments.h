/* experiments.h -- what tests of the laboratory's experiments share: one context, and claims by name. */
#ifndef SD_TESTS_EXPERIMENTS_H
#define SD_TESTS_EXPERIMENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/runner.h"

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

static const sd_claim *find(const char *id)
{
    const sd_catalogue_entry *entry = sd__catalogue_find(id);
    assert_non_null(entry);
    return entry->claim;
}

#endif
