# test_cli_runs.sh -- from a file to a run, and what can be asked of it: eval, predict, info, profile, data, in words and in JSON.
. "$SONDE_SOURCE/tests/cli.sh"

small_yaml >small.yaml
expect 0 train small.yaml --json
holds out "j['steps'] == 200 and j['epochs'] == 10 and j['run'] == 'runs/small-001'"
holds out "j['test']['accuracy'] > 0.5 and 0 < j['test']['loss'] < 2 and not j['selected_on_test']"
holds out "sum(map(sum, j['test']['confusion'])) == 64 == j['test']['samples']"
says err "epoch 10/10  train loss"
says err "validation loss"
cp out trained
[ "$(readlink runs/last)" = small-001 ] || fail "runs/last does not point to the run"
for file in config.yaml metrics.jsonl events.out.tfevents.sonde checkpoints/last.safetensors checkpoints/best.safetensors; do
    [ -s runs/last/$file ] || fail "the run has no $file"
done
python3 - <<'END' || fail "metrics.jsonl"
import json
lines = [json.loads(line) for line in open("runs/last/metrics.jsonl")]
assert [l["epoch"] for l in lines if l["event"] == "epoch"] == list(range(1, 11))
assert [l["step"] for l in lines if l["event"] == "step"] == list(range(5, 201, 5))
assert [l["event"] for l in lines].count("test") == 1 and lines[-1]["event"] == "test"
END

# The resolved file trains to the very same weights.
cp runs/last/config.yaml again.yaml
expect 0 train again.yaml --json --quiet
[ ! -s err ] || fail "--quiet is not quiet"
[ "$(json out "j['weights']")" = "$(json trained "j['weights']")" ] || fail "config.yaml gives another run"
[ "$(json out "j['run']")" = runs/again-001 ] || fail "the second run's name"
expect 0 train small.yaml --json --seed 4 --out named
holds out "j['run'] == 'named'"
[ "$(json out "j['weights']")" != "$(json trained "j['weights']")" ] || fail "another seed, but equal weights"
expect 1 train small.yaml --out named
says err "holds a run already"

# eval: the same numbers as at the end of training.
expect 0 eval runs/small-001 --json
[ "$(json out "j['loss'], j['accuracy'], j['confusion'], j['weights']")" = \
    "$(json trained "j['test']['loss'], j['test']['accuracy'], j['test']['confusion'], j['weights']")" ] || fail "eval differs from training"
expect 0 eval runs/small-001 --part validation --json
[ "$(json out "j['samples'], j['part']")" = "(80, 'validation')" ] || fail "eval --part validation"
expect 0 eval runs/small-001/checkpoints/last.safetensors
says out "confusion (row: true, column: predicted)"
expect 0 eval --checkpoint last
says out "checkpoint runs/last/checkpoints/last.safetensors"

# validation: test is said wherever there is a result.
expect 0 train small.yaml --set data.validation=test --set train.epochs=1
says out "selected on the test set"
says err "selected on the test set"
expect 0 eval
says out "selected on the test set"
expect 0 eval --json
holds out "j['selected_on_test'] is True"

# predict: images as IDX and PNG, tables as CSV.
python3 - <<'END'
import struct, zlib
pixels = [bytes((r * 9 + c * 5 + k * 60) % 256 for r in range(28) for c in range(28)) for k in range(3)]
open("three-idx3-ubyte", "wb").write(struct.pack(">IIII", 0x803, 3, 28, 28) + b"".join(pixels))
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def png(path, w, h, rows):
    raw = b"".join(b"\0" + rows[i * w:(i + 1) * w] for i in range(h))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)) +
                           chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
for k in range(3): png("%d.png" % k, 28, 28, pixels[k])
png("small.png", 5, 4, pixels[0][:20])
open("broken.png", "wb").write(open("0.png", "rb").read()[:90])
END
expect 0 predict three-idx3-ubyte --run runs/small-001 --json
holds out "len(j) == 3 and all(abs(sum(p['probabilities']) - 1) < 1e-9 and len(p['probabilities']) == 10 for p in j)"
holds out "all(p['label'] == str(p['probabilities'].index(max(p['probabilities']))) for p in j)"
cp out idx.json
expect 0 predict 0.png 1.png 2.png --run runs/small-001 --json
[ "$(json out "[p['label'] for p in j]")" = "$(json idx.json "[p['label'] for p in j]")" ] || fail "PNG and IDX give different labels"
cp out png.json
python3 - <<'END' || fail "PNG and IDX give different probabilities"
import json
a, b = json.load(open("png.json")), json.load(open("idx.json"))
assert all(abs(x - y) < 1e-5 for p, q in zip(a, b) for x, y in zip(p["probabilities"], q["probabilities"]))
END
expect 0 predict three-idx3-ubyte --run runs/small-001
[ "$(wc -l <out)" = 3 ] || fail "predict prints a line a sample"
expect 1 predict small.png
says err "4 x 5 pixels"
expect 1 predict broken.png
expect 1 predict nothing.png

