// Package staged reads back what was published: receipts, manifests and parts,
// by readers that are not those of the project, and holds them against each
// other. What does not agree is a finding of the referee's.
package staged

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// Bucket is where it lies.
type Bucket interface {
	// Get returns an object; a missing one is an error.
	Get(ctx context.Context, key string) ([]byte, error)
	// Name is the bucket's name.
	Name() string
}

// receipt is as much of a receipt as is looked at.
type receipt struct {
	Run   string `json:"run"`
	Table struct {
		Schema string `json:"schema"`
		Name   string `json:"name"`
	} `json:"table"`
	Snapshot struct {
		Visible string `json:"visible"`
	} `json:"snapshot"`
	Consistency string           `json:"consistency"`
	Columns     []referee.Column `json:"columns"`
	Window      *window          `json:"window"`
	Format      format           `json:"format"`
	Manifest    string           `json:"manifest"`
	Parts       []part           `json:"parts"`
	Rows        int64            `json:"rows"`
	Load        struct {
		Mode string `json:"mode"`
	} `json:"load"`
	At time.Time `json:"at"`
}

type window struct {
	Column   string `json:"column"`
	From     string `json:"from"`
	To       string `json:"to"`
	Lookback string `json:"lookback"`
}

// bounds reads a lookback of numbers, or of seconds as in "90 seconds".
func (w *window) bounds() (*referee.Window, error) {
	if w == nil {
		return nil, nil
	}
	bounds := &referee.Window{Column: w.Column, From: w.From, To: w.To}
	number, unit, _ := strings.Cut(w.Lookback, " ")
	n, err := strconv.ParseInt(cmp.Or(number, "0"), 10, 64)
	if unit == "seconds" {
		n *= time.Second.Microseconds()
	}
	bounds.Lookback = n
	return bounds, err
}

type format struct {
	Name        string `json:"name"`
	Compression string `json:"compression"`
	Header      bool   `json:"header"`
	Null        string `json:"null"`
	Delimiter   string `json:"delimiter"`
}

type part struct {
	Key    string `json:"key"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	CRC32C string `json:"crc32c"`
}

type manifest struct {
	Entries []struct {
		URL  string `json:"url"`
		Meta struct {
			ContentLength int64 `json:"content_length"`
		} `json:"meta"`
	} `json:"entries"`
}

// Read reads the receipt at key and all that it lists.
func Read(ctx context.Context, bucket Bucket, key string) (referee.Published, []referee.Finding, error) {
	data, err := bucket.Get(ctx, key)
	if err != nil {
		return referee.Published{}, nil, err
	}
	var r receipt
	if err := json.Unmarshal(data, &r); err != nil {
		return referee.Published{}, nil, fmt.Errorf("reading receipt %s: %w", key, err)
	}
	p := referee.Published{
		Name: r.Table.Schema + "." + r.Table.Name, Run: r.Run, At: r.At, Columns: r.Columns,
		Ranges: r.Consistency == "ranges", Append: r.Load.Mode == "append",
	}
	c := &check{Published: &p, bucket: bucket}
	if p.Moment, err = referee.ParseMoment(r.Snapshot.Visible); err != nil {
		c.wrong("snapshot.visible is %q", r.Snapshot.Visible)
	}
	if p.Window, err = r.Window.bounds(); err != nil {
		c.wrong("window: %v", err)
	}
	if !strings.Contains(key, "/"+p.Name+"/"+p.Run+"/") {
		c.wrong("the receipt lies at %s", key)
	}
	if r.Consistency != "snapshot" && !p.Ranges {
		c.wrong("consistency is %q", r.Consistency)
	}
	c.parts(ctx, r)
	c.manifest(ctx, r)
	return p, c.findings, nil
}

// check gathers what does not agree.
type check struct {
	*referee.Published
	bucket   Bucket
	findings []referee.Finding
}

func (c *check) wrong(text string, args ...any) {
	c.findings = append(c.findings, referee.Finding{
		Kind: referee.Wrong, Table: c.Name, Run: c.Run, What: fmt.Sprintf(text, args...), Rows: 1,
	})
}

// parts reads the rows, and holds every part against what the receipt says of it.
func (c *check) parts(ctx context.Context, r receipt) {
	for _, p := range r.Parts {
		data, err := c.bucket.Get(ctx, p.Key)
		if err != nil {
			c.wrong("part %s: %v", p.Key, err)
			continue
		}
		if sum := checksum(data); int64(len(data)) != p.Bytes || sum != p.CRC32C {
			c.wrong("part %s has %d bytes with CRC-32C %s, and should have %d with %s", p.Key, len(data), sum, p.Bytes, p.CRC32C)
		}
		rows, err := r.Format.read(data, r.Columns)
		if err != nil {
			c.wrong("part %s: %v", p.Key, err)
		}
		if int64(len(rows)) != p.Rows {
			c.wrong("part %s has %d rows, and should have %d", p.Key, len(rows), p.Rows)
		}
		c.Rows = append(c.Rows, rows...)
	}
	if int64(len(c.Rows)) != r.Rows {
		c.wrong("the parts have %d rows, the receipt says %d", len(c.Rows), r.Rows)
	}
}

// manifest holds the manifest against the parts: it is what a warehouse reads.
func (c *check) manifest(ctx context.Context, r receipt) {
	if len(r.Parts) == 0 {
		return
	}
	data, err := c.bucket.Get(ctx, r.Manifest)
	if err != nil {
		c.wrong("manifest %q: %v", r.Manifest, err)
		return
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		c.wrong("manifest: %v", err)
	}
	var listed, expected []string
	for _, e := range m.Entries {
		listed = append(listed, fmt.Sprintf("%s %d", e.URL, e.Meta.ContentLength))
	}
	for _, p := range r.Parts {
		expected = append(expected, fmt.Sprintf("s3://%s/%s %d", c.bucket.Name(), p.Key, p.Bytes))
	}
	if !slices.Equal(listed, expected) {
		c.wrong("the manifest lists %d parts, the receipt %d: %.300v, %.300v", len(listed), len(expected), listed, expected)
	}
}

// checksum is as S3 keeps it: base64 of the big-endian CRC-32C.
func checksum(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
