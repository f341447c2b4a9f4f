# slow_accuracy.sh -- one seed and one epoch on real data against a floor; own CSV, and regression, to the end.
set -eu
. "$SONDE_SOURCE/tests/accuracy.sh"

train regression regression
at_least "$(field test_r2 "$scratch/regression/metrics.jsonl")" 0.98 "regression, R2"

data_or_skip iris
train iris iris
at_least "$(field test_accuracy "$scratch/iris/metrics.jsonl")" 0.9 "iris"

data_or_skip mnist
train mlp mnist-mlp --set train.epochs=1
at_least "$(field test_accuracy "$scratch/mlp/metrics.jsonl")" 0.95 "mnist-mlp, one epoch"
train lenet mnist-lenet --set train.epochs=1
at_least "$(field test_accuracy "$scratch/lenet/metrics.jsonl")" 0.98 "mnist-lenet, one epoch"
