package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// refused is how many rows a list of errors is of: one row may have several.
func refused(list []warehouse.RowError) int64 {
	type place struct {
		file string
		line int64
	}
	rows, unknown := map[place]bool{}, int64(0)
	for _, e := range list {
		if e.Line == 0 {
			unknown++
			continue
		}
		rows[place{e.File, e.Line}] = true
	}
	return int64(len(rows)) + unknown
}

// keepRejected writes what the warehouse says of rows that it refused, one
// object a line, into _rejected/ of the staging area. It has no values of the
// rows. The outcome of the load has the list too, so what cannot be written is a
// warning.
func (j *Job) keepRejected(ctx context.Context, loaded *Loaded) {
	if len(loaded.Errors) == 0 {
		return
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, e := range loaded.Errors {
		_ = encoder.Encode(e) // strings and a number, into memory
	}
	at := object.Location{Bucket: j.Bucket, Key: j.Layout.Prefix + path.Join("_rejected", j.Outcomes, loaded.LoadID+".jsonl")}
	_, err := j.Store.Put(ctx, at, lines.Bytes(), object.PutOptions{Headers: object.Headers{ContentType: "application/jsonl"}})
	if err != nil {
		loaded.Warnings = append(loaded.Warnings, fmt.Sprintf("the list of refused rows could not be written: %v", err))
		return
	}
	loaded.Rejected = at.String()
}
