/** @file sonde.h -- the whole public interface. */
#ifndef SONDE_SONDE_H
#define SONDE_SONDE_H

#include <sonde/autodiff.h>
#include <sonde/base.h>
#include <sonde/data.h>
#include <sonde/format.h>
#include <sonde/graph.h>
#include <sonde/nn.h>
#include <sonde/ops.h>
#include <sonde/optim.h>
#include <sonde/plan.h>
#include <sonde/tensor.h>
#include <sonde/train.h>

#endif
