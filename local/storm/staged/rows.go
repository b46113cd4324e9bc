package staged

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// read reads the rows of a part.
func (f format) read(data []byte, columns []referee.Column) ([]referee.Doc, error) {
	if f.Name == "parquet" {
		return readParquet(data)
	}
	plain, err := f.decompress(data)
	if err != nil {
		return nil, err
	}
	switch f.Name {
	case "csv":
		return f.readCSV(plain, columns)
	case "jsonl":
		return readLines(plain)
	}
	return nil, fmt.Errorf("format %q is not one of csv, jsonl and parquet", f.Name)
}

func (f format) decompress(data []byte) ([]byte, error) {
	switch f.Compression {
	case "none":
		return data, nil
	case "gzip":
		reader, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	case "zstd":
		reader, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		return io.ReadAll(reader)
	}
	return nil, fmt.Errorf("compression %q is not one of none, gzip and zstd", f.Compression)
}

// readCSV cannot tell the text of NULL from NULL: no value may be like it.
func (f format) readCSV(data []byte, columns []referee.Column) ([]referee.Doc, error) {
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comma, _ = utf8.DecodeRuneInString(f.Delimiter)
	reader.FieldsPerRecord = len(columns)
	records, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}
	if f.Header && len(records) > 0 {
		for i, name := range records[0] {
			if name != columns[i].Name {
				return nil, fmt.Errorf("the header has %q for column %s", name, columns[i].Name)
			}
		}
		records = records[1:]
	}
	rows := make([]referee.Doc, len(records))
	for i, record := range records {
		rows[i] = referee.Doc{}
		for j, value := range record {
			if value != f.Null {
				rows[i][columns[j].Name] = referee.Fold(value)
			}
		}
	}
	return rows, nil
}

func readLines(data []byte) ([]referee.Doc, error) {
	var rows []referee.Doc
	for line := range bytes.Lines(data) {
		doc, err := referee.ParseDoc(string(line))
		if err != nil {
			return nil, err
		}
		for name, value := range doc {
			doc[name] = referee.Fold(value)
		}
		rows = append(rows, doc)
	}
	return rows, nil
}

// readParquet reads columns of whole numbers, times and text.
func readParquet(data []byte) ([]referee.Doc, error) {
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	fields := file.Schema().Fields()
	var docs []referee.Doc
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		docs, err = appendRows(docs, rows, fields)
		if err := errors.Join(err, rows.Close()); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

func appendRows(docs []referee.Doc, rows parquet.Rows, fields []parquet.Field) ([]referee.Doc, error) {
	var buffer [1]parquet.Row
	for {
		n, err := rows.ReadRows(buffer[:])
		if n == 0 {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return docs, err
		}
		doc := referee.Doc{}
		for _, value := range buffer[0] {
			field := fields[value.Column()]
			if value.IsNull() {
				continue
			}
			if doc[field.Name()], err = textOf(field, value); err != nil {
				return nil, err
			}
		}
		docs = append(docs, doc)
	}
}

func textOf(field parquet.Field, value parquet.Value) (string, error) {
	logical := ""
	if l := field.Type().LogicalType(); l != nil {
		logical = l.String()
	}
	switch value.Kind() {
	case parquet.Int32:
		return strconv.FormatInt(int64(value.Int32()), 10), nil
	case parquet.Int64:
		if len(logical) > 9 && logical[:9] == "TIMESTAMP" {
			return time.UnixMicro(value.Int64()).UTC().Format("2006-01-02T15:04:05.000000"), nil
		}
		return strconv.FormatInt(value.Int64(), 10), nil
	case parquet.ByteArray:
		return referee.Fold(string(value.ByteArray())), nil
	}
	return "", fmt.Errorf("column %s is of Parquet type %s %s, which is not read here", field.Name(), value.Kind(), logical)
}
