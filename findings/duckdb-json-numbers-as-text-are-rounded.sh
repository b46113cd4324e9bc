#!/usr/bin/env bash
#
# Guess: read_json with a column of type VARCHAR or JSON keeps a number as it is
# spelled, which is why one would ask for it: to cast it later, exactly.
#
# Happens: the number goes through a double. 999999999.999999999 is the text
# 1000000000.0, in VARCHAR, in JSON, and from the operator ->>. With the type
# DECIMAL(18, 9) in the list of columns the same file reads exactly, and integers
# are exact as text too.
#
# With: PyPI duckdb 2.0.1.
#
# Output (2026-11-28):
#   as DECIMAL(18, 9): 999999999.999999999
#   as VARCHAR: 1000000000.0
#   as JSON: 1000000000.0
#   by ->>: 1000000000.0
#   an integer past 64 bits, as VARCHAR: 123456789012345678901
#   the same as HUGEINT: 123456789012345678901
#
# For an extract: amounts in JSON Lines that are loaded as text "to be safe" are
# rounded from 17 digits on. Name the type of each column when the file is read.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1

cd "$work"
echo '{"a": 999999999.999999999, "b": 123456789012345678901}' >t.jsonl
"$work/venv/bin/python" - <<'END'
import sys

import duckdb

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen}")
    if str(seen) != stated:
        failed = True
        print(f"  no longer as stated: {stated}", file=sys.stderr)


def read(column, kind):
    return duckdb.sql(f"SELECT {column} FROM read_json('t.jsonl', columns = {{{column}: '{kind}'}})").fetchall()[0][0]


expect("as DECIMAL(18, 9)", read("a", "DECIMAL(18, 9)"), "999999999.999999999")
expect("as VARCHAR", read("a", "VARCHAR"), "1000000000.0")
expect("as JSON", read("a", "JSON"), "1000000000.0")
expect("by ->>", duckdb.sql("""SELECT json ->> 'a' FROM read_json_objects('t.jsonl')""").fetchall()[0][0], "1000000000.0")
expect("an integer past 64 bits, as VARCHAR", read("b", "VARCHAR"), "123456789012345678901")
expect("the same as HUGEINT", read("b", "HUGEINT"), "123456789012345678901")

sys.exit(failed)
END
