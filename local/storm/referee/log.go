package referee

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Doc is one version of a row: its values by column, as text. NULL is absent.
type Doc map[string]string

// Act is what a Change does.
type Act byte

// The acts.
const (
	// Set gives a row a version, its first or another.
	Set Act = 's'
	// Drop removes a row.
	Drop Act = 'd'
	// Clear removes every row of a relation.
	Clear Act = 'c'
)

// Change is one change of a row of a relation, made by transaction XID. The
// changes of one row are in the order of Seq.
type Change struct {
	Seq int64
	XID uint64
	Rel uint32
	Act Act
	ID  int64
	// Doc is the version as a JSON object.
	Doc string

	parsed Doc
}

// Naming says what a name stands for from its transaction on.
type Naming struct {
	Seq  int64
	XID  uint64
	Name string
	// Parts are the relations whose rows it shows, Alone the one of the name itself
	// where that has rows, from which others may inherit; both nil when there is no
	// such name any more.
	Parts, Alone []uint32
	Columns      []string
}

// Log is what happened. Sort must have been called.
type Log struct {
	Changes []*Change
	Names   []Naming
}

// Sort brings the log into its order and reads the versions.
func (l *Log) Sort() error {
	slices.SortFunc(l.Changes, func(a, b *Change) int { return cmp.Compare(a.Seq, b.Seq) })
	slices.SortFunc(l.Names, func(a, b Naming) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, c := range l.Changes {
		if c.Act != Set {
			continue
		}
		doc, err := ParseDoc(c.Doc)
		if err != nil {
			return fmt.Errorf("change %d: %w", c.Seq, err)
		}
		c.parsed = doc
	}
	return nil
}

// ParseDoc reads a JSON object.
func ParseDoc(text string) (Doc, error) {
	var values map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil, fmt.Errorf("reading the row %.200s: %w", text, err)
	}
	doc := make(Doc, len(values))
	for name, value := range values {
		switch value := value.(type) {
		case nil:
		case string:
			doc[name] = value
		default:
			doc[name] = fmt.Sprint(value)
		}
	}
	return doc, nil
}

// id returns the row's id, 0 where it has none.
func (d Doc) id() int64 {
	n, err := strconv.ParseInt(d["id"], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Content is what a name held at a moment.
type Content struct {
	Relations []uint32
	Columns   []string
	Rows      []Doc
}

// At returns what name held at m. A table with rows of its own is read alone, or
// with what inherits from it when descend is true. It is false when there was no
// such name.
func (l *Log) At(name string, m Moment, descend bool) (Content, bool) {
	var naming Naming
	for _, n := range l.Names {
		if n.Name == name && m.Sees(n.XID) {
			naming = n
		}
	}
	content := Content{Relations: naming.Parts, Columns: naming.Columns}
	if !descend && len(naming.Alone) > 0 {
		content.Relations = naming.Alone
	}
	for _, rel := range content.Relations {
		content.Rows = append(content.Rows, l.rows(rel, m)...)
	}
	return content, naming.Parts != nil
}

// rows returns the rows of one relation.
func (l *Log) rows(rel uint32, m Moment) []Doc {
	rows := map[int64]Doc{}
	for _, c := range l.Changes {
		if c.Rel != rel || !m.Sees(c.XID) {
			continue
		}
		switch c.Act {
		case Set:
			rows[c.ID] = c.parsed
		case Drop:
			delete(rows, c.ID)
		case Clear:
			clear(rows)
		}
	}
	list := make([]Doc, 0, len(rows))
	for _, doc := range rows {
		list = append(list, doc)
	}
	return list
}
