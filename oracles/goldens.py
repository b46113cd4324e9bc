"""The statements that a warehouse is sent, from the golden files of the tests."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent


def scripts(warehouse):
    """Returns the statements of each golden file, in their order, by the file's name."""
    found = {}
    for file in sorted((ROOT / "shared" / "warehouse" / warehouse / "testdata").glob("*.sql")):
        text = re.sub(r"(?m)^-- .*\n", "", file.read_text())
        found[file.stem] = [s for s in (part.strip() for part in text.split(";\n")) if s]
    if len(found) < 40:
        raise SystemExit(f"{warehouse} has {len(found)} golden files, not 40 or more")
    return found


def statements(warehouse):
    """Returns every statement once, with the name of a file that has it."""
    found = {}
    for name, script in scripts(warehouse).items():
        for sql in script:
            found.setdefault(sql, name)
    return found
