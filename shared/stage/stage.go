// Package stage is the staging area: where the objects of a run lie, and what
// a manifest and a receipt say.
//
// A table is published in three steps that readers may rely on: its parts
// first, then manifest.json, then receipt.json, written only if it is not
// there yet. Whoever sees a receipt sees the whole table. Whoever sees parts
// without a receipt sees the remains of a run that did not finish, and must
// not read them. A rerun writes under a new run id and never touches an older
// run.
//
// Keys:
//
//	<prefix><database>/<schema>.<table>/<run>/part-00000.csv.gz
//	<prefix><database>/<schema>.<table>/<run>/manifest.json
//	<prefix><database>/<schema>.<table>/<run>/receipt.json
//	<prefix><database>/_state/<schema>.<table>.json
//	<prefix><database>/_runs/<run>.json
//	<prefix><database>/_runs/<run>/partial-00001.json
//	<prefix><database>/_runs/<run>/claim-00001.json
//	<prefix><database>/_loads/<load id>.json
//	<prefix><database>/_loads/<warehouse>/<load id>.json
//
// Names are percent-escaped byte by byte, except for ASCII letters, digits,
// - and _, so that every legal PostgreSQL name gives one key that S3, a URL
// and a shell take as it stands, and that reads back to the same name.
package stage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

const (
	manifestName = "manifest.json"
	receiptName  = "receipt.json"
)

// ErrForeignKey marks a key that is not one that Stagelift writes.
var ErrForeignKey = errors.New("not a key of the staging area")

// Layout knows the keys below one prefix of a staging bucket.
type Layout struct {
	// Prefix goes in front of every key as it stands; empty, or ending in "/".
	Prefix string
}

// Folder is the place of one table in one run.
type Folder struct {
	// Database is the source database's name.
	Database string
	// Table is the source table.
	Table table.Name
	// Run is the run that wrote the folder.
	Run RunID
}

// Database returns the prefix of everything that one database has staged.
func (l Layout) Database(database string) string {
	return l.Prefix + escape(database) + "/"
}

// Table returns the prefix of what all runs have staged of a table. The name of
// a run's folder follows it.
func (l Layout) Table(database string, name table.Name) string {
	return l.Database(database) + escape(name.Schema) + "." + escape(name.Table) + "/"
}

// Folder returns the prefix of a table's objects, ending in "/".
func (l Layout) Folder(f Folder) string {
	return l.Table(f.Database, f.Table) + string(f.Run) + "/"
}

// Part returns the key of part number index; ext comes without its dot.
func (l Layout) Part(f Folder, index int, ext string) string {
	return fmt.Sprintf("%spart-%05d.%s", l.Folder(f), index, ext)
}

// Manifest returns the key of the table's manifest.
func (l Layout) Manifest(f Folder) string { return l.Folder(f) + manifestName }

// Receipt returns the key of the table's receipt.
func (l Layout) Receipt(f Folder) string { return l.Folder(f) + receiptName }

// Run returns the key of a run's summary.
func (l Layout) Run(database string, run RunID) string {
	return l.Database(database) + "_runs/" + string(run) + ".json"
}

// Partial returns the key of the record that a run's invocation number step,
// from 1, leaves when its time is over; Claim that of the object by which one
// invocation takes up that record and keeps others from it.
func (l Layout) Partial(database string, run RunID, step int) string {
	return fmt.Sprintf("%s_runs/%s/partial-%05d.json", l.Database(database), run, step)
}

// Claim returns a key; see Partial.
func (l Layout) Claim(database string, run RunID, step int) string {
	return fmt.Sprintf("%s_runs/%s/claim-%05d.json", l.Database(database), run, step)
}

// State returns the key of a table's watermark.
func (l Layout) State(database string, name table.Name) string {
	return l.Database(database) + "_state/" + escape(name.Schema) + "." + escape(name.Table) + ".json"
}

// Load returns the key of a load's outcome. Of several warehouses that load the
// same receipts, loadID has the warehouse's name and a slash before it.
func (l Layout) Load(database, loadID string) string {
	return l.Database(database) + "_loads/" + loadID + ".json"
}

// ParseReceipt tells which folder the receipt at key belongs to. A key that
// Layout.Receipt would not have written is ErrForeignKey.
func (l Layout) ParseReceipt(key string) (Folder, error) {
	f, err := l.parseReceipt(key)
	if err != nil || l.Receipt(f) != key {
		return Folder{}, fmt.Errorf("key %q: %w: want %s<database>/<schema>.<table>/<run>/%s",
			key, ErrForeignKey, l.Prefix, receiptName)
	}
	return f, nil
}

func (l Layout) parseReceipt(key string) (Folder, error) {
	rest, ours := strings.CutPrefix(key, l.Prefix)
	segments := strings.Split(rest, "/")
	if !ours || len(segments) != 4 || segments[3] != receiptName {
		return Folder{}, ErrForeignKey
	}
	schema, name, dotted := strings.Cut(segments[1], ".")
	if !dotted {
		return Folder{}, ErrForeignKey
	}
	run, err := ParseRunID(segments[2])
	if err != nil {
		return Folder{}, err
	}
	f := Folder{Run: run}
	for _, field := range []struct {
		to   *string
		from string
	}{{&f.Database, segments[0]}, {&f.Table.Schema, schema}, {&f.Table.Table, name}} {
		if *field.to, err = unescape(field.from); err != nil {
			return Folder{}, err
		}
	}
	return f, nil
}

const hexDigits = "0123456789ABCDEF"

// escape keeps ASCII letters, digits, - and _, and writes any other byte as
// %XX. An empty name has no key; it becomes "%", which no name escapes to.
func escape(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// unescape reverses escape and accepts nothing that escape does not write.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("unescaping %q: cut short", s)
		}
		high, low := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("unescaping %q: bad digit", s)
		}
		b.WriteByte(byte(high<<4 | low)) //nolint:gosec // two hexadecimal digits
		i += 2
	}
	name := b.String()
	if name == "" || escape(name) != s {
		return "", fmt.Errorf("unescaping %q: not as escaped", s)
	}
	return name, nil
}
