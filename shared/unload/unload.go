// Package unload reads the manifests that Redshift's UNLOAD writes (Amazon
// Redshift Database Developer Guide, "UNLOAD", MANIFEST).
//
// A manifest lists the objects that one UNLOAD wrote, and is written after
// them. With VERBOSE it also tells columns, and bytes and rows of each object
// and of all. The guide prints the length of a type without a name, as in
// {"base": "character varying", 25}, which is not JSON; that is read as well,
// and so are the names max_length, precision and scale.
//
// Decoding checks what a manifest says, not whether it is so: nothing is looked
// up. Entries come in the order of the file, doubles included.
//
// Memory is bounded by the length of the text and by MaxEntries and MaxColumns.
package unload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxEntries and MaxColumns are how many of each a manifest may have.
const (
	MaxEntries = 100_000
	MaxColumns = 10_000
)

// ErrNotManifest is returned for what may be a good object, but no manifest.
var ErrNotManifest = errors.New("it is not the manifest of an UNLOAD")

// Manifest is what one UNLOAD wrote.
type Manifest struct {
	// Entries are never nil.
	Entries []Entry
	// Columns are nil unless the manifest is VERBOSE.
	Columns []Column
	// Bytes and Rows are those of all entries together, as the manifest has
	// them; -1 where it does not.
	Bytes, Rows int64
}

// Entry is one object.
type Entry struct {
	// Bucket and Key are never empty.
	Bucket, Key string
	// Bytes and Rows are -1 where the manifest does not tell them. Rows counts
	// the line of a header too.
	Bytes, Rows int64
}

// URL is the entry as the manifest has it.
func (e Entry) URL() string { return "s3://" + e.Bucket + "/" + e.Key }

// meta is what is told of an object, or of all.
type meta struct {
	ContentLength *int64 `json:"content_length"`
	RecordCount   *int64 `json:"record_count"`
}

func (m meta) counts() (size, rows int64, err error) {
	size, rows = -1, -1
	if m.ContentLength != nil {
		size = *m.ContentLength
		if size < 0 {
			err = fmt.Errorf("content_length is %d", size)
		}
	}
	if m.RecordCount != nil {
		rows = *m.RecordCount
		if rows < 0 {
			err = errors.Join(err, fmt.Errorf("record_count is %d", rows))
		}
	}
	return size, rows, err
}

// Decode reads a manifest.
func Decode(text []byte) (Manifest, error) {
	var file struct {
		Entries entries `json:"entries"`
		Schema  struct {
			Elements columns `json:"elements"`
		} `json:"schema"`
		Meta meta `json:"meta"`
	}
	if err := json.Unmarshal(withNames(text), &file); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrNotManifest, err)
	}
	if file.Entries == nil {
		return Manifest{}, fmt.Errorf("%w: it has no entries", ErrNotManifest)
	}
	m := Manifest{Entries: make([]Entry, len(file.Entries)), Columns: file.Schema.Elements}
	var err error
	if m.Bytes, m.Rows, err = file.Meta.counts(); err != nil {
		return Manifest{}, fmt.Errorf("the manifest's meta: %w", err)
	}
	for i, listed := range file.Entries {
		if m.Entries[i], err = listed.entry(); err != nil {
			return Manifest{}, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return m, nil
}

// listed is an entry as a manifest has it.
type listed struct {
	URL  string `json:"url"`
	Meta meta   `json:"meta"`
}

func (l listed) entry() (Entry, error) {
	rest, isS3 := strings.CutPrefix(l.URL, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !isS3 || bucket == "" || key == "" {
		return Entry{}, fmt.Errorf("url is %q, want s3://bucket/key", l.URL)
	}
	size, rows, err := l.Meta.counts()
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", l.URL, err)
	}
	return Entry{bucket, key, size, rows}, nil
}

// entries are decoded one by one, so that no more are held than are allowed.
type entries []listed

// UnmarshalJSON reads a list.
func (e *entries) UnmarshalJSON(text []byte) error {
	*e = entries{}
	return each(text, "entries", MaxEntries, func(decode func(any) error) error {
		var member listed
		err := decode(&member)
		*e = append(*e, member)
		return err
	})
}

// columns are decoded as entries are.
type columns []Column

// UnmarshalJSON reads a list.
func (c *columns) UnmarshalJSON(text []byte) error {
	return each(text, "columns", MaxColumns, func(decode func(any) error) error {
		var member element
		if err := decode(&member); err != nil {
			return err
		}
		*c = append(*c, member.column())
		return nil
	})
}

// each hands the elements of a list on.
func each(text []byte, what string, most int, take func(decode func(any) error) error) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return fmt.Errorf("%s are no list", what)
	}
	for i := 0; decoder.More(); i++ {
		if i >= most {
			return fmt.Errorf("more than %d %s", most, what)
		}
		if err := take(decoder.Decode); err != nil {
			return err
		}
	}
	return nil
}
