#!/usr/bin/env bash
#
# Guess: hyparquet, which reads INT64 columns as BigInt so that no digit is
# lost, reads decimals as exactly: as BigInt, text or an object.
#
# Happens: decimals become JavaScript numbers, whatever their precision. The
# same number in two columns of one file, once as INT64 and once as
# DECIMAL(18, 0), differs by one.
#
# With: npm hyparquet 1.33.0; PyPI duckdb 2.0.1 to write the file.
#
# Output (2026-11-28):
#   stored as: [["INT64","INT_64"],["INT64","DECIMAL"],["FIXED_LEN_BYTE_ARRAY","DECIMAL"]]
#   INT64: "9007199254740993n"
#   DECIMAL(18, 0): 9007199254740992
#   DECIMAL(38, 3): 12345678901234567000
#
# For an extract: a viewer of written files that is made with it shows wrong
# amounts from 16 digits on, with no hint which ones.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" hyparquet@1.33.0 >/dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.1
"$work/venv/bin/python" - <<'END'
import duckdb

duckdb.sql("""
    COPY (SELECT 9007199254740993::BIGINT AS a, 9007199254740993::DECIMAL(18, 0) AS b,
                 12345678901234567890.123::DECIMAL(38, 3) AS c)
    TO 't.parquet'""")
END

cat >run.mjs <<'END'
let failed = false;

function expect(what, seen, stated) {
  const text = JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  console.log(`${what}: ${text}`);
  if (text !== stated) {
    failed = true;
    console.error(`  no longer as stated: ${stated}`);
  }
}

import { asyncBufferFromFile, parquetReadObjects, parquetSchema, parquetMetadataAsync } from "hyparquet";

const file = await asyncBufferFromFile("t.parquet");
const schema = parquetSchema(await parquetMetadataAsync(file));
expect("stored as", schema.children.map(({ element }) => [element.type, element.converted_type]),
  '[["INT64","INT_64"],["INT64","DECIMAL"],["FIXED_LEN_BYTE_ARRAY","DECIMAL"]]');
const [row] = await parquetReadObjects({ file });
expect("INT64", row.a, '"9007199254740993n"');
expect("DECIMAL(18, 0)", row.b, "9007199254740992");
expect("DECIMAL(38, 3)", row.c, "12345678901234567000");

process.exit(failed ? 1 : 0);
END
node run.mjs
