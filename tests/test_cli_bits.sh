# test_cli_bits.sh -- weights after 200 steps are the same for 1 to 4 threads, prefetched or not, whatever the debug level.
. "$SONDE_SOURCE/tests/cli.sh"

small_yaml >small.yaml
"$SONDE" train small.yaml --out r1 --threads 1 --quiet >out 2>err || fail "one thread"
hash=$(weights r1)
grep -q '"step":200' r1/metrics.jsonl || fail "these are not 200 steps"
same() { [ "$(weights "$1")" = "$hash" ] || fail "$2: other weights"; }
for threads in 2 3 4; do
    "$SONDE" train small.yaml --out r$threads --threads $threads --quiet >out 2>err || fail "$threads threads"
    same r$threads "$threads threads"
done
"$SONDE" train small.yaml --out unfetched --set data.prefetch=false --quiet >out 2>err || fail "no prefetch"
same unfetched "data.prefetch=false"
for level in 1 3 5; do
    SONDE_DEBUG=$level "$SONDE" train small.yaml --out debug$level --quiet >out 2>err || fail "SONDE_DEBUG=$level"
    same debug$level "SONDE_DEBUG=$level"
    [ -s err ] || fail "SONDE_DEBUG=$level prints nothing"
done
"$SONDE" train small.yaml --out other --set train.seed=4 --quiet >out 2>err || fail "another seed"
[ "$(weights other)" != "$hash" ] || fail "another seed, but equal weights: the hash says nothing"
