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
tr '\n' ' ' <out >flat # sentences are wrapped
says flat "running statistics, dropout off"
says flat "Weight decay (0.001 in this run) is not part of the loss"
says flat "stability limit of momentum at its base rate 0.05 is 72;"
says flat "untrained"
says flat "would have meant"
expect 0 probe curvature points --training --json --spectrum --layers --density 4 --pairs 3
cp out json
holds json "j['instrument'] == 'curvature' and next(iter(j['found'])) == 'gradient_norm'"
holds json "j['facts']['stability_limit'] == 2 * 1.8 / 0.05 and j['facts']['batch_norm'] == 'batch' and j['facts']['samples'] == 120"
holds json "(lambda own: len(own) == j['facts']['parameters'] == 4*6 + 6 + 12 + 6*2 + 2)([p[1] for p in j['found']['spectrum']['series'][0]['points']])"
holds json "(lambda own: all(abs(p['value'] - s) < 1e-3 for p, s in zip(j['found']['eigenpairs']['rows'][:3], own[::-1])))([p[1] for p in j['found']['spectrum']['series'][0]['points']])"
holds json "all(abs(s['points'][-1][1] - 1) < 1e-9 for s in j['found']['density']['series'])"
holds json "all(s['points'] == sorted(s['points']) for s in j['found']['density']['series'])"
holds json "(lambda own: j['found']['trace']['run']['low'] <= sum(own) + 0.1 * own[-1])([p[1] for p in j['found']['spectrum']['series'][0]['points']])"
holds json "sum(l['parameters'] for l in j['found']['layers']['rows']) == j['facts']['parameters']"
holds json "j['found']['loss']['untrained']['estimate'] > j['found']['loss']['run']['estimate']"
expect 0 probe curvature points --json --matrix gauss_newton --layer dense2 --spectrum
holds out "j['found']['index']['run']['estimate'] == 0 and j['facts']['parameters'] == 14 and j['facts']['layer'] == 'dense2'"
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
own, twin = ([p[1] for p in s["points"]] for s in j["found"]["spectrum"]["series"])
assert abs(sum(own) - trace) < 1e-6 * trace
assert abs(j["found"]["trace"]["run"]["estimate"] - trace) < 1e-6 * trace
assert all(abs(a - b) < 1e-9 * trace for a, b in zip(own, twin))
assert j["facts"]["stability_limit"] == 20
END

expect 0 probe signal line --json
cp out json
python3 - <<'END' || fail "the signal of linear regression"
import json
j = json.load(open("json"))
rows = [[float(v) for v in l.split(",")] for l in open("line.csv").read().split("\n")[1:-1]]
facts, found = j["facts"], j["found"]
assert facts["units"] == facts["dead_units"] == facts["saturated_units"] == 0 and facts["idle_layers"] == []
flat = [v for r in rows for v in r[:4]]
mean = sum(flat) / len(flat)
given, dense = found["signal"]["rows"]
assert given["name"] == "input" and abs(given["mean"] - mean) < 1e-12 and given["untrained_mean"] == given["mean"]
assert abs(given["deviation"] ** 2 - sum((v - mean) ** 2 for v in flat) / len(flat)) < 1e-12
# The gradient of (z - t)^2 is 2 (z - t), so its mean square is 4 times the loss.
loss = found["loss"]["run"]["estimate"]
assert abs(found["gradients"]["rows"][1]["gradient"] ** 2 - 4 * loss) < 1e-9 * loss
assert found["mean_field"]["rows"][0]["compared"] == "yes"
END

