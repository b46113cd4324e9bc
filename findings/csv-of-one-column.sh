#!/usr/bin/env bash
#
# Guess: a CSV of one column that PostgreSQL's COPY writes, where null is an
# empty line and the empty string is "", has as many rows for every reader,
# and at worst null and empty are one.
#
# Happens: three readers with their usual settings, three answers. polars
# keeps both apart. DuckDB makes both null, the quoted one too. pyarrow keeps
# the empty string and leaves the null's row out, so that the row count
# shrinks; with a second column the row is there.
#
# With: PyPI duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1.
#
# Output (2026-11-28):
#   polars: ['a', None, '', 'b']
#   duckdb: ['a', None, None, 'b']
#   pyarrow: ['a', '', 'b']
#   pyarrow, of two columns: ['a', None, '', 'b']
#
# For an extract: counting rows with a CSV reader to check a file fails for
# tables of one nullable column, and only for those. Write null as something,
# or count with ignore_empty_lines=False.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1

cd "$work"
"$work/venv/bin/python" - <<'END'
import pathlib
import sys

import duckdb
import polars
import pyarrow.csv

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


# As COPY (VALUES ('a'), (NULL), (''), ('b')) TO STDOUT (FORMAT csv, HEADER) writes it.
pathlib.Path("one.csv").write_text('column1\na\n\n""\nb\n')
pathlib.Path("two.csv").write_text('column1,column2\na,1\n,1\n"",1\nb,1\n')
null = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
expect("polars", polars.read_csv("one.csv")["column1"].to_list(), ["a", None, "", "b"])
expect("duckdb", [a for (a,) in duckdb.sql("FROM read_csv('one.csv', header = true)").fetchall()], ["a", None, None, "b"])
expect("pyarrow", pyarrow.csv.read_csv("one.csv", convert_options=null)["column1"].to_pylist(), ["a", "", "b"])
expect("pyarrow, of two columns", pyarrow.csv.read_csv("two.csv", convert_options=null)["column1"].to_pylist(), ["a", None, "", "b"])

sys.exit(failed)
END
