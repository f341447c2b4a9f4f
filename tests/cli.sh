# cli.sh -- what the tests of the command share; to be sourced. A scratch folder, in which they run, and assertions that say what is wrong.
set -eu
here=$(mktemp -d "${TMPDIR:-/tmp}/sonde-cli-XXXXXX")
trap 'rm -rf "$here"' EXIT
cd "$here"
examples=$SONDE_SOURCE/examples

fail() {
    echo "$*" >&2
    for log in out err; do
        [ ! -s $log ] || sed "s/^/  $log: /" $log >&2
    done
    exit 1
}

# expect CODE WORD...: runs `sonde WORD...`, keeps its output in out and err, and checks the exit code.
expect() {
    want=$1
    shift
    code=0
    "$SONDE" "$@" >out 2>err </dev/null || code=$?
    [ $code -eq "$want" ] || fail "sonde $*: exit code $code, not $want"
}

# says FILE WORDS: the file holds these very words.
says() { grep -qF -e "$2" "$1" || fail "$1 does not say: $2"; }

# json FILE EXPRESSION: prints the value of a Python expression in which `j` is the file.
json() { python3 -c 'import json, math, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }

# holds FILE EXPRESSION: the expression is true.
holds() { [ "$(json "$1" "$2")" = True ] || fail "not so in $1: $2"; }

# weights RUN [OPTION...]: the hash of a run's last weights.
weights() {
    run=$1
    shift
    "$SONDE" eval "$run" --checkpoint last --json "$@" >weights.json || fail "sonde eval $run"
    json weights.json "j['weights']"
}

# A small network with everything that has a state: batch norm, dropout, Adam, a schedule; 120 steps an epoch on embedded digits.
small_yaml() {
    cat <<'END'
data: {name: strokes, batch: 16, strokes: {train: 400, test: 64}, validation: 80}
model:
  layers:
    - conv: {filters: 4, kernel: 3, stride: 2}
    - batch_norm
    - relu
    - maxpool: 2
    - flatten
    - dropout: 0.2
    - dense: 10
optimizer: {adam: {lr: 0.003}}
schedule: {cosine: {warmup: 10}}
train: {epochs: 10, seed: 3, log_steps: 5, checkpoint: {steps: 7}}
END
}
