# soak_accuracy.sh -- the accuracies that sonde promises: median of seeds 1, 2, 3, last epoch, all of the training part used.
# SONDE_RECORD=1 keeps each run's metrics.jsonl, and a table with commit and machine, under bench/runs/.
set -eu
. "$SONDE_SOURCE/tests/accuracy.sh"
data_or_skip mnist
data_or_skip fashion-mnist
keep=$SONDE_SOURCE/bench/runs
machine=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
table=$scratch/accuracy.md
cat >"$table" <<END
# Test accuracy, all of the training part, last epoch

Commit $(git -C "$SONDE_SOURCE" rev-parse --short HEAD 2>/dev/null || echo unknown), $(date -u +%Y-%m-%d), $machine, $(nproc) cores.
Again with \`SONDE_RECORD=1 ./dev soak\`; each run's metrics lie beside this table.

| network | data | seed 1 | seed 2 | seed 3 | median | promised |
|---|---|---|---|---|---|---|
END

# promise EXAMPLE DATA FLOOR
promise() {
    for seed in 1 2 3; do
        train "$1-$2-$seed" "$1" --set data.name="$2" --set data.validation=0 --seed $seed
        field test_accuracy "$scratch/$1-$2-$seed/metrics.jsonl" >>"$scratch/$1-$2"
        if [ "${SONDE_RECORD:-}" = 1 ]; then
            mkdir -p "$keep"
            cp "$scratch/$1-$2-$seed/metrics.jsonl" "$keep/$1-$2-seed$seed.jsonl"
        fi
    done
    median=$(sort -n "$scratch/$1-$2" | sed -n 2p)
    printf '| %s | %s |%s %.4f | %s |\n' "$1" "$2" "$(awk '{ printf " %.4f |", $1 }' "$scratch/$1-$2")" "$median" "$3" >>"$table"
    echo "$median $3 $1 on $2" >>"$scratch/medians"
}

promise mnist-mlp mnist 0.978
promise mnist-mlp fashion-mnist 0.875
promise mnist-lenet mnist 0.991
promise mnist-lenet fashion-mnist 0.905
cat "$table"
[ "${SONDE_RECORD:-}" != 1 ] || cp "$table" "$keep/accuracy.md"
while read -r median floor what; do at_least "$median" "$floor" "$what, median"; done <"$scratch/medians"
