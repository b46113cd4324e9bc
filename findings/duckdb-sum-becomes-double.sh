#!/usr/bin/env bash
#
# Guess: DuckDB's COPY … TO Parquet writes whole numbers as whole numbers, or
# refuses those for which Parquet has no type.
#
# Happens: HUGEINT, the type of sum() over bigint, is written as a DOUBLE,
# without a word. A sum of 9007199254740993 comes back as …992 while the same
# value cast to bigint comes back whole.
#
# With: PyPI duckdb 2.0.1, pyarrow 26.0.1.
#
# Output (2026-11-28):
#   type of sum(bigint): 'HUGEINT'
#   types in the file: ['double', 'int64']
#   values in the file: [9007199254740992.0, 9007199254740993]
#
# For an extract: totals written next to the data as its control sums are
# wrong beyond 2^53 when DuckDB writes them. Cast to DECIMAL(38, 0).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 pyarrow==26.0.1

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import duckdb
import pyarrow.parquet

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


source = "(VALUES (9007199254740992::BIGINT), (1::BIGINT)) AS t (a)"
expect("type of sum(bigint)", duckdb.sql(f"SELECT typeof(sum(a)) FROM {source}").fetchall()[0][0], "HUGEINT")
duckdb.sql(f"COPY (SELECT sum(a) AS plain, sum(a)::BIGINT AS cast FROM {source}) TO 't.parquet'")
table = pyarrow.parquet.read_table("t.parquet")
expect("types in the file", [str(field.type) for field in table.schema], ["double", "int64"])
expect("values in the file", [column[0].as_py() for column in table.columns], [9007199254740992.0, 9007199254740993])

sys.exit(failed)
END
