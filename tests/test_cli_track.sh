# test_cli_track.sh -- `probes:` in a run's file: numbers in metrics.jsonl, the same weights as without, the same lines when resumed.
. "$SONDE_SOURCE/tests/cli.sh"

small_yaml >plain.yaml
{ small_yaml; echo 'probes: {every: 10, use: [signal, sharpness], samples: 32}'; } >probed.yaml
expect 0 train plain.yaml --out plain --quiet # 200 steps
expect 0 train probed.yaml --out probed --quiet
[ "$(weights plain)" = "$(weights probed)" ] || fail "measuring changed the weights"
python3 - <<'END' || fail "the lines of the probes"
import json
lines = [json.loads(l) for l in open("probed/metrics.jsonl")]
probes = [l for l in lines if l["event"] == "probe"]
last = max(l["step"] for l in lines)
assert last == 200 and [l["step"] for l in probes] == list(range(0, last + 1, 10)), [l["step"] for l in probes]
assert all(l["sharpness"] > 0 for l in probes)
assert all(0 <= l["signal/relu1/saturated"] <= 1 and l["signal/dense1/gradient_norm"] > 0 for l in probes)
assert all(l["signal/dead"] >= 0 and l["signal/stuck"] == 0 for l in probes) # a ReLU that is always saturated is dead
assert len({l["signal/dense1/deviation"] for l in probes}) > 1
assert not any(json.loads(l)["event"] == "probe" for l in open("plain/metrics.jsonl"))
END

# The untrained network that instruments compare a run with is the one that it began with: weights, and batch norm's statistics too.
expect 0 probe signal probed --samples 32 --json
cp out signal.json
expect 0 probe curvature probed --samples 32 --pairs 1 --json
cp out curvature.json
python3 - <<'END' || fail "the untrained control is not the network of step 0"
import json
first = next(l for l in map(json.loads, open("probed/metrics.jsonl")) if l["event"] == "probe" and l["step"] == 0)
rows = {r["name"]: r for r in json.load(open("signal.json"))["found"]["signal"]["rows"]}
for layer in "conv1", "batch_norm1", "dense1":
    untrained = rows[layer]["untrained_deviation"]
    assert abs(untrained - first["signal/%s/deviation" % layer]) < 1e-6 * untrained, layer
    assert abs(rows[layer]["deviation"] - untrained) > 1e-3 * untrained, layer
sharpness = json.load(open("curvature.json"))["found"]["eigenpairs"]["rows"][0]["untrained"]
assert abs(sharpness - first["sharpness"]) < 0.02 * sharpness, (sharpness, first["sharpness"])
END

# Killed and resumed: each line once, with the same numbers. (A machine that is too quick finishes before; then there is nothing to resume.)
timeout -s KILL 0.3 "$SONDE" train probed.yaml --set train.epochs=20 --out killed --quiet >/dev/null 2>&1 || true
expect 0 train probed.yaml --set train.epochs=20 --out whole --quiet
if [ -e killed/checkpoints/last.safetensors ]; then
    expect 0 train --resume killed --quiet
    grep '"probe"' killed/metrics.jsonl >lines
    grep '"probe"' whole/metrics.jsonl | cmp -s - lines || fail "a run that was killed and resumed has other lines of probes"
fi

# Mistakes.
sed 's/sharpness/sharpnes/' probed.yaml >typo.yaml
expect 1 train typo.yaml --out typo --quiet
says err "typo.yaml:"
says err "sharpness"

# Probes do not stop a run that diverges sooner: the trainer does, where it would have without them.
{ small_yaml | sed 's/adam: {lr: 0.003}/sgd: {lr: 1000000}/; /batch_norm/d; /cosine/d'; echo 'probes: {every: 1, use: [signal, sharpness], samples: 32}'; } >burst.yaml
grep -v '^probes' burst.yaml >burst_plain.yaml
expect 3 train burst_plain.yaml --out burst --quiet
sed 's/replay burst/replay/' err >alone
expect 3 train burst.yaml --out burst_probed --quiet
sed 's/replay burst_probed/replay/' err | cmp -s - alone || fail "a run that diverges says something else with probes, not: $(cat alone)"
