#!/usr/bin/env bash
#
# Guess: TIME '24:00:00', which PostgreSQL and DuckDB both know, reaches every
# reader of a Parquet file as itself or as an error.
#
# Happens: DuckDB writes 86400000000 microseconds and reads them back as
# 24:00:00; fastparquet gives one day; pyarrow's to_pylist gives 00:00:00, the
# other end of the day; polars gives null, with no error even though the
# file's statistics say that there is none.
#
# With: PyPI duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1, fastparquet 2026.9.0.
#
# Output (2026-11-28):
#   stored: [86400000000]
#   nulls by the statistics: 0
#   duckdb: '24:00:00'
#   fastparquet: '1 days 00:00:00'
#   pyarrow: '00:00:00'
#   polars: [None]
#
# For an extract: a row count and a null count that match on one reader do not
# on another. Refuse or clamp the value before it is written.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1 fastparquet==2026.9.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import duckdb
import fastparquet
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


duckdb.sql("COPY (SELECT TIME '24:00:00' AS t) TO 't.parquet'")
table = pyarrow.parquet.read_table("t.parquet")
expect("stored", table["t"].cast(pyarrow.int64()).to_pylist(), [86400000000])
statistics = pyarrow.parquet.ParquetFile("t.parquet").metadata.row_group(0).column(0).statistics
expect("nulls by the statistics", statistics.null_count, 0)
expect("duckdb", str(duckdb.sql("SELECT t FROM 't.parquet'").fetchall()[0][0]), "24:00:00")
expect("fastparquet", str(fastparquet.ParquetFile("t.parquet").to_pandas()["t"][0]), "1 days 00:00:00")
expect("pyarrow", str(table["t"].to_pylist()[0]), "00:00:00")
expect("polars", polars.read_parquet("t.parquet")["t"].to_list(), [None])

sys.exit(failed)
END
