"""Every block that a document marks `c excerpt FILE` stands in that file, line for line."""
import os
import re
import sys
from pathlib import Path

source = Path(os.environ.get("SONDE_SOURCE", Path(__file__).resolve().parent.parent))
shown = 0
stale = []
for document in sorted((source / "docs").glob("*.md")):
    for path, text in re.findall(r"^```c excerpt (\S+)\n(.*?)^```$", document.read_text(), re.M | re.S):
        shown += 1
        if "\n" + text not in "\n" + (source / path).read_text():
            stale.append(f"{document.name}: this is not (or no longer) in {path}:\n{text}")
print("\n".join(stale) or f"{shown} excerpts agree with their sources")
sys.exit(bool(stale) or shown < 8)
