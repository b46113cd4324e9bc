#!/usr/bin/env bash
#
# Guess: a reader whose decimals end at 38 digits refuses a Parquet column of
# DECIMAL(39, 2), or gives it as text or bytes.
#
# Happens: DuckDB reads it as DOUBLE and rounds, for a value of four digits as
# for one of 37, with no error or warning. One digit of precision less, and
# the column is exact. polars refuses the file.
#
# With: PyPI duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1.
#
# Output (2026-11-28):
#   duckdb, decimal(38, 2): ('DECIMAL(38,2)', '1234567890123456789.01')
#   duckdb, decimal(39, 2): ('DOUBLE', '1.2345678901234568e+18')
#   polars, decimal(39, 2): 'InvalidOperationError'
#
# For an extract: checking a written file with DuckDB hides or makes
# differences in columns wider than 38 digits, which PostgreSQL's numeric(39,
# 2) gives at once. Look at the type DuckDB binds, not only at the values.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import decimal
import sys

import duckdb
import polars
import pyarrow
import pyarrow.parquet

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


value = decimal.Decimal("1234567890123456789.01")
for precision, kind, stated in (
    (38, pyarrow.decimal128, ("DECIMAL(38,2)", "1234567890123456789.01")),
    (39, pyarrow.decimal256, ("DOUBLE", "1.2345678901234568e+18")),
):
    pyarrow.parquet.write_table(pyarrow.table({"a": pyarrow.array([value], kind(precision, 2))}), "t.parquet")
    [(seen, read)] = duckdb.sql("SELECT typeof(a), a FROM 't.parquet'").fetchall()
    expect(f"duckdb, decimal({precision}, 2)", (seen, str(read)), stated)
try:
    polars.read_parquet("t.parquet")
    refused = None
except polars.exceptions.PolarsError as err:
    refused = type(err).__name__
expect("polars, decimal(39, 2)", refused, "InvalidOperationError")

sys.exit(failed)
END
