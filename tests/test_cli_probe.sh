# test_cli_probe.sh -- `sonde probe` on runs: numbers that agree with each other, mistakes, regression, data that is gone; and that it
# leaves a run as it was.
. "$SONDE_SOURCE/tests/cli.sh"

# 4 features, a label and a number that both follow from them.
python3 - <<'END'
import random
random.seed(1)
with open("points.csv", "w") as classes, open("line.csv", "w") as line:
    classes.write("a,b,c,d,kind\n")
    line.write("a,b,c,d,t\n")
    for _ in range(120):
        x = [random.gauss(0, 1) for _ in range(4)]
        text = ",".join("%.5f" % v for v in x)
        classes.write("%s,%s\n" % (text, "yes" if x[0] * x[1] > 0 else "no"))
        line.write("%s,%.5f\n" % (text, 2 * x[0] - x[3]))
END
cat >points.yaml <<'END'
data: {csv: {train: points.csv, label: kind}, batch: 20, normalize: none, validation: 0}
model: {layers: [{dense: 6}, batch_norm, tanh, {dense: 2}]}
optimizer: {momentum: {lr: 0.05, momentum: 0.8, weight_decay: 0.001}}
train: {epochs: 3, seed: 1}
END
cat >line.yaml <<'END'
data: {csv: {train: line.csv, targets: [t]}, batch: 20, normalize: none, validation: 0}
model: {layers: [{dense: 1}]}
loss: mse
optimizer: {sgd: {lr: 0.1}}
train: {epochs: 3, seed: 1, precision: fp64}
END
expect 0 train points.yaml --out points --quiet
before=$(find points -type f -exec sha256sum {} + | sort)

expect 0 probe curvature points
head -1 out | grep -q '^|gradient| ' || fail "the gradient's norm does not come first"
says out "running statistics, dropout off"
says out "weight decay (0.001 in this run) is not part of the loss"
says out "stability limit of momentum at its base rate 0.05: 72;"
says out "untrained"
expect 0 probe curvature points --training --json --spectrum --layers --density 4 --pairs 3
cp out json
holds json "j['stability_limit'] == 2 * 1.8 / 0.05 and j['batch_norm'] == 'batch' and j['samples'] == 120"
holds json "len(j['run']['spectrum']) == j['parameters'] == 4*6 + 6 + 12 + 6*2 + 2"
holds json "all(abs(p['value'] - s) < 1e-3 for p, s in zip(j['run']['eigenpairs'], j['run']['spectrum'][::-1]))"
holds json "abs(sum(j['run']['density']['weights']) - 1) < 1e-9"
holds json "j['run']['trace']['low'] <= sum(j['run']['spectrum']) + 0.1 * j['run']['spectrum'][-1]"
holds json "sum(l['parameters'] for l in j['run']['layers']) == j['parameters']"
holds json "j['untrained']['loss'] > j['run']['loss']"
expect 0 probe curvature points --json --matrix gauss_newton --layer dense2 --spectrum
holds out "j['run']['index'] == 0 and j['parameters'] == 14 and j['layer'] == 'dense2'"
[ "$(find points -type f -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"

# Regression: the Hessian of linear least squares is 2 X'X / n, trained or not.
expect 0 train line.yaml --out line --quiet
expect 0 probe curvature line --json --spectrum
cp out json
python3 - <<'END' || fail "the Hessian of linear regression"
import json
j = json.load(open("json"))
rows = [[float(v) for v in l.split(",")][:4] + [1.0] for l in open("line.csv").read().split("\n")[1:-1]]
trace = sum(2 * v * v for r in rows for v in r) / len(rows)
assert abs(sum(j["run"]["spectrum"]) - trace) < 1e-6 * trace
assert abs(j["run"]["trace"]["estimate"] - trace) < 1e-6 * trace
assert all(abs(a - b) < 1e-9 * trace for a, b in zip(j["run"]["spectrum"], j["untrained"]["spectrum"]))
assert j["stability_limit"] == 20
END

# Mistakes.
expect 2 probe
expect 2 probe curvatur points
says err "did you mean 'curvature'?"
expect 2 probe curvature points --matrix fischer
says err "hessian, gauss_newton, fisher"
expect 2 probe curvature points --part all
expect 1 probe curvature points --part validation
says err "no validation part"
expect 1 probe curvature points --layer dense3
says err "no layer \"dense3\""
expect 1 probe curvature nowhere
mkdir -p empty
cp points/config.yaml empty
expect 1 probe curvature empty
says err "checkpoint"
mv points.csv gone.csv
expect 1 probe curvature points
says err "points.csv"
