package run

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/strict"
)

// Request asks for an extraction, or for one to go on. What is left out has
// the default that is named.
type Request struct {
	// Tables are patterns of the tables to read, such as "public.*".
	Tables []string `json:"tables,omitempty"`
	// Exclude are patterns of tables to leave out.
	Exclude []string `json:"exclude,omitempty"`
	// Mode is "full", which is the default, or "incremental": only the rows
	// whose cursor is beyond what the runs before have published.
	Mode string `json:"mode,omitempty"`
	// Format is "csv", which is the default, "jsonl" or "parquet".
	Format string `json:"format,omitempty"`
	// Compression is "none", "gzip", "zstd" or, for Parquet and its default,
	// "snappy". The default of the others is "none".
	Compression string `json:"compression,omitempty"`
	// Header puts a line of column names at the start of every part of CSV.
	Header bool `json:"header,omitempty"`
	// Null is what stands for NULL in CSV; the default is \N, which keeps NULL
	// and the empty string apart in both warehouses.
	Null *string `json:"null,omitempty"`
	// Delimiter separates the fields of CSV; the default is a comma.
	Delimiter string `json:"delimiter,omitempty"`
	// OutOfRange says what becomes of a value that the format cannot hold:
	// "error", which is the default, "null", or "text", which carries the
	// columns of such types as text.
	OutOfRange string `json:"out_of_range,omitempty"`
	// For are the warehouses that the rows are meant for, whose limits are met
	// where they are read: "redshift", "snowflake". Left out it is the stack's
	// own, an empty list is none.
	For []string `json:"for,omitzero"`
	// TooLong says what becomes of a value that is longer than those take:
	// "refuse", which is the default, "truncate", which is for text, or "null".
	TooLong string `json:"too_long,omitempty"`
	// Numeric and Text are types of the columns that have no precision or no
	// length, of all tables: see Override.
	Numeric Precisions `json:"numeric,omitzero"`
	Text    Lengths    `json:"text,omitzero"`
	// Streams is the number of connections that read; 0 is 2.
	Streams int `json:"streams,omitempty"`
	// PartBytes is the size that parts should have, as stored; 0 is 128 MiB.
	PartBytes int64 `json:"part_bytes,omitempty"`
	// PartMultiple makes the number of a table's parts a multiple of it, so
	// that as many slices of a cluster share them evenly; 0 does not.
	PartMultiple int `json:"part_multiple,omitempty"`
	// Snapshot is an exported snapshot to read at, which its owner keeps open
	// until the run has begun.
	Snapshot string `json:"snapshot,omitempty"`
	// Load says how the tables are to be loaded.
	Load LoadRequest `json:"load,omitzero"`
	// OnFailure says what becomes of the other tables when one fails: "continue",
	// which is the default, or "stop".
	OnFailure string `json:"on_failure,omitempty"`
	// DDLWait is how long a statement that needs a table for itself waits for a
	// table that is not read yet, before the run lets it go first; empty is "60s".
	DDLWait string `json:"ddl_wait,omitempty"`
	// Inherited is "only" to leave out the rows of tables that inherit from those
	// that are selected; empty is what a SELECT gives.
	Inherited string `json:"inherited,omitempty"`
	// Restart names tables whose incremental reading begins anew, from the first
	// row. What is loaded by append replaces what was loaded before.
	Restart []string `json:"restart,omitempty"`
	// Repair is a run: of the tables that are named what it read is read once more, in
	// the place of its receipts, which could not be loaded.
	Repair stage.RunID `json:"repair,omitempty"`
	// ShowValues lets errors quote what PostgreSQL says of a value, and name rows
	// by their keys. They end up in the log.
	ShowValues bool `json:"show_values,omitempty"`
	// Overrides change the request for single tables, by their names.
	Overrides map[string]Override `json:"overrides,omitempty"`
	// Continuation is what an answer gave that had tables remaining. Then
	// nothing else is set but Snapshot, where that is still held.
	Continuation string `json:"continuation,omitempty"`
}

// Override is what is different about one table. A field that is left out is
// as in the request.
type Override struct {
	// Columns are the only ones to read; ExcludeColumns are left out.
	Columns        []string `json:"columns,omitempty"`
	ExcludeColumns []string `json:"exclude_columns,omitempty"`
	// Where is an SQL condition on the rows to read.
	Where string `json:"where,omitempty"`
	// Cursor is the column that tells which rows are new.
	Cursor *Cursor `json:"cursor,omitempty"`
	// PrimaryKey names the columns that tell one row from another, in place of
	// the table's own key.
	PrimaryKey []string `json:"primary_key,omitempty"`
	// Numeric gives columns of numeric without precision one, as in
	// {"amount":"38,10"}.
	Numeric Precisions `json:"numeric,omitzero"`
	// Text gives columns of text without a length one, in characters, as in
	// {"note":1000}. TooLong says what becomes of a longer value.
	Text Lengths `json:"text,omitzero"`
	// Target is the table to load into, as schema.table.
	Target string `json:"target,omitempty"`
	// Load, Format and the rest are those of Request. Another format comes
	// with its own default compression.
	Load        LoadRequest `json:"load,omitzero"`
	Format      string      `json:"format,omitempty"`
	Compression string      `json:"compression,omitempty"`
	Header      *bool       `json:"header,omitempty"`
	Null        *string     `json:"null,omitempty"`
	Delimiter   string      `json:"delimiter,omitempty"`
	OutOfRange  string      `json:"out_of_range,omitempty"`
	TooLong     string      `json:"too_long,omitempty"`
	Inherited   string      `json:"inherited,omitempty"`
}

// Cursor is a column that grows with every change of a row.
type Cursor struct {
	// Column is its name.
	Column string `json:"column"`
	// Lookback reads again what lies so far before the watermark: an interval
	// such as "10 minutes", or a number for a column of numbers.
	Lookback string `json:"lookback,omitempty"`
	// TimeZone is the zone in which the application writes a cursor without
	// one; the default is UTC.
	TimeZone string `json:"time_zone,omitempty"`
}

// DecodeRequest reads a request. Fields that there are not are refused.
func DecodeRequest(raw json.RawMessage) (Request, error) {
	var request Request
	if err := strict.Decode(raw, &request); err != nil {
		return Request{}, &fault.Error{Code: fault.Request, Err: fmt.Errorf("reading the extract request: %w", err)}
	}
	return request, nil
}

// checkContinuation refuses what would be ignored.
func (q Request) checkContinuation() error {
	rest := q
	rest.Continuation, rest.Snapshot = "", ""
	if q.Continuation == "" || reflect.DeepEqual(rest, Request{}) {
		return nil
	}
	return fault.New(fault.Request, "set nothing else but snapshot, where that is still held",
		"checking the extract request: continuation goes on with a run as it was asked for")
}
