#!/usr/bin/env bash
#
# Guess: what arrow-go's CSV writer writes, its reader reads back, both left as
# they are.
#
# Happens: NULL is written as the text NULL, without quotes, and the reader
# knows no text for NULL unless told. A NULL text comes back as the text NULL,
# a NULL binary as the three bytes that NULL is in base64, without an error. A
# moment past the year 9999 is written as a number beside texts.
#
# With: Go module github.com/apache/arrow-go/v18 v18.8.0.
#
# Output (2026-11-28):
#   text: ["NULL" "NULL"]
#   binary: ["\x00\xff" "5B\xcb"]
#   year 9999, year 10000: 9999-12-31 00:00:00Z 253402300800000000
#
# For an extract: say at both ends what stands for NULL, and choose what no
# value looks like; with quotes around every text that does.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod GOWORK=off

cat >go.mod <<'END'
module example.com/null

go 1.26

require github.com/apache/arrow-go/v18 v18.8.0
END
cat >main.go <<'END'
package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/csv"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func main() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "binary", Type: arrow.BinaryTypes.Binary, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).Append("NULL")
	b.Field(1).(*array.BinaryBuilder).Append([]byte{0, 255})
	b.Field(0).AppendNull()
	b.Field(1).AppendNull()
	r := csv.NewReader(strings.NewReader(write(schema, b)), schema, csv.WithHeader(true), csv.WithChunk(-1))
	for r.Next() {
		fmt.Println("text:", r.RecordBatch().Column(0))
		fmt.Println("binary:", r.RecordBatch().Column(1))
	}
	if r.Err() != nil {
		panic(r.Err())
	}

	schema = arrow.NewSchema([]arrow.Field{{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}}}, nil)
	b = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.TimestampBuilder).Append(253402214400_000000)
	b.Field(0).(*array.TimestampBuilder).Append(253402300800_000000)
	lines := strings.Split(write(schema, b), "\n")
	fmt.Println("year 9999, year 10000:", lines[1], lines[2])
}

func write(schema *arrow.Schema, b *array.RecordBuilder) string {
	var out bytes.Buffer
	w := csv.NewWriter(&out, schema, csv.WithHeader(true))
	if err := w.Write(b.NewRecordBatch()); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return out.String()
}
END

go run . 2>err | tee seen || { cat err >&2; exit 1; }
diff seen - <<'END'
text: ["NULL" "NULL"]
binary: ["\x00\xff" "5B\xcb"]
year 9999, year 10000: 9999-12-31 00:00:00Z 253402300800000000
END
