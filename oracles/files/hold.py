"""Holds what a reader found to what it should have: hold.py READER FOLDER FOUND KNOWN

Each difference is a line: format, column, row, and what was found there; "all"
stands for every column or every row. A difference that only some files of a
format have names them, by how their names begin where that is enough. KNOWN lists those that are the reader's own fault, with
the reason on the lines with # above them, and must list no other.
"""

import json
import pathlib
import sys

import values


def differences(columns, rows, found):
    """Returns the lines of one file."""
    if "error" in found:
        return {("all", "all", found["error"])}
    lines = set()
    form = found["form"]
    for column in columns:
        got = found["columns"].get(column["name"])
        if got is None:
            lines.add((column["name"], "all", "nothing"))
            continue
        if isinstance(got, str):
            lines.add((column["name"], "all", got))
            continue
        if len(got) != rows:
            lines.add((column["name"], "all", f"{len(got)} rows"))
            continue
        kind = values.kind(form, column)
        for row, want in enumerate(column["Want"]):
            if got[row] != want:
                lines.add((column["name"], str(row + 1), repr(got[row]) if got[row] is not None else "NULL"))
    return lines


def form_of(file):
    return next(form for form in ("csv", "jsonl", "parquet") if form in file)


def raw(form, entry, columns):
    """Returns the values of a reader that is not written in Python."""
    if entry["column"] not in columns:
        return "is not in the file"
    return [values.canonical(values.kind(form, columns[entry["column"]]), value) for value in entry["raw"]]


def main(reader, folder, found, known):
    described = json.loads((pathlib.Path(folder) / "expected.json").read_text())
    files = {}
    columns = {column["name"]: column for column in described}
    for line in pathlib.Path(found).read_text().split("\n"):
        if not line:
            continue
        entry = json.loads(line)
        form = form_of(entry["file"])
        file = files.setdefault(entry["file"], {"columns": {}})
        if "column" not in entry:
            file["error"] = entry["error"]
        else:
            file["columns"][entry["column"]] = entry.get("values") or entry.get("error") or raw(form, entry, columns)
    seen = {}
    read = {}
    for name, file in files.items():
        form = file["form"] = form_of(name)
        asked = [
            {**c, "Want": [values.canonical(values.kind(form, c), v) for v in c["want"][form]]} for c in described
            if c["narrow"] or not name.startswith("narrow")
        ]
        read.setdefault(form, set()).add(name)
        for line in differences(asked, len(asked[0]["Want"]), file):
            seen.setdefault((form, *line), set()).add(name)
    lines = set()
    for (form, *line), names in seen.items():
        where = form if names == read[form] else ", ".join(sorted(names))
        for family in {name.split(".")[0].split("-")[0] for name in read[form]}:
            if names == {name for name in read[form] if name.startswith(family)} != read[form]:
                where = f"{form} {family}"
        lines.add("\t".join([where, *(part.replace("\t", "\\t").replace("\n", "\\n") for part in line)]))
    listed = set()
    if pathlib.Path(known).exists():
        listed = {line for line in pathlib.Path(known).read_text().splitlines() if line and not line.startswith("#")}
    for line in sorted(lines - listed):
        print(f"{reader}: differs:\t{line}")
    for line in sorted(listed - lines):
        print(f"{reader}: does not differ any more, take it off the list:\t{line}")
    print(f"{reader}: {', '.join(f'{len(names)} files of {form}' for form, names in sorted(read.items()))}; {len(listed)} known differences")
    return lines != listed or not files

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
