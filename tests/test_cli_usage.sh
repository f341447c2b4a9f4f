# test_cli_usage.sh -- mistakes on the command line: exit code 2, what is wrong, and the nearest name; and that help is there.
. "$SONDE_SOURCE/tests/cli.sh"

expect 2
says out "usage: sonde COMMAND"
expect 0 --version
grep -Eqx 'sonde [0-9]+\.[0-9]+\.[0-9]+' out || fail "sonde --version"
expect 0 --help
cp out overview
expect 0 help
cmp -s out overview || fail "sonde help and sonde --help differ"

for command in $(awk '/^commands:/ { on = 1; next } /^[^ ]/ { on = 0 } on && NF { print $1 }' overview); do
    expect 0 help "$command"
    says out "usage: sonde $command"
    cp out page
    expect 0 "$command" --help
    cmp -s out page || fail "sonde help $command and sonde $command --help differ"
done
expect 0 help yaml
for key in batch normalize validation epochs seed early_stopping adam cosine conv dropout; do says out "$key"; done

expect 2 trian
says err "did you mean 'train'?"
expect 2 --jsno
expect 2 help trian
says err "did you mean 'train'?"
expect 2 eval --jsno
says err "did you mean --json?"
expect 2 train file.yaml --seed
says err "--seed needs a value"
expect 2 train file.yaml --seed x
says err "whole number"
expect 2 train file.yaml --seed 1 --seed 2
says err "given twice"
expect 2 train file.yaml --threads 0
expect 2 train file.yaml --json=yes
says err "takes no value"
expect 2 train one.yaml two.yaml
says err "one argument too many"
expect 2 train
says err "sonde new"
expect 2 train file.yaml --resume runs/last
expect 2 train --resume runs/last --out elsewhere
expect 2 eval
says err "no runs/last here"
expect 2 predict
expect 2 data
expect 2 data lst
says err "did you mean 'list'?"
expect 2 data info mnits
says err "mnist"
expect 2 new

expect 1 train no-such-file.yaml
says err "no-such-file.yaml"
expect 1 eval no-such-run
expect 1 info lenett
says err "did you mean 'lenet'?"
expect 1 replay .
expect 1 train --resume .
says err "is not a run folder"

# A missing data set: what to type.
echo 'data: mnist
model: {layers: [flatten, dense: classes]}' >mnist.yaml
code=0
env -u SONDE_DATA HOME="$here" "$SONDE" train mnist.yaml >out 2>err || code=$?
[ $code -eq 1 ] || fail "training without data: exit code $code"
says err "sonde data fetch mnist"
[ ! -e runs ] || [ -z "$(ls runs)" ] || fail "a run folder was left behind"

# new: what it writes can be trained, and is not written over.
expect 0 new first.yaml
expect 1 new first.yaml
says err "--force"
expect 0 new first.yaml --force
expect 0 new -
cmp -s out first.yaml || fail "sonde new - differs from sonde new FILE"
expect 0 info first.yaml --json
holds out "j['parameters'] == 5*5*16+16 + 5*5*16*32+32 + 7*7*32*128+128 + 128*10+10"
expect 0 train first.yaml --set data.strokes.train=200 --set data.strokes.test=32 --set train.epochs=1 --json
holds out "j['steps'] == 2"
