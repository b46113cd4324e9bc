#!/usr/bin/env bash
#
# Guess: a column whose dictionary grew too large, so that the writer went on
# with plain pages, is read by every reader. Every large file of pyarrow's and
# parquet-java's has such columns.
#
# Happens: fastparquet reads the values behind the dictionary's pages as NULL,
# without a word, where they are text. Numbers are right.
#
# With: PyPI pyarrow 26.0.1 (to write the file), fastparquet 2026.9.0.
#
# Output (2026-11-28):
#   encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY']
#   texts that are NULL: 90784
#   numbers that are another: 0
#
# For an extract: a dictionary is worth keeping only where it lasts for the whole
# row group, which its first page mostly shows.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install pyarrow==26.0.1 fastparquet==2026.9.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import fastparquet
import pyarrow
import pyarrow.parquet

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


rows = 100_000
pyarrow.parquet.write_table(
    pyarrow.table({
        "text": pyarrow.array([f"value {i:06} of many" for i in range(rows)]),
        "number": pyarrow.array([i * i for i in range(rows)]),
    }),
    "t.parquet",
    dictionary_pagesize_limit=200_000,
)
chunk = pyarrow.parquet.ParquetFile("t.parquet").metadata.row_group(0).column(0)
expect("encodings", sorted(chunk.encodings), ["PLAIN", "RLE", "RLE_DICTIONARY"])
read = fastparquet.ParquetFile("t.parquet").to_pandas()
expect("texts that are NULL", int(read["text"].isna().sum()), 90784)
expect("numbers that are another", int((read["number"] != [i * i for i in range(rows)]).sum()), 0)

sys.exit(failed)
END
