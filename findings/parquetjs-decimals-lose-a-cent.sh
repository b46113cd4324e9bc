#!/usr/bin/env bash
#
# Guess: a DECIMAL column keeps the digits that it has room for, and refuses
# what it cannot take.
#
# Happens: up to 18 digits it takes numbers, and cuts them after multiplying:
# 1.15 becomes 1.14. With more digits it takes the bytes of a text for the
# number's own: '12.34' is stored as 2112952860.68. The half day before 1970 is
# the first day of 1970. None of it is an error.
#
# With: npm @dsnp/parquetjs 1.8.8; PyPI pyarrow 26.0.1 to look at the file.
#
# Output (2026-11-28):
#   1.15 in DECIMAL(9,2): 1.14
#   '12.34' in DECIMAL(38,2): 2112952860.68
#   1969-12-31 12:00 as DATE: 1970-01-01
#
# For an extract: a decimal is an integer and a scale; whoever makes it of a
# double has to round, and whoever makes it of a text has to read it.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" @dsnp/parquetjs@1.8.8 >/dev/null
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install pyarrow==26.0.1

cat >write.mjs <<'END'
import parquet from '@dsnp/parquetjs'

const decimal = (precision) => ({ type: 'DECIMAL', precision, scale: 2 })
const schema = new parquet.ParquetSchema({ number: decimal(9), text: decimal(38), day: { type: 'DATE' } })
const writer = await parquet.ParquetWriter.openFile(schema, 'file.parquet')
await writer.appendRow({ number: 1.15, text: '12.34', day: new Date('1969-12-31T12:00:00Z') })
await writer.close()
END
cat >look.py <<'END'
import pyarrow.parquet

row = pyarrow.parquet.read_table("file.parquet").to_pylist()[0]
print(f"1.15 in DECIMAL(9,2): {row['number']}")
print(f"'12.34' in DECIMAL(38,2): {row['text']}")
print(f"1969-12-31 12:00 as DATE: {row['day']}")
END

{ node write.mjs && venv/bin/python look.py; } | tee seen
diff seen - <<'END'
1.15 in DECIMAL(9,2): 1.14
'12.34' in DECIMAL(38,2): 2112952860.68
1969-12-31 12:00 as DATE: 1970-01-01
END
