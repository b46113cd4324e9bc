#!/usr/bin/env bash
#
# Guess: since fastparquet reads TIMESTAMP columns in their own unit, a DATE
# of 9999-12-31 is read as well as a timestamp of that day; or else it is an
# error.
#
# Happens: dates become nanoseconds and wrap around silently. 9999-12-31, the
# usual date for "no end", reads as 1816-03-29, and 1000-01-01 as 2169-02-08.
# The timestamp column beside it is right.
#
# With: PyPI pyarrow 26.0.1 (to write the file), fastparquet 2026.9.0.
#
# Output (2026-11-28):
#   timestamp column: ['9999-12-31', '1000-01-01', '2024-01-01']
#   date column: ['1816-03-29', '2169-02-08', '2024-01-01']
#
# For an extract: a DATE column of a perfectly valid file changes with the
# reader. Whoever must serve pandas users of this reader writes sentinels as
# timestamps or as null.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install pyarrow==26.0.1 fastparquet==2026.9.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import datetime
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


days = [datetime.date(9999, 12, 31), datetime.date(1000, 1, 1), datetime.date(2024, 1, 1)]
pyarrow.parquet.write_table(
    pyarrow.table({
        "date": pyarrow.array(days, pyarrow.date32()),
        "timestamp": pyarrow.array(days, pyarrow.date32()).cast(pyarrow.timestamp("us")),
    }),
    "t.parquet",
)
read = fastparquet.ParquetFile("t.parquet").to_pandas()
for name, stated in (
    ("timestamp", ["9999-12-31", "1000-01-01", "2024-01-01"]),
    ("date", ["1816-03-29", "2169-02-08", "2024-01-01"]),
):
    expect(f"{name} column", [str(value.date()) for value in read[name]], stated)

sys.exit(failed)
END
