package snowflake

import (
	"context"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// copied is what VALIDATE can be asked about a COPY.
type copied struct {
	table     uint32
	transform bool
	rejected  []rejected
}

// rejected is a record that a COPY did not load.
type rejected struct {
	problem      sqlError
	file, column string
	line, number int64
	record       []byte
}

// validate answers VALIDATE: the records that a COPY into the table rejected.
// One that transforms "does not return accurate results" and is refused;
// ABORT_STATEMENT rejects none ("VALIDATE").
func (s *session) validate(ctx context.Context, v *grammar.Validate) (result, error) {
	oid, err := s.relation(ctx, v.Table)
	if err != nil {
		return result{}, err
	}
	c := s.lastCopy
	if v.Job != "_last" {
		c = nil
		if x := s.server.requests.find(v.Job); x != nil && x.over() {
			c = x.copied
		}
	}
	switch {
	case c == nil || c.table != oid:
		return result{}, sqlError{"001044", "42P13", "SQL compilation error:\ninvalid argument for VALIDATE: '" + v.Job +
			"' is no COPY INTO " + v.Table.String()}
	case c.transform:
		return result{}, sqlError{"002303", "0A000", "SQL compilation error:\nVALIDATE does not support COPY INTO statements that transform data"}
	}
	r := result{columns: []rowType{
		textColumn("ERROR"), textColumn("FILE"), numberColumn("LINE"), numberColumn("CHARACTER"), numberColumn("BYTE_OFFSET"),
		textColumn("CATEGORY"), numberColumn("CODE"), textColumn("SQL_STATE"), textColumn("COLUMN_NAME"), numberColumn("ROW_NUMBER"),
		numberColumn("ROW_START_LINE"), textColumn("REJECTED_RECORD"),
	}, rows: [][]*string{}}
	for _, bad := range c.rejected {
		category := "conversion"
		if bad.column == "" {
			category = "parsing"
		}
		r.rows = append(r.rows, []*string{
			new(bad.problem.message), new(bad.file), whole(bad.line), whole(1), nil, new(category), new(strings.TrimLeft(bad.problem.code, "0")),
			new(bad.problem.state), new(bad.column), whole(bad.number), whole(bad.line), recordText(bad.record),
		})
	}
	return r, nil
}

// recordText is the record as far as an answer can hold it; nil is NULL.
func recordText(record []byte) *string {
	if record == nil {
		return nil
	}
	return new(strings.ToValidUTF8(string(record), "\uFFFD"))
}
