#!/usr/bin/env bash
#
# Guess: a time.Time with the tag date is written as its day, and a
# time.Duration with the tag time(microsecond) as its microseconds, as the
# package's documentation lists both types for these tags.
#
# Happens: neither is, without an error. The day of 2026-01-01 is a number
# that is millions of years off, an hour becomes 1,000 hours, and both come
# back wrong from the same package. int32 days and int64 microseconds are
# right.
#
# With: Go module github.com/parquet-go/parquet-go v0.32.0; PyPI pyarrow
# 26.0.1 to look at the file.
#
# Output (2026-11-28):
#   2026-01-01 came back as 2026-01-01: false
#   one hour came back as 1000h0m0s
#   pyarrow, time of day stored: 3600000000000 microseconds
#   pyarrow, int32 day stored: 20454
#
# For an extract: give a Parquet library the stored integers, and hold its
# files to another reader's values before trusting its conversions.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod GOWORK=off

cat >go.mod <<'END'
module example.com/days

go 1.26

require github.com/parquet-go/parquet-go v0.32.0
END
cat >main.go <<'END'
package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
)

type row struct {
	Day    time.Time     `parquet:"day,date"`
	Number int32         `parquet:"number,date"`
	Hour   time.Duration `parquet:"hour,time(microsecond)"`
}

func main() {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var file bytes.Buffer
	if err := parquet.Write(&file, []row{{Day: day, Number: int32(day.Unix() / 86400), Hour: time.Hour}}); err != nil {
		panic(err)
	}
	rows, err := parquet.Read[row](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		panic(err)
	}
	fmt.Printf("2026-01-01 came back as 2026-01-01: %t\n", rows[0].Day.Equal(day))
	fmt.Printf("one hour came back as %s\n", rows[0].Hour)
	if err := os.WriteFile("file.parquet", file.Bytes(), 0o600); err != nil {
		panic(err)
	}
}
END
cat >look.py <<'END'
import pyarrow
import pyarrow.parquet

table = pyarrow.parquet.read_table("file.parquet")
print(f"pyarrow, time of day stored: {table['hour'].cast(pyarrow.int64()).to_pylist()[0]} microseconds")
print(f"pyarrow, int32 day stored: {table['number'].cast(pyarrow.int32()).to_pylist()[0]}")
END

python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install pyarrow==26.0.1
{ go run . && venv/bin/python look.py; } 2>"$work/err" | tee seen || { cat "$work/err" >&2; exit 1; }
diff seen - <<'END'
2026-01-01 came back as 2026-01-01: false
one hour came back as 1000h0m0s
pyarrow, time of day stored: 3600000000000 microseconds
pyarrow, int32 day stored: 20454
END
