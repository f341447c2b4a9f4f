# test_docs.sh -- what the documents show works: shell blocks marked `sh run` are executed in order in a scratch folder, C blocks
# marked `c program` are built against the library and run. $SONDE is the command, $SONDE_BUILD the build folder.
# release only
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin"
ln -s "$SONDE" "$scratch/bin/sonde"
ln -s "$SONDE_SOURCE/examples" "$scratch/examples"
PATH=$scratch/bin:$PATH
export PATH

# blocks FILE KIND: writes each block of that kind to scratch/block.N, prints how many there are.
blocks() {
    rm -f "$scratch"/block.*
    awk -v kind="$2" -v out="$scratch/block." '
        /^```/ { if (on) { on = 0; next } on = ($0 == "```" kind); if (on) { n++; file = out n; printf "" > file } next }
        on { print > file }
        END { print n + 0 }' "$1"
}

shown=0
for document in "$SONDE_SOURCE"/README.md "$SONDE_SOURCE"/docs/*.md; do
    name=$(basename "$document")
    count=$(blocks "$document" "c program")
    for n in $(seq 1 "$count"); do
        mv "$scratch/block.$n" "$scratch/block.c"
        cc -std=c99 -Wall -Wextra -I"$SONDE_SOURCE/include" "$scratch/block.c" -o "$scratch/program" \
            -L"$SONDE_BUILD" -lsonde -Wl,-rpath,"$SONDE_BUILD" -lm
        (cd "$scratch" && ./program >"$scratch/output") || { cat "$scratch/output"; echo "$name: C block $n failed"; exit 1; }
        shown=$((shown + 1))
    done
    count=$(blocks "$document" "sh run")
    for n in $(seq 1 "$count"); do
        (cd "$scratch" && sh -eu "$scratch/block.$n" >"$scratch/output" 2>&1) ||
            { cat "$scratch/output"; echo "$name: shell block $n failed:"; cat "$scratch/block.$n"; exit 1; }
        shown=$((shown + 1))
    done
done
echo "$shown blocks of the documents work"
[ "$shown" -ge 3 ]
