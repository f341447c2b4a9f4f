/* zoo.c -- the built-in models, as the text that would stand under `model:`. */
#include <sonde/nn.h>

#include "base/base.h"

/* The macros are laid out as the text that they make. */
/* clang-format off */

/* Convolution, batch norm, ReLU. */
#define CONV_BN(filters)                                                        \
    "  - conv: {filters: " filters ", kernel: 3, padding: same, bias: false}\n" \
    "  - batch_norm\n"                                                          \
    "  - relu\n"

/* A residual block of He et al. 2015, section 4.2. */
#define BLOCK(indent, filters, stride, shortcut)                                                              \
    indent "- residual:\n"                                                                                    \
    indent "    shortcut: " shortcut "\n"                                                                     \
    indent "    layers:\n"                                                                                    \
    indent "      - conv: {filters: " filters ", kernel: 3, stride: " stride ", padding: same, bias: false}\n" \
    indent "      - batch_norm\n"                                                                             \
    indent "      - relu\n"                                                                                   \
    indent "      - conv: {filters: " filters ", kernel: 3, padding: same, bias: false}\n"                    \
    indent "      - batch_norm\n"                                                                             \
    indent "- relu\n"

#define STAGE(filters, repeat)                  \
    "  - block:\n"                              \
    "      repeat: " repeat "\n"                \
    "      layers:\n"                           \
    BLOCK("        ", filters, "1", "identity")

#define RESNET(first, rest)       \
    "input: [32, 32, 3]\n"        \
    "layers:\n"                   \
    CONV_BN("16")                 \
    STAGE("16", first)            \
    BLOCK("  ", "32", "2", "pad") \
    STAGE("32", rest)             \
    BLOCK("  ", "64", "2", "pad") \
    STAGE("64", rest)             \
    "  - global_avgpool\n"        \
    "  - dense: classes\n"

/* clang-format on */

static const sd_zoo_entry zoo[] = {
    {"mlp-small", "784-100-10 with ReLU",
     "input: [28, 28, 1]\nlayers:\n  - flatten\n  - dense: 100\n  - relu\n  - dense: classes\n"},
    {"mlp", "784-1024-1024-10 with ReLU",
     "input: [28, 28, 1]\nlayers:\n  - flatten\n  - dense: 1024\n  - relu\n  - dense: 1024\n  - relu\n  - dense: classes\n"},
    {"lenet", "two 5x5 convolutions of 32 and 64 filters, a dense layer of 512; after LeCun et al. 1998",
     "input: [28, 28, 1]\nlayers:\n"
     "  - conv: {filters: 32, kernel: 5, padding: same}\n  - relu\n  - maxpool: 2\n"
     "  - conv: {filters: 64, kernel: 5, padding: same}\n  - relu\n  - maxpool: 2\n"
     "  - flatten\n  - dense: 512\n  - relu\n  - dense: classes\n"},
    {"vgg", "64-64-128-128-256-256 3x3 convolutions with batch norm; after Simonyan & Zisserman 2015",
     "input: [32, 32, 3]\nlayers:\n" CONV_BN("64") CONV_BN("64") "  - maxpool: 2\n" CONV_BN("128")
         CONV_BN("128") "  - maxpool: 2\n" CONV_BN("256") CONV_BN("256") "  - maxpool: 2\n  - flatten\n  - dense: classes\n"},
    {"resnet20", "20 layers with identity shortcuts (option A); He et al. 2015, section 4.2", RESNET("3", "2")},
    {"resnet32", "32 layers of the same design", RESNET("5", "4")},
    {"resnet56", "56 layers of the same design", RESNET("9", "8")},
};

int sd_zoo(const sd_zoo_entry **table)
{
    *table = zoo;
    return (int)SD_COUNT(zoo);
}
