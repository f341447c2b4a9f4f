# test_cli_stop.sh -- what ends a run early: Ctrl-C, numbers that are not finite, a full disk, folders that cannot be used.
. "$SONDE_SOURCE/tests/cli.sh"

small_yaml >small.yaml

# wait_for FILE: until a running process has written something there.
wait_for() {
    for _ in $(seq 1 500); do
        [ ! -s "$1" ] || return 0
        sleep 0.02
    done
    fail "nothing is written to $1"
}

# The first Ctrl-C writes a checkpoint; exit code 130. (A shell without job control starts background processes with SIGINT
# ignored, so a small program passes it on.)
cat >run.py <<'END'
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
folder, times = sys.argv[1], int(sys.argv[2])
p = subprocess.Popen(sys.argv[3:], stdout=open("out", "w"), stderr=open("err", "w"))
for _ in range(1000):
    if os.path.exists(folder + "/metrics.jsonl") and os.path.getsize(folder + "/metrics.jsonl"): break
    time.sleep(0.02)
for _ in range(times): p.send_signal(signal.SIGINT)
sys.exit(p.wait())
END
code=0
python3 run.py stopped 1 "$SONDE" train small.yaml --out stopped --set train.epochs=2000 || code=$?
[ $code -eq 130 ] || fail "Ctrl-C: exit code $code, not 130"
says err "sonde train --resume stopped"
[ -s stopped/checkpoints/last.safetensors ] || fail "Ctrl-C: no checkpoint"
expect 0 train --resume stopped --set train.epochs=1 --quiet
code=0
python3 run.py twice 2 "$SONDE" train small.yaml --out twice --set train.epochs=2000 || code=$?
[ $code -eq 130 ] || fail "Ctrl-C twice: exit code $code, not 130"

# Not finite: exit code 3, the layer and the samples by name, and the replay that the message tells.
cat >huge.yaml <<'END'
data: {name: strokes, batch: 16, strokes: {train: 160, test: 32}, validation: 0}
model: {layers: [flatten, dense: {units: 20, name: wide}, relu, dense: {units: 10, name: narrow}]}
loss: mse
optimizer: {sgd: {lr: 1e6}}
train: {epochs: 3}
END
expect 3 train huge.yaml --out huge
says err "is not taken: the "
says err "made a value that is not finite"
says err "samples "
says err "sonde replay huge"
expect 3 replay huge
says out "made a value that is not finite"
expect 3 replay huge --json
holds out "not j['finite'] and j['samples'] == 16 and 'not finite' in j['first']"
expect 3 train --resume huge # nothing was lost, and it meets the same step
expect 0 train --resume huge --set optimizer.sgd.lr=1e-3 --quiet
expect 1 replay twice
says err "has no black box"

# A full disk (here: a limit on the size of files) while a checkpoint is written.
expect 0 train small.yaml --out full --set train.epochs=1 --quiet
cp full/checkpoints/last.safetensors before
code=0
(
    trap '' XFSZ
    ulimit -f 4
    exec "$SONDE" train --resume full --set train.epochs=3 --quiet
) >out 2>err || code=$?
[ $code -eq 1 ] || fail "full disk: exit code $code, not 1"
grep -qE 'full/.*(too large|space)' err || fail "full disk: the message does not say so"
cmp -s before full/checkpoints/last.safetensors || fail "full disk: the previous checkpoint is damaged"
expect 0 train --resume full --set train.epochs=3 --quiet

# Folders.
: >file
expect 1 train small.yaml --out file/run
says err "file"
if [ "$(id -u)" != 0 ]; then
    mkdir locked
    chmod 500 locked
    expect 1 train small.yaml --out locked/run
    says err "locked"
fi
"$SONDE" train small.yaml --out busy --set train.epochs=2000 --quiet >/dev/null 2>&1 &
process=$!
wait_for busy/metrics.jsonl
expect 1 train --resume busy
says err "another process is using this folder"
kill -KILL $process
wait $process 2>/dev/null || :

# A flipped byte, and files that are cut off.
expect 0 train small.yaml --out flipped --set train.epochs=1 --quiet
python3 - <<'END'
path = "flipped/checkpoints/last.safetensors"
data = bytearray(open(path, "rb").read())
data[-100] ^= 4
open(path, "wb").write(data)
END
expect 1 train --resume flipped
says err "checksum"
expect 1 eval flipped --checkpoint last
says err "checksum"
head -c 500 full/checkpoints/last.safetensors >full/checkpoints/short.safetensors
expect 1 eval full/checkpoints/short.safetensors

# Mistakes in the file: where, what, and what would be right.
mistake() {
    expect 1 train "$1" --out never
    grep -q "^sonde: $1:$2: " err || fail "$1: the place is not $1:$2"
    says err "$3"
}
small_yaml | sed 's/^train:/trian:/' >top.yaml
mistake top.yaml 13 train
small_yaml | sed 's/filters: 4/filter: 4/' >layer.yaml
mistake layer.yaml 4 filters
small_yaml | sed 's/epochs: 10/epochs: ten/' >type.yaml
mistake type.yaml 13 "whole number"
small_yaml | sed 's/kernel: 3, stride: 2/kernel: 31/' >shape.yaml
mistake shape.yaml 4 "conv"
[ ! -e never ] || fail "a run folder was left behind"
