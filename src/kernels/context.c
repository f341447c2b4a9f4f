/* context.c -- making a context: threads, CPU level, and the providers in the order in which they are asked. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "kernels/amx/amx.h"
#include "kernels/fused/fused.h"
#include "kernels/onednn/onednn.h"
#include "kernels/reference/reference.h"
#include "kernels/simd/simd.h"
#include "kernels/simd/winograd.h"

/* In order of preference; the reference comes last and is always there. */
static const sd_provider *const providers[] = {
    &sd__provider_winograd, &sd__provider_amx,       &sd__provider_simd,
#ifdef SD_WITH_ONEDNN
    &sd__provider_onednn,
#endif
    &sd__provider_fused,    &sd__provider_reference,
};

static const sd_provider *provider_named(const char *name, size_t length)
{
    for (size_t i = 0; i < SD_COUNT(providers); i++)
        if (strlen(providers[i]->name) == length && memcmp(providers[i]->name, name, length) == 0)
            return providers[i];
    return NULL;
}

static sd_status unknown_provider(const char *name, size_t length)
{
    sd_string known = {0};
    for (size_t i = 0; i < SD_COUNT(providers); i++)
        sd__string_add(&known, "%s%s", i ? ", " : "", providers[i]->name);
    sd_status status = sd__fail(SD_EINVAL, "no kernel provider is called \"%.*s\"; there are: %s", (int)length, name,
                                known.text ? known.text : "");
    free(known.text);
    return status;
}

static void add_provider(sd_context *context, const sd_provider *provider)
{
    for (int i = 0; i < context->n_providers; i++)
        if (context->provider[i] == provider)
            return;
    context->provider[context->n_providers++] = provider;
}

static sd_status choose_providers(sd_context *context, const char *list)
{
    for (size_t i = 0; (!list || !*list) && i < SD_COUNT(providers); i++)
        add_provider(context, providers[i]);
    while (list && *list) {
        size_t length = strcspn(list, ",");
        const sd_provider *provider = provider_named(list, length);
        if (!provider)
            return unknown_provider(list, length);
        if (provider != &sd__provider_reference)
            add_provider(context, provider);
        list += length + (list[length] == ',');
    }
    add_provider(context, &sd__provider_reference);
    return SD_OK;
}

static sd_status choose_level(sd_context *context, const char *name)
{
    context->level = sd__cpu_level();
    if (!name || !*name)
        return SD_OK;
    sd_level wanted;
    if (!sd__level_parse(name, &wanted))
        return sd__fail(SD_EINVAL, "no CPU level is called \"%s\"; there are v2, v3, v4 and amx", name);
    if (wanted > context->level)
        return sd__fail(SD_EINVAL, "CPU level %s was asked for, but this CPU has only %s", name,
                        sd__level_name(context->level));
    context->level = wanted;
    return SD_OK;
}

static sd_status choose_debug(sd_context *context, int wanted)
{
    const char *text = getenv("SONDE_DEBUG");
    char *end = NULL;
    long level = wanted >= 0 ? wanted : text && *text ? strtol(text, &end, 10) : 0;
    if (level < 0 || level > 5 || (end && *end))
        return sd__fail(SD_EINVAL, "SONDE_DEBUG is \"%s\"; it must be 0 to 5", text ? text : "");
    context->debug = (int)level;
    return SD_OK;
}

static sd_status set_up(sd_context *context, const sd_context_options *o)
{
    if (o->threads < 0 || o->threads > 1024)
        return sd__fail(SD_EINVAL, "%d threads; it must be 0 (all cores) to 1024", o->threads);
    SD_TRY(choose_level(context, o->isa ? o->isa : getenv("SONDE_ISA")));
    SD_TRY(choose_providers(context, o->kernels ? o->kernels : getenv("SONDE_KERNELS")));
    SD_TRY(choose_debug(context, o->debug));
    context->log = o->log;
    context->log_user = o->log_user;
    return sd__pool_new(o->threads ? o->threads : sd__cpu_count(), &context->pool);
}

sd_status sd_context_new(const sd_context_options *options, sd_context **context)
{
    *context = NULL;
    sd_context *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return sd__fail(SD_ENOMEM, "no memory for a context");
    sd_status status = set_up(made, options ? options : &(sd_context_options){.debug = -1});
    if (status != SD_OK) {
        sd_context_free(made);
        return status;
    }
    *context = made;
    return SD_OK;
}

void sd_context_free(sd_context *context)
{
    if (!context)
        return;
    sd__pool_free(context->pool);
    free(context);
}

sd_pool *sd_context_pool(sd_context *context) { return context->pool; }

int sd_context_threads(const sd_context *context) { return sd__pool_threads(context->pool); }

const char *sd_context_isa(const sd_context *context) { return sd__level_name(context->level); }
