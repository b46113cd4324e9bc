#!/usr/bin/env bash
#
# Guess: two Parquet files with the same physical and logical type
# (BYTE_ARRAY, JSON) read as the same type.
#
# Happens: polars reads DuckDB's as Binary and pyarrow's as an extension type
# over String, which it takes from the Arrow schema that pyarrow hides in the
# file's metadata. Written without that schema, pyarrow's file is Binary too,
# and the two of pyarrow's cannot be concatenated.
#
# With: PyPI duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0.
#
# Output (2026-11-28):
#   duckdb: ('BYTE_ARRAY', 'JSON', 'Binary', b'{"a":1}')
#   pyarrow: ('BYTE_ARRAY', 'JSON', 'Extension', '{"a":1}')
#   bare: ('BYTE_ARRAY', 'JSON', 'Binary', b'{"a":1}')
#   concatenated: 'SchemaError'
#
# For an extract: to label jsonb columns with Parquet's JSON type turns text
# into bytes for some readers. The String type is read alike by all.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0

cd "$work"
"$work/venv/bin/python" - <<'END'
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


table = pyarrow.table({"a": pyarrow.array(['{"a":1}'], pyarrow.json_())})
duckdb.sql("""COPY (SELECT '{"a":1}'::JSON AS a) TO 'duckdb.parquet'""")
pyarrow.parquet.write_table(table, "pyarrow.parquet")
pyarrow.parquet.write_table(table, "bare.parquet", store_schema=False)
frames = {}
for name, stated in (
    ("duckdb", ("BYTE_ARRAY", "JSON", "Binary", b'{"a":1}')),
    ("pyarrow", ("BYTE_ARRAY", "JSON", "Extension", '{"a":1}')),
    ("bare", ("BYTE_ARRAY", "JSON", "Binary", b'{"a":1}')),
):
    column = pyarrow.parquet.ParquetFile(f"{name}.parquet").schema.column(0)
    frame = frames[name] = polars.read_parquet(f"{name}.parquet")
    expect(name, (column.physical_type, str(column.logical_type), type(frame.schema["a"]).__name__, frame["a"][0]), stated)
try:
    polars.concat([frames["pyarrow"], frames["bare"]])
    refused = None
except polars.exceptions.PolarsError as err:
    refused = type(err).__name__
expect("concatenated", refused, "SchemaError")

sys.exit(failed)
END