# Signal, also on a network of which one layer does nothing: a ReLU behind a ReLU.
before=$(find points -type f -exec sha256sum {} + | sort)
expect 0 probe signal points
tr '\n' ' ' <out >flat
says flat "Every layer that computes changes what it reads"
says flat "not compared: its statistics set the size"
says flat "learning, not a fault"
expect 0 probe signal points --training --json
cp out json
holds json "j['facts']['units'] == 6 and j['facts']['layers'] == 4 and j['facts']['batch_norm'] == 'batch'"
holds json "[r['name'] for r in j['found']['signal']['rows']] == ['input', 'dense1', 'batch_norm1', 'tanh1', 'dense2']"
holds json "[r['compared'][:3] for r in j['found']['mean_field']['rows']] == ['yes', 'not', 'yes', 'yes']"
holds json "[len(s['points']) for s in j['found']['depth']['series']] == [4] * 4"
[ "$(find points -type f -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"
sed 's/batch_norm, tanh/relu, {relu: {name: again}}/' points.yaml >again.yaml
expect 0 train again.yaml --out again --quiet
expect 0 probe signal again --json
cp out json
holds json "j['facts']['idle_layers'] == ['again'] and j['facts']['units'] == 12"
expect 0 probe signal again
says out "Layers that change nothing: again (0)"

# Linear probes: on a run with a test part, on one without, on one that predicts numbers.
sed 's/validation: 0}/validation: 0.2, test: 0.3}/' points.yaml >judged.yaml
expect 0 train judged.yaml --out judged --quiet
before=$(find judged -type f -exec sha256sum {} + | sort)
expect 0 probe linear judged
tr '\n' ' ' <out >flat
says flat "judged on the first 36 samples of the test part"
says flat "width alone helps"
expect 0 probe linear judged --fit 60 --json
cp out json
holds json "j['facts']['fit'] == 48 and j['facts']['validation'] == 12 and j['facts']['samples'] == 60 and j['facts']['judged'] == 36"
holds json "[r['name'] for r in j['found']['layers']['rows']] == ['input', 'tanh1', 'output']"
holds json "(lambda r: r['accuracy'] == r['untrained'] and r['nearest'] == r['untrained_nearest'])(j['found']['layers']['rows'][0])"
holds json "all(r['low'] <= r['accuracy'] <= r['high'] for r in j['found']['layers']['rows'])"
holds json "len(j['found']['accuracies']['series']) == 4"
[ "$(find judged -type f -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"
expect 1 probe linear judged --part test
says err "judged on the samples that they are fitted to"
expect 1 probe linear points
says err "there is no test part"
expect 1 probe linear line
says err "this model has none"
expect 2 probe linear judged --fit 3

# Linear regions: on a run with a test part, on one without, on one that predicts numbers; where they do not apply.
sed 's/batch_norm, tanh/batch_norm, relu/' judged.yaml >pieces.yaml
expect 0 train pieces.yaml --out pieces --quiet
before=$(find pieces -type f -exec sha256sum {} + | sort)
expect 0 probe regions pieces
tr '\n' ' ' <out >flat
says flat "all pieces along 10 segments"
says flat "A finer cut is not a better answer"
says flat "all 67 training samples"
says flat "untrained"
expect 0 probe regions pieces --segments 12 --train 50 --json
cp out json
holds json "j['facts']['segments'] == 12 == len(j['found']['segment_table']['rows']) and j['facts']['unfinished'] == 0"
holds json "j['facts']['units'] == 6 and j['facts']['novel_train'] == 50 and j['facts']['novel_judged'] == 36"
holds json "all(1 <= r['pieces'] <= r['patterns'] <= 7 and r['length'] > 0 for r in j['found']['segment_table']['rows'])"
holds json "(lambda rows: abs(sum(r['pieces'] for r in rows) / 12 - j['found']['pieces']['run']['estimate']) < 1e-9)(j['found']['segment_table']['rows'])"
holds json "abs(j['facts']['slice_covered'] - 1) < 1e-9 and j['found']['slice_regions']['run']['estimate'] <= j['found']['slice_patterns']['run']['estimate'] <= 22"
holds json "0 <= j['found']['novel_share']['run']['estimate'] <= 1 and j['found']['novel_layers']['rows'][0]['name'] == 'relu1'"
holds json "len([p for s in j['found']['slice']['series'] for p in s['points'] if p[0] is None]) == j['found']['slice_patterns']['run']['estimate']"
expect 0 probe regions pieces --cells 3 --json
holds out "j['facts']['slice_halvings'] == 0 and j['found']['slice_patterns']['run']['estimate'] > 3"
holds out "all(sum(p[0] is None for s in j['found'][m]['series'] for p in s['points']) <= 3 for m in ('slice', 'slice_untrained'))"
[ "$(find pieces -type f -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"
expect 0 probe regions line
tr '\n' ' ' <out >flat
says flat "none, so it is affine, one region in all"
says flat "Novel regions were not measured"
sed 's/validation: 0}/validation: 0.2}/' line.yaml >line2.yaml
expect 0 train line2.yaml --out line2 --quiet
expect 0 probe regions line2
tr '\n' ' ' <out >flat
says flat "This run predicts numbers"
says flat "which favours the trained network"
expect 1 probe regions points
says err "linear regions do not apply: layer tanh1 has tanh"
expect 1 probe regions pieces --training
says err "counted in eval mode"
cut -d, -f1,5 points.csv >one.csv
sed 's/points.csv/one.csv/' pieces.yaml >one.yaml
expect 0 train one.yaml --out one --quiet
expect 0 probe regions one
tr '\n' ' ' <out >flat
says flat "There is no slice to draw: a slice needs two inputs at least, the network has one."

# Attribution: a line's features by their weights (2 and -1), a class's, and pictures.
expect 0 probe attribution line --json
cp out json
holds json "[r['name'] for r in j['found']['features']['rows'][:2]] == ['a', 'd'] and len(j['found']['features']['rows']) == 4"
holds json "(lambda a, d: 1.7 < a['size'] / d['size'] < 2.5)(*j['found']['features']['rows'][:2])"
holds json "j['facts']['gap'] < 1e-12 and j['facts']['explained'] == 100 and j['facts']['mistakes'] is None"
holds json "(lambda r: r['label'] == '' and r['explained'] == 't')(j['found']['samples']['rows'][0])"
before=$(find points -type f -exec sha256sum {} + | sort)
expect 0 probe attribution points --count 6 --baseline zero
tr '\n' ' ' <out >flat
says flat "in 6 of the first 120 samples"
says flat "every value is 0 before normalization"
says flat "No Grad-CAM: no layer's output has height and width"
says flat "The inputs are no pictures"
expect 0 probe attribution points --json --output 2 --count 1
holds out "[r['explained'] for r in j['found']['samples']['rows']] == ['yes'] and j['found']['rank_values']['run']['high'] == 1"
[ "$(find points -type f -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"
expect 1 probe attribution points --output 3
says err "no output 3"
expect 1 probe attribution points --training
says err "each sample by itself"
expect 1 probe attribution points --layer dense1
says err "no height and width"
small_yaml >drawn.yaml
expect 0 train drawn.yaml --set train.epochs=1 --out drawn --quiet
expect 0 probe attribution drawn --json --count 3 --steps 4
cp out json
holds json "j['facts']['cam_layer'] == 'maxpool1' and j['facts']['steps'] == 4"
holds json "[[p['caption'].split(':')[0] for p in j['found']['maps_%d' % i]['pictures']] for i in (1, 2, 3)] == [['input', 'integrated gradients', 'untrained', 'Grad-CAM', 'untrained']] * 3"
holds json "len({p['pixels'] for p in j['found']['maps_1']['pictures'][:3]}) == 3"
holds json "all(r['value'] != r['baseline'] for r in j['found']['samples']['rows'])"
# One class only: nothing speaks for or against it.
sed 's/,no$/,yes/' points.csv >same.csv
sed 's/points.csv/same.csv/; s/{dense: 2}/{dense: 1}/' points.yaml >same.yaml
expect 0 train same.yaml --out same --quiet
expect 0 probe curvature same
says out "The matrix is 0"
expect 1 probe attribution same
says err "there is a single class"

# A page that stands alone, with its figures' data beside it.
mkdir pages
expect 0 probe linear judged --fit 60 --html pages/linear.html
says pages/linear.html '<section id="linear">'
says pages/linear.html '<svg'
says pages/linear.html 'download="linear-accuracies.csv"'
expect 0 probe regions pieces --html pages/regions.html
says pages/regions.html 'download="regions-slice-untrained.csv"'
[ -s pages/linear-accuracies.csv ] || fail "the figure's data is not beside the page"
! grep -qE '(src|href)="?https?:' pages/linear.html || fail "the page asks for something from outside"
expect 1 probe linear judged --fit 60 --html nowhere/linear.html
says err "nowhere/"

# Mistakes.
expect 2 probe
expect 0 probe --help
says out "--pairs K"
expect 0 probe curvature --help
says out "--part PART"
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
