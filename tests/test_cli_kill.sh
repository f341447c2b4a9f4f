# test_cli_kill.sh -- a run killed with SIGKILL at ten random moments and resumed each time ends with the weights of one never touched.
. "$SONDE_SOURCE/tests/cli.sh"

small_yaml >small.yaml
steps=1500
"$SONDE" train small.yaml --out whole --quiet --set train.epochs=75 >out 2>err || fail "the whole run"
seed=${SONDE_SEED:-1}
echo "SONDE_SEED=$seed"
"$SONDE" train small.yaml --out torn --quiet --set train.epochs=75 >out 2>err &
process=$!
kills=0
while [ $kills -lt 10 ]; do
    # until it has gone on by a random number of lines of metrics, so that fast and slow machines are hit at comparable places
    seed=$(((seed * 16807 + kills) % 2147483647))
    before=$(cat torn/metrics.jsonl 2>/dev/null | wc -l)
    waits=0
    while kill -0 $process 2>/dev/null && [ $waits -lt 600 ]; do
        lines=$(cat torn/metrics.jsonl 2>/dev/null | wc -l)
        [ "$lines" -lt $((before + 1 + seed % 20)) ] || break
        waits=$((waits + 1))
        sleep 0.01
    done
    if ! kill -KILL $process 2>/dev/null; then
        wait $process || fail "the run ended with an error after $kills kills"
        break
    fi
    wait $process 2>/dev/null || :
    kills=$((kills + 1))
    [ -e torn/config.yaml ] || fail "killed before the run began"
    "$SONDE" train --resume torn --quiet >out 2>err &
    process=$!
done
wait $process || fail "the last part ended with an error"
[ $kills -ge 5 ] || fail "only $kills kills hit the run while it was going on"
[ "$(weights torn)" = "$(weights whole)" ] || fail "after $kills kills the weights differ"
python3 - $steps <<'END' || fail "the metrics of the two runs differ"
import json, sys
def lines(run):
    out = []
    for line in open(run + "/metrics.jsonl"):
        one = json.loads(line)
        one.pop("seconds", 0)
        one.pop("samples_per_second", 0)
        out.append(one)
    return out
a, b = lines("whole"), lines("torn")
assert a == b, next((x, y) for x, y in zip(a, b) if x != y)
assert a[-1]["step"] == int(sys.argv[1])
END
echo "$kills kills"
