# accuracy.sh -- sourced by slow_accuracy.sh and soak_accuracy.sh: train an example, and compare its test accuracy with a floor.

# data_or_skip FOLDER: real data, or exit 77 (in CI a missing set is a failure).
data_or_skip() {
    if [ -d "${SONDE_DATA:-/nonexistent}/$1" ]; then return; fi
    echo "skipped: \$SONDE_DATA has no $1"
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

# field NAME FILE: a number of the last line of JSON that has it.
field() { sed -n 's/.*"'"$1"'":\([-0-9.e+]*\).*/\1/p' "$2" | tail -n 1; }

# train NAME EXAMPLE [OPTION]...: leaves the run in $scratch/NAME.
train() {
    run=$1 example=$2
    shift 2
    "$SONDE" train "$SONDE_SOURCE/examples/$example.yaml" --quiet --out "$scratch/$run" "$@" >"$scratch/$run.log" 2>&1 ||
        { cat "$scratch/$run.log"; exit 1; }
}

# at_least VALUE FLOOR WHAT
at_least() {
    echo "$3: $1, floor $2"
    awk -v value="$1" -v floor="$2" 'BEGIN { exit !(value >= floor) }' || { echo "$3 is below its floor"; exit 1; }
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
