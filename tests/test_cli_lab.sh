# test_cli_lab.sh -- `sonde lab`: the list and each of its filters, running claims, what is kept, exit codes, the site; data that is gone.
. "$SONDE_SOURCE/tests/cli.sh"

# ids [OPTION...]: the ids that the list has with these options, in one line.
ids() {
    "$SONDE" lab list "$@" >out 2>err || fail "sonde lab list $*"
    cut -d ' ' -f 1 out | tr '\n' ' '
}

# The list: every claim once; each filter alone and together; in JSON.
expect 0 lab list
[ "$(wc -l <out)" -eq 22 ] || fail "22 claims are expected"
says out "not run"
[ "$(ids --lecture D1)" = "C01 C03 C10 " ] || fail "lecture D1"
[ "$(ids --lecture d1 --kind Theorem)" = "C01 C03 " ] || fail "lecture and kind"
[ "$(ids --kind construction)" = "C23 C30 C31 C39 " ] || fail "constructions"
[ -z "$(ids --verdict confirmed)" ] || fail "nothing has been run yet"
[ "$(ids --verdict 'not run' | wc -w)" -eq 22 ] || fail "nothing has been run yet"
expect 0 lab list --json --lecture D1
holds out "[c['id'] for c in j] == ['C01', 'C03', 'C10'] and all(c['parts'] and c['verdict'] is None for c in j)"
expect 2 lab list --lecture D7
says err "D0, D1, D2, D3 or D4 is wanted"
expect 2 lab list --kind lemma
says err "theorem, construction, arithmetic, measurement or opinion"
expect 2 lab list --verdict maybe
says err "NOT DECIDED, CONFIRMED, REFUTED or not run"

# Running: a verdict and its reason for each part; a line of JSON a claim; what is kept, and found again.
expect 0 lab run C10 c30 --expect
says out "C30  Parity"
says out "a  CONFIRMED"
expect 0 lab run C10 --seed 7 --seeds 40 --json
holds out "j['id'] == 'C10' and j['seed'] == 7 and j['repetitions'] == 40 and j['mode'] == 'quick' and bool(j['commit'] and j['machine'])"
holds out "all(p['verdict'] and p['reason'] and p['expected'] for p in j['parts']) and len(j['measurements']) > 3"
[ "$(wc -l <runs/lab/results.jsonl)" -eq 3 ] || fail "three results are kept"
[ "$(ids --verdict REFUTED | wc -w)" -ge 1 ] || fail "one of them is refuted"
[ "$(ids --verdict 'not run' | wc -w)" -eq 20 ] || fail "two claims were run"
expect 0 lab list --json
holds out "[c['id'] for c in j if c['verdict']] == ['C10', 'C30']"
expect 2 lab run
expect 2 lab run C30 C777
says err "there is no experiment for 'C777'"
expect 2 lab run C30 --quick --full
expect 2 lab runn
says err "did you mean 'run'?"

# Exit codes of --expect: with 40 repetitions no interval of C10 is narrow enough; two repetitions of C03 contradict the theory by chance.
expect 5 lab run C10 --seeds 40 --expect
says out "NOT DECIDED"
expect 4 lab run C03 C10 --seeds 2 --expect
says out "(expected: CONFIRMED)"
expect 0 lab run C03 --seeds 2

# The site: a page for every claim, run or not; links between them; the data of figures.
expect 2 lab report
expect 0 lab report site
for page in index C01 C10 C30 C122; do [ -s site/$page.html ] || fail "site/$page.html is missing"; done
[ -s site/C10-1.csv ] || fail "the figure of C10 has no data"
says site/index.html 'href="C01.html"'
says site/C01.html "not run"
says site/C30.html "sonde lab run C30 --quick --seed 1<"
says site/C03.html "sonde lab run C03 --quick --seed 1 --seeds 2<" # or it would not be the same again
says site/C30.html "D3 (Ruderman 2014) and D4 (Herman, KTH)"
expect 1 lab report other --results none.jsonl
says err "sonde lab run all"
expect 1 lab report site/index.html
says err "Not a directory"

# Data that is gone: a quick run says what it took instead, a full one what to do; --data-dir finds what lies elsewhere.
(
    unset SONDE_DATA
    HOME=$here
    export HOME
    expect 0 lab run C94 --seeds 2 --json
    holds out "'mnist is not on this machine' in j['notes'][0] and 'SONDE_DATA' in j['notes'][0]"
    expect 0 lab run C99 --full --seeds 2
    says out "is not on this machine"
    says out "--data-dir DIR, or SONDE_DATA, names the folder that holds"
    python3 - <<'END2'
import os, random, struct
random.seed(1)
os.makedirs("sets/mnist")
for part, n in (("train", 4100), ("t10k", 100)):
    pixels = bytes(random.randrange(256) for i in range(n * 784))
    open("sets/mnist/%s-images-idx3-ubyte" % part, "wb").write(struct.pack(">IIII", 0x803, n, 28, 28) + pixels)
    open("sets/mnist/%s-labels-idx1-ubyte" % part, "wb").write(struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))
END2
    expect 0 lab run C94 --seeds 2 --data-dir sets --json
    holds out "j['notes'][0] == 'The digits are those of mnist.'"
)
