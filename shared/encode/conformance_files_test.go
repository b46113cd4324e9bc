//go:build oracles

package encode_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stagelift/stagelift/shared/table"
)

// described is a column for readers that are not written in Go.
type described struct {
	Name string `json:"name"`
	// Parquet and JSON are what a value is there, as kindOf and jsonKindOf say.
	Parquet string `json:"parquet"`
	JSON    string `json:"json"`
	// Narrow is a column that narrow.jsonl has too: no document, which is JSON of
	// several types in one column, no decimal, which may be a number past any that
	// readers know, and no float, which may be the string "NaN".
	Narrow bool `json:"narrow"`
	// Want is what the server prints for each row in each format; null is NULL.
	Want map[string][]printed `json:"want"`
}

var kinds = map[table.ParquetLogical]string{
	table.ParquetString: "text", table.ParquetInt16: "integer", table.ParquetDate: "days", table.ParquetDecimal: "decimal",
	table.ParquetTime: "microseconds", table.ParquetTimestamp: "microseconds", table.ParquetTimestampTZ: "microseconds",
}

func kindOf(f table.Field) string {
	if kind, is := kinds[f.Parquet.Logical]; is {
		return kind
	}
	return map[table.ParquetPhysical]string{
		table.ParquetBytes: "bytes", table.ParquetBoolean: "boolean", table.ParquetInt32: "integer", table.ParquetInt64: "integer",
		table.ParquetFloat: "float", table.ParquetDouble: "double", table.ParquetFixed: "bytes",
	}[f.Parquet.Physical]
}

// jsonKindOf is kindOf for JSON Lines, where numbers without an end are numbers
// too and what has parts is a document.
func jsonKindOf(f table.Field) string {
	kind := kindOf(f)
	switch {
	case f.JSON == table.JSONRaw:
		return "document"
	case f.JSON == table.JSONNumber && kind == "text":
		return "decimal"
	case f.JSON == table.JSONString, f.JSON == table.JSONBase64:
		return "text"
	}
	return kind
}

// Writes the table of every type, in every format and compression, to the folder
// STAGELIFT_FILES, and what its values are to expected.json: other people's
// readers are held to it, see oracles/files.
func TestFilesForOtherReaders(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("STAGELIFT_FILES")
	if dir == "" {
		t.Fatal("STAGELIFT_FILES does not say where the files are to go")
	}
	s, fields, from := conforming(t)
	forms := map[string][][]printed{
		"csv": s.asked(t, "every type", fields, s.csvForm), "jsonl": s.asked(t, "every type", fields, s.jsonForm),
		"parquet": s.asked(t, "every type", fields, s.parquetForm),
	}
	s.withoutBeyond(fields, forms["parquet"])
	var narrow []table.Field
	columns := make([]described, len(fields))
	for i, field := range fields {
		columns[i] = described{
			Name: field.Name, Parquet: kindOf(field), JSON: jsonKindOf(field), Want: map[string][]printed{},
		}
		if slices.Contains([]string{"text", "integer", "boolean"}, columns[i].JSON) {
			columns[i].Narrow = true
			narrow = append(narrow, field)
		}
		for format, rows := range forms {
			for _, row := range rows {
				value := row[i]
				if format == "jsonl" && value != nil && isTime(field) {
					value = new(unquote(t, *value))
				}
				columns[i].Want[format] = append(columns[i].Want[format], value)
			}
		}
	}
	text, err := json.Marshal(columns)
	if err != nil {
		t.Fatal(err)
	}
	store(t, dir, "expected.json", text)
	var every []int
	for i := range fields {
		every = append(every, i)
	}
	endings := map[string]string{"none": "", "gzip": ".gz", "zstd": ".zst"}
	for compression, ending := range endings {
		csv, jsonl := csvOptions(), jsonlOptions()
		csv.Compression, csv.CSV.Header, jsonl.Compression = compression, true, compression
		for name, w := range map[string]writing{
			"every.csv": {Fields: fields, Options: csv}, "every.jsonl": {Fields: fields, Options: jsonl},
			"narrow.jsonl": {Fields: narrow, Options: jsonl},
		} {
			part, err := s.write(t, from, w)
			if err != nil {
				t.Fatal(err)
			}
			store(t, dir, name+ending, part)
		}
	}
	for _, compression := range []string{"none", "snappy", "gzip", "zstd"} {
		for name, dictionaries := range map[string][]int{"plain": nil, "dictionary": every} {
			options := parquetOptions()
			options.Compression, options.Repeats, options.Null = compression, dictionaries, true
			part, err := s.write(t, from, writing{Fields: fields, Options: options})
			if err != nil {
				t.Fatal(err)
			}
			store(t, dir, name+"-"+compression+".parquet", part)
		}
	}
}

func store(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
