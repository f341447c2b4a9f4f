/* config_write.c -- a configuration tree as YAML text, by libyaml's emitter: block style, and one line for what is short. */
#include <string.h>
#include <yaml.h>

#include "format/config.h"

enum { SHORT = 100 };

static int append(void *user, unsigned char *bytes, size_t count)
{
    sd_string *string = user;
    sd__string_add_bytes(string, bytes, count);
    return !string->failed;
}

/* Characters of the node on one line, or more than SHORT. */
static size_t width(const sd_config_node *node)
{
    size_t total = strlen(node->text) + (node->key ? strlen(node->key) : 0) + 4;
    for (int i = 0; i < node->count && total <= SHORT; i++)
        total += width(node->child[i]);
    return total;
}

/* Levels of lists and maps: leaves have none. */
static int height(const sd_config_node *node)
{
    int most = 0;
    for (int i = 0; i < node->count; i++)
        most = SD_MAX(most, height(node->child[i]));
    return node->kind == SD_CONFIG_LIST || node->kind == SD_CONFIG_MAP ? most + 1 : 0;
}

static bool emit_text(yaml_emitter_t *emitter, const char *text, bool quoted)
{
    yaml_event_t event;
    yaml_scalar_style_t style = quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_children(yaml_emitter_t *emitter, const sd_config_node *node);

/* On one line: lists of leaves, maps of such, but not "- {relu: 1}" where "- relu: 1" does. */
static bool in_flow(const sd_config_node *node, const sd_config_node *parent)
{
    if (!parent || width(node) > SHORT)
        return false;
    if (node->kind == SD_CONFIG_LIST)
        return height(node) <= 1;
    return height(node) <= 2 && !(parent->kind == SD_CONFIG_LIST && node->count == 1);
}

static bool emit(yaml_emitter_t *emitter, const sd_config_node *node, const sd_config_node *parent)
{
    yaml_event_t event;
    bool flow = in_flow(node, parent);
    switch (node->kind) {
    case SD_CONFIG_NULL: return emit_text(emitter, "null", false);
    case SD_CONFIG_TEXT: return emit_text(emitter, node->text, node->quoted);
    case SD_CONFIG_LIST:
        return yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                    flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE) &&
               yaml_emitter_emit(emitter, &event) && emit_children(emitter, node) &&
               yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
    case SD_CONFIG_MAP:
        return yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
                                                   flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE) &&
               yaml_emitter_emit(emitter, &event) && emit_children(emitter, node) &&
               yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
    }
    return false;
}

static bool emit_children(yaml_emitter_t *emitter, const sd_config_node *node)
{
    bool fine = true;
    for (int i = 0; i < node->count && fine; i++) {
        if (node->kind == SD_CONFIG_MAP)
            fine = emit_text(emitter, node->child[i]->key, false);
        fine = fine && emit(emitter, node->child[i], node);
    }
    return fine;
}

static bool emit_document(yaml_emitter_t *emitter, const sd_config_node *node)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) && yaml_emitter_emit(emitter, &event) &&
           emit(emitter, node, NULL) && yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

sd_status sd__config_write(const sd_config_node *node, sd_string *string)
{
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter)) {
        string->failed = true;
        return sd__fail(SD_ENOMEM, "no memory to write a configuration");
    }
    yaml_emitter_set_output(&emitter, append, string);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_unicode(&emitter, 1);
    bool fine = emit_document(&emitter, node);
    yaml_emitter_delete(&emitter);
    string->failed |= !fine;
    return fine ? SD_OK : sd__fail(SD_ENOMEM, "no memory to write a configuration");
}
