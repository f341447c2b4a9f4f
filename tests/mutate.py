"""mutate.py MUTANTS.tsv NUMBER SOURCE_DIR OUT.c -- writes the claim of row NUMBER with its fault planted; fails unless the text occurs once."""
import sys

table, number, source, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
rows = [line.rstrip("\n").split("\t") for line in open(table, encoding="utf-8") if not line.startswith("#")]
claim, sort, old, new = rows[number]
path = f"{source}/src/lab/claims/{claim}.c"
text = open(path, encoding="utf-8").read()
if text.count(old) != 1:
    sys.exit(f"{table}, {claim}, {sort}: the text occurs {text.count(old)} times in {path}; it should occur once: {old}")
text = text.replace(old, new).replace(f"sd__claim_{claim}", f"sd__mutant_{number}")
open(out, "w", encoding="utf-8").write(text)