expect 0 train "$examples/regression.yaml" --set train.epochs=15 --json
holds out "j['test']['r2'] > 0.8 and j['test']['rmse'] > 0.05"
printf 'c,b,a\n0,1,0\n0,-2,0.5\n' >ask.csv # the columns in another order, without the answer
expect 0 predict ask.csv --json
holds out "abs(j[0]['values'][0] - 1) < 1 and abs(j[1]['values'][0] - (4 + math.sin(1))) < 1"
printf 'c,b\n0,1\n' >short.csv
expect 1 predict short.csv
says err "short.csv"
expect 0 eval
says out "RMSE"

# Figures of other data than the run's are not silently taken for its own; a run goes on with its own only.
cp "$examples/regression.csv" moved.csv
sed 's/regression.csv/moved.csv/' "$examples/regression.yaml" >moved.yaml
expect 0 train moved.yaml --set train.epochs=2 --quiet
for command in eval "predict ask.csv" "why --budget 0.0001" "probe signal"; do
    expect 0 $command
    ! grep -q "has changed since" err || fail "$command takes the run's data for other data"
done
sed '2s/0$/9/' "$examples/regression.csv" >moved.csv
! cmp -s moved.csv "$examples/regression.csv" || fail "moved.csv was to change"
for command in eval "predict ask.csv" "why --budget 0.0001" "probe signal"; do
    expect 0 $command
    says err "moved.csv has changed since the run began"
done
expect 1 train --resume runs/last --set train.epochs=3
says err "has changed since the run began"

# --data-dir is remembered: what asks about the run later need not name it again.
python3 - <<'END'
import os, struct
os.makedirs("sets/mnist")
for part, n in (("train", 60), ("t10k", 20)):
    pixels = bytes((i * 7 + p) % 256 for i in range(n) for p in range(784))
    open("sets/mnist/%s-images-idx3-ubyte" % part, "wb").write(struct.pack(">IIII", 0x803, n, 28, 28) + pixels)
    open("sets/mnist/%s-labels-idx1-ubyte" % part, "wb").write(struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))
END
cat >own.yaml <<'END'
data: {name: mnist, batch: 10}
model: {layers: [flatten, dense: classes]}
train: {epochs: 1}
END
(
    unset SONDE_DATA
    HOME=$here
    export HOME
    expect 0 train own.yaml --data-dir sets --quiet
    says runs/last/config.yaml "$here/sets"
    expect 0 eval --json
    holds out "j['samples'] == 20"
    expect 0 train --resume runs/last --set train.epochs=2 --quiet
    mv sets others
    for command in eval why; do
        expect 1 $command
        says err "data set mnist is not on this machine"
        says err "--data-dir DIR, or SONDE_DATA, names the folder that holds mnist/"
    done
    expect 0 why --data-dir others --budget 0.0001
    SONDE_DATA=$here/others expect 0 eval
    ! grep -q "has changed since" err || fail "eval takes a folder that has moved for other data"
    printf '\003' | dd of=others/mnist/t10k-labels-idx1-ubyte bs=1 seek=8 conv=notrunc status=none # the test part alone
    SONDE_DATA=$here/others expect 0 eval
    says err "has changed since the run began"
)

# info and profile.
expect 0 info runs/small-001 --json
holds out "j['parameters'] == 3*3*4+4 + 8 + 6*6*4*10+10 and j['states'] == 8 and j['memory'] > 0 and j['flops'] > 0 and j['depth_path'] == 2"
expect 0 info small.yaml
says out "conv1"
expect 0 info mlp --json
holds out "j['parameters'] == 784*1024+1024 + 1024*1024+1024 + 1024*10+10"
holds out "j['flops'] >= 2*(784*1024 + 1024*1024 + 1024*10)"
expect 0 info runs/small-001/checkpoints/last.safetensors
says out "the checksum is right"
expect 0 profile small.yaml --runs 2 --json
holds out "len(j['steps']) > 5 and j['seconds'] > 0 and any(s['op'] == 'conv2d' and s['layer'] == 'conv1' for s in j['steps'])"
expect 0 profile small.yaml --runs 2
says out "samples/s"
expect 0 profile lenet --batch 2 --runs 1
says out "winograd: fewer products than FLOP counts"
expect 0 profile mlp --batch 128 --runs 1
if grep -q "CPU level amx" out; then says out "amx: fp32 products as sums of six"; fi
says out "softmax_cross_entropy_grad simd"

expect 0 data list --json
holds out "{'mnist', 'fashion-mnist', 'strokes'} <= {s['name'] for s in j}"
expect 0 data info strokes --json
holds out "sum(j['train']['per_class']) == j['train']['samples'] > 0"
