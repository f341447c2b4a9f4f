#!/bin/sh
# release only
# test_bench.sh -- the benchmark's harness: what ./dev bench writes has the fields it promises, and the steps of a profile add up.
set -eu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The driver, ours alone, as short as it goes.
"$SONDE_SOURCE/bench/run" --quick --ours --rows mlp-small/train,mlp/infer --build "$SONDE_BUILD" --out "$out" --wait 0 --repeats 2 --drop 2 \
    --seconds 0.02 --any-machine 2>"$out/log" || { cat "$out/log"; exit 1; }
python3 - "$out" <<'END'
import json, os, sys
rows = json.load(open(sys.argv[1] + "/results.json"))
keys = {"model", "batch", "precision", "task", "ours_ms", "peer", "peer_ms", "ratio", "bound_ms", "percent_of_bound"}
assert [(r["model"], r["task"], r["batch"]) for r in rows] == [("mlp-small", "train", 32), ("mlp", "infer", 1)], rows
for row in rows:
    assert keys <= row.keys(), keys - row.keys()
    assert row["precision"] == "fp32" and row["peer"] is None
    assert row["ours_ms"] > 0 and row["ours_best_ms"] <= row["ours_ms"]
    # nothing is faster than its bound; the rest is for a probe taken while others were at work
    assert 0 < row["percent_of_bound"] < 130, row
    assert 0 <= row["handover_ns"] < 1e4 and 0 <= row["handover_after_ns"] < 1e4, row
    assert 0.3 < row["cores"] < 1.3 * os.cpu_count(), row
    # a mean is no better than the best
    assert row["task"] != "infer" or 0 < row["best_read_ms"] <= row["read_ms"], row
text = open(sys.argv[1] + "/results.md").read()
for words in ("commit", "cycles an instruction", "AMX", "mlp-small", "% of bound"):
    assert words in text, words
END

# A machine beside others may spoil a run of a millisecond, not every one of several tries.
for try in 1 2 3 4 5; do
    "$SONDE" profile lenet --batch 16 --runs 12 --json >"$out/profile"
    python3 - "$out/profile" <<'END' && exit 0
import json, os, sys
p = json.load(open(sys.argv[1]))
total = sum(s["seconds"] for s in p["steps"])
assert abs(total - p["steps_seconds"]) < 1e-9 + 1e-6 * total
for s in p["steps"]:
    assert {"layer", "op", "kernel", "provider", "seconds", "flops", "bytes", "percent"} <= s.keys()
assert abs(sum(s["flops"] for s in p["steps"]) - p["flops"]) <= 1e-6 * p["flops"]
print(f"steps {1e3 * total:.3f} ms, run {1e3 * p['seconds']:.3f} ms")
handover = p["probe"]["handover"]
print(f"a cache line takes {1e9 * handover:.0f} ns from core to core")
sys.exit(abs(total / p["seconds"] - 1) > 0.05 or (p["threads"] > 1 and not 1e-9 < handover < 1e-5))
END
done
echo "the steps of five profiles did not add up to the time of a run within 5 %, or no cache line went from core to core"
exit 1
