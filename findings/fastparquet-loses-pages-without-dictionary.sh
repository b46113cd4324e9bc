#!/usr/bin/env bash
#
# Guess: a column whose dictionary grows too large, which every writer then goes
# on to write as plain pages, reads back whole: the format describes it, and it
# is what pyarrow does by default past 1 MiB.
#
# Happens: fastparquet reads the rows of the pages behind the dictionary's as
# None, without a word. The number of rows is right, and the file's statistics
# say that there is no NULL.
#
# With: PyPI fastparquet 2026.9.0, pyarrow 26.0.1 (to write the file, with its
# defaults but for a smaller page), polars 2.1.0.
#
# Output (2026-11-28):
#   encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY']
#   NULLs by the statistics: 0
#   polars: 20000 rows, 0 None
#   fastparquet: 20000 rows, many None: True
#
# For an extract: wide, mostly distinct texts come out as NULL in one reader and
# whole in the others. Compare counts of NULLs, not of rows; or write without
# dictionaries for this reader.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install fastparquet==2026.9.0 pyarrow==26.0.1 polars==2.1.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import fastparquet
import polars
import pyarrow
import pyarrow.parquet

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated}", file=sys.stderr)


texts = [f"{n:0100d}" for n in range(20000)]
pyarrow.parquet.write_table(pyarrow.table({"t": texts}), "t.parquet", data_page_size=65536)
chunk = pyarrow.parquet.ParquetFile("t.parquet").metadata.row_group(0).column(0)
expect("encodings", sorted(chunk.encodings), ["PLAIN", "RLE", "RLE_DICTIONARY"])
expect("NULLs by the statistics", chunk.statistics.null_count, 0)
read = polars.read_parquet("t.parquet")["t"].to_list()
expect("polars", f"{len(read)} rows, {read.count(None)} None", "20000 rows, 0 None")
read = fastparquet.ParquetFile("t.parquet").to_pandas()["t"].tolist()
missing = sum(value is None for value in read)
expect("fastparquet", f"{len(read)} rows, many None: {missing > 1000}", "20000 rows, many None: True")

sys.exit(failed)
END
