# test_cli_why.sh -- `sonde why`: page one and a section for each instrument in one file that stands alone; a budget; and runs that are
# odd: numbers to predict, one class, a table without pictures, damaged weights, an untrained run, no ReLU, data that is gone.
. "$SONDE_SOURCE/tests/cli.sh"
python3 - <<'END'
import random
random.seed(2)
with open("points.csv", "w") as classes, open("line.csv", "w") as line, open("same.csv", "w") as same:
    classes.write("a,b,c,kind\n")
    same.write("a,b,c,kind\n")
    line.write("a,b,c,t\n")
    for _ in range(150):
        x = [random.gauss(0, 1) for _ in range(3)]
        text = ",".join("%.5f" % v for v in x)
        classes.write("%s,%s\n" % (text, "yes" if x[0] + x[1] > 0 else "no"))
        same.write("%s,yes\n" % text)
        line.write("%s,%.5f\n" % (text, x[0] - x[2]))
END
yaml() {
    cat <<END
data: {csv: {train: $1.csv, $2}, batch: 20, normalize: none, validation: 0.2}
model: {layers: [{dense: 6}, $3, {dense: $4}]}
loss: $5
optimizer: {momentum: {lr: 0.05, momentum: 0.8}}
train: {epochs: $6, seed: 1}
END
}

# Every instrument has a section, or a reason; nothing comes from outside; the run stays as it was.
every_section() {
    for section in overview signal linear regions curvature attribution; do
        says "$1/report.html" "<section id=\"$section\">"
    done
    says "$1/report.html" '<details id="folded">'
    ! grep -qE '(src|href)="?https?:' "$1/report.html" || fail "$1: the page asks for something from outside"
}

small_yaml >drawn.yaml
expect 0 train drawn.yaml --set train.epochs=2 --out drawn --quiet
before=$(find drawn -type f -exec sha256sum {} + | sort)
expect 0 why drawn
every_section drawn
says out "report: drawn/report.html"
says out "to try"
says err "[1/6] signal"
says err "[6/6]"
says err " left"
[ -s drawn/report/linear-accuracies.csv ] || fail "a figure's data is missing"
[ "$(find drawn -type f ! -path '*/report*' -exec sha256sum {} + | sort)" = "$before" ] || fail "the run is not as it was"
! grep -q "Not measured" drawn/report.html || fail "something was not measured"

# The JSON holds the same numbers; the same seed gives the same report.
expect 0 why drawn --json
cp out json
holds json "[s['instrument'] for s in j['sections']] == ['signal', 'linear', 'regions', 'curvature', 'attribution']"
holds json "j['run'] == 'drawn' and j['effort'] == 'quick' and all('found' in s for s in j['sections'])"
holds json "len(j['overview']['found']['overview']['rows']) >= 10"
expect 0 why drawn --json
holds out "(lambda k: [dict(s, seconds=0) for s in j['sections']] == [dict(s, seconds=0) for s in k['sections']] and j['overview'] == k['overview'])(json.load(open('json')))"

# A budget drops from the end, and says so; page one stays.
expect 0 why drawn --budget 0.0001 --json
cp out json
holds json "all('budget' in s['reason'] for s in j['sections']) and len(j['sections']) == 5"
holds json "'found' in j['overview'] and len(j['overview']['found']['overview']['rows']) >= 8"
says drawn/report.html "the budget of 0.0001 seconds was used up"
expect 0 why drawn --budget 1e6 --json
holds out "all('found' in s for s in j['sections'])"

# A checkpoint inside a run; weights before training.
expect 0 why drawn/checkpoints/last.safetensors --budget 0.0001
says out "report: drawn/report.html"

# Numbers to predict.
yaml line 'targets: [t]' relu 1 mse 3 >line.yaml
expect 0 train line.yaml --out line --quiet
expect 0 why line
every_section line
says out "R^2"

# A table, two classes, no ReLU: regions do not apply, no pictures.
yaml points 'label: kind' tanh 2 cross_entropy 3 >points.yaml
expect 0 train points.yaml --out points --quiet
expect 0 why points
every_section points
says out "regions: not measured: linear regions do not apply: layer tanh1 has tanh"
! grep -q '<img' points/report.html || fail "a table has no pictures"

# One class.
yaml same 'label: kind' relu 1 cross_entropy 1 >same.yaml
expect 0 train same.yaml --out same --quiet
expect 0 why same
every_section same
says out "score         100.00 % right"
expect 0 eval same --part validation
says out "accuracy 100.00 %"
expect 0 predict same.csv --run same
[ "$(cut -f 2- out | sort -u)" = "yes	1.0000" ] || fail "of a single class there is one answer"

# Untrained: as good as a rate of 0 makes it.
expect 0 train points.yaml --set optimizer.momentum.lr=1e-30 --set train.epochs=1 --out still --quiet
expect 0 why still
every_section still
tr -s ' \n' ' ' <out >flat
says flat "But for rounding, they are those before training."
says flat "Find out why nothing was learned, the step size (now 1e-30) first"
says flat "training labels, of which the network has learned none"
says still/report.html "run and control are the same network"
! grep -q "run and control are the same network" points/report.html || fail "a trained run is not its own control"

# Weights that were changed behind its back are refused. (test_overview has those that are not finite.)
cp -r points broken
python3 - broken/checkpoints/*.safetensors <<'END'
import sys
for path in sys.argv[1:]:
    data = bytearray(open(path, "rb").read())
    data[-4:] = b"\0\0\xc0\x7f" # NaN
    open(path, "wb").write(data)
END
expect 1 why broken
says err "damaged"

# Mistakes.
expect 2 why drawn --quick --full
expect 2 why drawn --budget 0
expect 2 why drawn --budget soon
says err "seconds"
expect 1 why nowhere
mkdir elsewhere
cd elsewhere
expect 2 why
says err "run"
cd ..

# Data that is gone: what is missing, and what would be right; and that it is.
mkdir moved
mv points.csv moved/points.csv
expect 1 why points
says err "no file $here/points.csv; --data-dir DIR names a folder that has it"
expect 0 why points --data-dir moved --budget 0.0001
says out "report: points/report.html"
