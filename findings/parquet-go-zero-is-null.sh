#!/usr/bin/env bash
#
# Guess: an optional column holds NULL where a pointer is nil, and 0, "" and
# false where the values are that.
#
# Happens: 0, "" and false of fields that are no pointers are stored as NULL,
# and read back as 0, "" and false, so that a round trip hides it. An empty
# []byte that is not nil stays empty.
#
# With: Go module github.com/parquet-go/parquet-go v0.32.0; PyPI pyarrow
# 26.0.1 to look at the file.
#
# Output (2026-11-28):
#   go, number: 0
#   pyarrow: {'number': None, 'text': None, 'flag': None, 'bytes': b'', 'pointer': 0}
#
# For an extract: NULL and empty are two things in a database. A column that
# may be NULL needs a pointer, or values that carry their own definition level.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod GOWORK=off

cat >go.mod <<'END'
module example.com/zero

go 1.26

require github.com/parquet-go/parquet-go v0.32.0
END
cat >main.go <<'END'
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"
)

type row struct {
	Number  int64  `parquet:"number,optional"`
	Text    string `parquet:"text,optional"`
	Flag    bool   `parquet:"flag,optional"`
	Bytes   []byte `parquet:"bytes,optional"`
	Pointer *int64 `parquet:"pointer,optional"`
}

func main() {
	var file bytes.Buffer
	if err := parquet.Write(&file, []row{{Bytes: []byte{}, Pointer: new(int64)}}); err != nil {
		panic(err)
	}
	rows, err := parquet.Read[row](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		panic(err)
	}
	fmt.Printf("go, number: %d\n", rows[0].Number)
	if err := os.WriteFile("file.parquet", file.Bytes(), 0o600); err != nil {
		panic(err)
	}
}
END

python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install pyarrow==26.0.1
{ go run . && venv/bin/python -c 'import pyarrow.parquet; print("pyarrow:", pyarrow.parquet.read_table("file.parquet").to_pylist()[0])'; } 2>"$work/err" | tee seen || { cat "$work/err" >&2; exit 1; }
diff seen - <<'END'
go, number: 0
pyarrow: {'number': None, 'text': None, 'flag': None, 'bytes': b'', 'pointer': 0}
END
