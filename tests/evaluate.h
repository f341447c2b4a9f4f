/* evaluate.h -- what tests of single ops share: one reference context, values of nodes, and the messages of wrong calls. */
#ifndef SD_TESTS_EVALUATE_H
#define SD_TESTS_EVALUATE_H

#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>

#include "law.h"

LAW_UNUSED static sd_context *evaluate_context;

LAW_UNUSED static int evaluate_setup(void **state)
{
    const sd_context_options options = {.threads = 1, .kernels = "reference"};
    return sd_context_new(&options, &evaluate_context) == SD_OK ? 0 : -1;
}

LAW_UNUSED static int evaluate_teardown(void **state)
{
    sd_context_free(evaluate_context);
    return 0;
}

/* The value of a node on the reference kernels; the feeds end with a NULL slot, or are NULL. */
LAW_UNUSED static void evaluate(sd_node node, const sd_feed *feeds, void *out)
{
    if (!sd_node_ok(node))
        fail_msg("poisoned: %s", sd_graph_message(node.graph));
    assert_ok(sd_eval(evaluate_context, node, feeds, out));
}

LAW_UNUSED static double evaluate_number(sd_node node, const sd_feed *feeds)
{
    double number;
    assert_int_equal(sd_node_dtype(node), SD_F64);
    assert_int_equal(sd_shape_count(sd_node_shape(node)), 1);
    evaluate(node, feeds, &number);
    return number;
}

/* <a, b> as a node: the inner product of two values of one shape. */
LAW_UNUSED static sd_node evaluate_inner(sd_node a, sd_node b) { return sd_sum(sd_mul(a, b), SD_ALL_AXES, false); }

/* The graph holds a mistake of this status whose message has each of the words (up to a NULL). Frees the graph. */
LAW_UNUSED static void refused(sd_graph *graph, sd_node node, sd_status status, const char *const *words)
{
    assert_false(sd_node_ok(node));
    law_status(sd_graph_status(graph), status, sd_graph_message(graph), __FILE__, __LINE__);
    for (; *words; words++)
        if (!strstr(sd_graph_message(graph), *words))
            fail_msg("the message \"%s\" does not say \"%s\"", sd_graph_message(graph), *words);
    sd_graph_free(graph);
}

/* One number, as assert_near_f64() compares many. */
#define assert_number(got, wanted, tolerance) law_near(got, wanted, 0, tolerance, __FILE__, __LINE__)

#define assert_refused(graph, node, status, ...) refused(graph, node, status, (const char *const[]){__VA_ARGS__, NULL})

#endif
