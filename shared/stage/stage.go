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
//	<prefix><database>/<schema>.<table>/<run>/keys-00000.csv.gz
//	<prefix><database>/<schema>.<table>/<run>/keys-manifest.json
//	<prefix><database>/<schema>.<table>/<run>/receipt.json
//	<prefix><database>/_state/<schema>.<table>.json
//	<prefix><database>/_runs/<run>.json
//	<prefix><database>/_runs/<run>/plan.json
//	<prefix><database>/_runs/<run>/units.json
//	<prefix><database>/_runs/<run>/units/<unit>.json
//	<prefix><database>/_runs/incremental/<schema>.<table>.json
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
	receiptName = "receipt.json"
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

// Part returns the key of part number index of an attempt at the table; ext comes
// without its dot. The first attempt has no name; those of others are letters and
// digits.
func (l Layout) Part(f Folder, attempt string, index int, ext string) string {
	return fmt.Sprintf("%spart-%05d%s.%s", l.Folder(f), index, suffix(attempt), ext)
}

// Manifest returns the key of the manifest of an attempt at the table. Of two
// attempts at once one writes the receipt, and the other may be the last to write
// a manifest.
func (l Layout) Manifest(f Folder, attempt string) string {
	return l.Folder(f) + "manifest" + suffix(attempt) + ".json"
}

// Keys and KeysManifest are Part and Manifest for the keys of a sweep.
func (l Layout) Keys(f Folder, attempt string, index int, ext string) string {
	return fmt.Sprintf("%skeys-%05d%s.%s", l.Folder(f), index, suffix(attempt), ext)
}

// KeysManifest returns a key; see Keys.
func (l Layout) KeysManifest(f Folder, attempt string) string {
	return l.Folder(f) + "keys-manifest" + suffix(attempt) + ".json"
}

func suffix(attempt string) string {
	if attempt == "" {
		return ""
	}
	return "-" + attempt
}

// Receipt returns the key of the table's receipt.
func (l Layout) Receipt(f Folder) string { return l.Folder(f) + receiptName }

// Run returns the key of a run's summary.
func (l Layout) Run(database string, run RunID) string {
	return l.Database(database) + "_runs/" + string(run) + ".json"
}

// Plan returns the key of a run's plan, Units that of its units, and Record that
// of the record of a unit; Records is the prefix of all of them. They are written
// when a run is left before it is done.
func (l Layout) Plan(database string, run RunID) string {
	return l.runFolder(database, run) + "plan.json"
}

// Units returns a key; see Plan.
func (l Layout) Units(database string, run RunID) string {
	return l.runFolder(database, run) + "units.json"
}

// Records returns a prefix; see Plan.
func (l Layout) Records(database string, run RunID) string {
	return l.runFolder(database, run) + "units/"
}

// Record returns a key; see Plan.
func (l Layout) Record(database string, run RunID, unit string) string {
	return l.Records(database, run) + unit + ".json"
}

func (l Layout) runFolder(database string, run RunID) string {
	return l.Database(database) + "_runs/" + string(run) + "/"
}

// Begun returns the key of what says that incremental runs of a table have begun.
func (l Layout) Begun(database string, name table.Name) string {
	return l.Database(database) + "_runs/incremental/" + escape(name.Schema) + "." + escape(name.Table) + ".json"
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
