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

data_or_skip cifar-10
train cifar cifar10-cnn --set train.epochs=1 --set data.limit=5000
at_least "$(field test_accuracy "$scratch/cifar/metrics.jsonl")" 0.3 "cifar10-cnn, one epoch of 5,000 images"
"$SONDE" data info cifar-10 --json >"$scratch/cifar.json"
python3 - "$scratch/cifar.json" <<'END'
import json, sys
found = json.load(open(sys.argv[1]))
assert found["train"]["per_class"] == [5000] * 10 and found["test"]["per_class"] == [1000] * 10
well_known = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]  # of red, green and blue in [0,1], of the training part
for name, wanted in zip(("mean", "deviation"), well_known):
    assert all(abs(x / 255 - w) < 6e-5 for x, w in zip(found["normalization"][name], wanted)), found["normalization"]
END
