/*
 * linearize.c -- one program cut in two: what is computed once at a point, and what is computed anew for every direction.
 *
 * The cut runs along the values that do not depend on the direction but are read by values that do. Views of them are made
 * again in the second plan, so that only real memory is saved.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "plan/program.h"

typedef struct cut {
    const sd_graph *graph;
    bool *depends;  /* [count] on the direction */
    int64_t *saved; /* [count * SD_MAX_OUT] element of the saved slot + 1; 0: not saved */
    int n_saved;
    int64_t length[SD_DTYPE_COUNT]; /* elements saved so far */
} cut;

static void slot_name(sd_dtype dtype, char name[SD_MAX_SLOT])
{
    sd_string text = {0};
    sd__string_add(&text, "saved.%s", sd_dtype_name(dtype));
    memset(name, 0, SD_MAX_SLOT);
    if (text.text)
        memcpy(name, text.text, text.length);
    free(text.text);
}

static bool is_direction(const sd_node_data *node, const char *slot)
{
    return node->op == &sd__op_leaf && strcmp(((const sd_leaf_attr *)node->attr)->slot, slot) == 0;
}

static void mark_dependent(cut *c, const char *slot)
{
    for (uint32_t id = 1; id < c->graph->count; id++) {
        const sd_node_data *node = &c->graph->node[id];
        c->depends[id] = is_direction(node, slot);
        for (uint32_t i = 0; i < node->n_in; i++)
            c->depends[id] |= c->depends[node->in[i].id];
    }
}

/* Saves what operand `ref` of a dependent node sees, unless it depends itself, is bound from outside, or is a constant. */
static void save(cut *c, sd_ref ref)
{
    while (c->graph->node[ref.id].op->kind == SD_VIEW)
        ref = c->graph->node[ref.id].in[0];
    const sd_node_data *node = &c->graph->node[ref.id];
    int64_t *place = &c->saved[(size_t)ref.id * SD_MAX_OUT + ref.result];
    if (c->depends[ref.id] || node->op->kind == SD_LEAF || node->n_in == 0 || *place)
        return;
    sd_type type = node->out[ref.result];
    *place = c->length[type.dtype] + 1;
    c->length[type.dtype] += sd_shape_count(type.shape);
    c->n_saved++;
}

static void mark_saved(cut *c)
{
    for (uint32_t id = 1; id < c->graph->count; id++)
        for (uint32_t i = 0; c->depends[id] && i < c->graph->node[id].n_in; i++)
            save(c, c->graph->node[id].in[i]);
}

/* The first plan writes the outputs that do not depend on the direction, and what is saved. */
static sd_status point_program(const cut *c, const sd_program *whole, sd_program *point)
{
    *point = (sd_program){.context = whole->context, .options = whole->options};
    point->out = sd__alloc((size_t)(whole->n_out + c->n_saved), sizeof *point->out);
    if (!point->out)
        return sd__fail(SD_ENOMEM, "no memory for %d saved values", c->n_saved);
    for (int k = 0; k < whole->n_out; k++)
        if (!c->depends[whole->out[k].ref.id])
            point->out[point->n_out++] = whole->out[k];
    for (uint32_t id = 1; id < c->graph->count; id++)
        for (uint32_t r = 0; r < c->graph->node[id].n_out; r++) {
            int64_t place = c->saved[(size_t)id * SD_MAX_OUT + r];
            if (!place)
                continue;
            sd_program_output *out = &point->out[point->n_out++];
            slot_name(c->graph->node[id].out[r].dtype, out->slot);
            out->offset = place - 1;
            out->ref = (sd_ref){id, r};
        }
    return sd__borrow_graph(c->graph, point);
}

/*
 * What the second plan needs of a node of which nothing is saved: its own work, leaves and constants,
 * and views of what is there.
 */
static bool stays(const sd_rewrite *r, uint32_t id)
{
    const cut *c = r->user;
    const sd_node_data *node = &r->from->node[id];
    return c->depends[id] || node->n_in == 0 || (node->op->kind == SD_VIEW && sd__has(sd__became(r, node->in[0])));
}

/* In the second plan a saved value is a leaf. */
static void visit(sd_rewrite *r, uint32_t id)
{
    const cut *c = r->user;
    const sd_node_data *node = &r->from->node[id];
    bool any = false;
    for (uint32_t k = 0; k < node->n_out; k++)
        any |= c->saved[(size_t)id * SD_MAX_OUT + k] != 0;
    if (!any) {
        if (stays(r, id))
            sd__keep(r, id);
        return;
    }
    for (uint32_t k = 0; k < node->n_out; k++) {
        int64_t place = c->saved[(size_t)id * SD_MAX_OUT + k];
        sd_leaf_attr attr = {.role = SD_INPUT, .offset = place - 1};
        slot_name(node->out[k].dtype, attr.slot);
        if (place)
            sd__becomes(r, id, k,
                        sd__append_typed(r->to, &sd__op_leaf, &attr, 0, NULL, 1, &node->out[k], sd__path_in(r, node->path)));
    }
}

static sd_status product_program(cut *c, const sd_program *whole, sd_program *product)
{
    *product = (sd_program){.context = whole->context, .options = whole->options};
    product->out = sd__alloc((size_t)whole->n_out, sizeof *product->out);
    if (!product->out)
        return sd__fail(SD_ENOMEM, "no memory for %d outputs", whole->n_out);
    for (int k = 0; k < whole->n_out; k++)
        if (c->depends[whole->out[k].ref.id])
            product->out[product->n_out++] = whole->out[k];
    if (!product->n_out)
        return sd__fail(SD_EINVAL, "sd_linearize: no output depends on the direction");
    SD_TRY(sd__borrow_graph(c->graph, product));
    SD_TRY(sd__rewrite(product, "linearize", visit, c, NULL));
    return sd__pass_share(product);
}

static sd_status split(cut *c, const sd_program *whole, const char *direction, sd_plan **point, sd_plan **product)
{
    if (!c->depends || !c->saved)
        return sd__fail(SD_ENOMEM, "no memory to cut %u nodes", c->graph->count);
    mark_dependent(c, direction);
    mark_saved(c);
    sd_program first = {0}, second = {0};
    sd_status status = product_program(c, whole, &second);
    if (status == SD_OK)
        status = point_program(c, whole, &first);
    if (status == SD_OK && first.n_out)
        status = sd__pass_share(&first);
    if (status == SD_OK && !first.n_out)
        status = sd__fail(SD_EINVAL, "sd_linearize: everything depends on the direction");
    if (status == SD_OK)
        status = sd__program_end(&second, product);
    if (status == SD_OK)
        status = sd__program_end(&first, point);
    sd__program_free(&first);
    sd__program_free(&second);
    return status;
}

sd_status sd_linearize(sd_context *context, int n, const sd_output *outputs, const char *direction,
                       const sd_compile_options *options, sd_plan **point, sd_plan **product)
{
    *point = *product = NULL;
    sd_program whole;
    sd_status status = sd__program_begin(context, n, outputs, options, &whole);
    if (status == SD_OK) {
        cut c = {.graph = whole.graph};
        c.depends = sd__alloc_zeroed(whole.graph->count, sizeof *c.depends);
        c.saved = sd__alloc_zeroed((size_t)whole.graph->count * SD_MAX_OUT, sizeof *c.saved);
        status = split(&c, &whole, direction, point, product);
        free(c.depends);
        free(c.saved);
    }
    sd__program_free(&whole);
    if (status != SD_OK) {
        sd_plan_free(*point);
        sd_plan_free(*product);
        *point = *product = NULL;
    }
    return status;
}
