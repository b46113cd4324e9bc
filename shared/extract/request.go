package extract

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
)

// Request asks for an extraction.
type Request struct {
	// Tables are patterns of the tables to read, such as "public.*".
	Tables []string `json:"tables"`
	// Exclude are patterns of tables to leave out.
	Exclude []string `json:"exclude"`
	// Format is "csv"; empty is "csv".
	Format string `json:"format"`
	// Compression is "none" or "gzip"; empty is "none".
	Compression string `json:"compression"`
	// Header puts a line of column names at the start of every part.
	Header bool `json:"header"`
	// Streams is the number of connections that read; 0 is 2.
	Streams int `json:"streams"`
	// PartBytes is the size, as stored, at which a part is ended; 0 is 128 MiB.
	PartBytes int64 `json:"part_bytes"`
	// Load is passed on to the loader in the receipt.
	Load LoadRequest `json:"load"`
}

// LoadRequest says how the tables are to be loaded.
type LoadRequest struct {
	// Mode is "append"; empty is "append".
	Mode string `json:"mode"`
}

const (
	defaultStreams   = 2
	maxStreams       = 64
	defaultPartBytes = 128 << 20
	maxPartBytes     = 5 << 30 // larger files load no faster, and a warehouse reads each with one process
)

// DecodeRequest reads a request. Fields that there are not are refused.
func DecodeRequest(raw json.RawMessage) (Request, error) {
	var request Request
	if err := trigger.DecodeRequest(raw, &request); err != nil {
		return Request{}, fmt.Errorf("reading the extract request: %w", err)
	}
	return request, nil
}

// plan is a request that was found good, with its defaults filled in.
type plan struct {
	include, exclude []table.Pattern
	format           stage.Format
	streams          int
	partBytes        int64
	load             stage.Load
}

// plan checks the whole request and reports everything that is wrong with it.
func (q Request) plan() (plan, error) {
	p := plan{
		format: stage.Format{
			Name: cmp.Or(q.Format, "csv"), Compression: cmp.Or(q.Compression, "none"),
			Header: q.Header, Null: `\N`, Delimiter: ",",
		},
		streams:   cmp.Or(q.Streams, defaultStreams),
		partBytes: cmp.Or(q.PartBytes, defaultPartBytes),
		load:      stage.Load{Mode: cmp.Or(q.Load.Mode, "append")},
	}
	var include, exclude error
	p.include, include = table.ParsePatterns(q.Tables)
	p.exclude, exclude = table.ParsePatterns(q.Exclude)
	problems := []error{include, exclude}
	if len(q.Tables) == 0 {
		problems = append(problems, errors.New(`tables is empty; name some, as in {"tables":["public.*"]}`))
	}
	if p.format.Name != "csv" {
		problems = append(problems, fmt.Errorf("format is %q, want csv", p.format.Name))
	}
	if _, err := encode.NewCompressor(p.format.Compression); err != nil {
		problems = append(problems, fmt.Errorf("compression is %q, want none or gzip", p.format.Compression))
	}
	if p.streams < 1 || p.streams > maxStreams {
		problems = append(problems, fmt.Errorf("streams is %d, want 1 to %d, or 0 for %d", p.streams, maxStreams, defaultStreams))
	}
	if p.partBytes < 1 || p.partBytes > maxPartBytes {
		problems = append(problems, fmt.Errorf("part_bytes is %d, want 1 to %d, or 0 for %d", p.partBytes, int64(maxPartBytes), defaultPartBytes))
	}
	if p.load.Mode != "append" {
		problems = append(problems, fmt.Errorf("load.mode is %q, want append", p.load.Mode))
	}
	if err := errors.Join(problems...); err != nil {
		return plan{}, fmt.Errorf("checking the extract request: %w", err)
	}
	return p, nil
}
