/* linear_probe.h -- a linear classifier on the raw input alone: what a network's score is compared with. */
#ifndef SD_PROBE_LINEAR_PROBE_H
#define SD_PROBE_LINEAR_PROBE_H

#include <sonde/probe.h>

/*
 * sd_probe_linear() of the input and no other place, without the nearest neighbour. report->layer[0] is it; error [test
 * samples] receives 1 where the classifier misses, else 0. errors as sd_probe_linear()
 */
sd_status sd__probe_input(const sd_subject *subject, const sd_linear_options *options, double *error, sd_linear_report *report);

#endif
