#!/usr/bin/env bash
#
# Guess: DuckDB, which knows 'infinity' as PostgreSQL does, refuses to write
# it to Parquet, whose timestamps have none, or writes null.
#
# Happens: it writes the largest 64-bit number for the timestamp and the
# largest 32-bit one for the date. DuckDB itself reads both back as infinity;
# for every other reader they are ordinary values, the timestamp in the year
# 294247 and the date in the year 5881580, and -infinity is one less far than
# the smallest number.
#
# With: PyPI duckdb 2.0.1, pyarrow 26.0.1.
#
# Output (2026-11-28):
#   timestamps stored: [9223372036854775807, -9223372036854775807]
#   dates stored: [2147483647, -2147483647]
#   read by duckdb: [('infinity', 'infinity'), ('-infinity', '-infinity')]
#   year of the maximum: 294247
#
# For an extract: a test that writes and reads with DuckDB passes while every
# warehouse gets a date that it cannot hold or that it takes at face value.
# Decide about infinity before the file is written.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 pyarrow==26.0.1

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import duckdb
import pyarrow
import pyarrow.parquet

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


duckdb.sql("""
    COPY (SELECT a::TIMESTAMP AS t, a::DATE AS d FROM (VALUES ('infinity'), ('-infinity')) AS v (a))
    TO 't.parquet'""")
table = pyarrow.parquet.read_table("t.parquet")
expect("timestamps stored", table["t"].cast(pyarrow.int64()).to_pylist(), [9223372036854775807, -9223372036854775807])
expect("dates stored", table["d"].cast(pyarrow.int32()).to_pylist(), [2147483647, -2147483647])
expect("read by duckdb", duckdb.sql("SELECT t::VARCHAR, d::VARCHAR FROM 't.parquet'").fetchall(),
       [("infinity", "infinity"), ("-infinity", "-infinity")])
expect("year of the maximum", 1970 + 9223372036854775807 // (31556952 * 1000000), 294247)

sys.exit(failed)
END
