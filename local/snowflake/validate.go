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

// validate answers VALIDATE into a table that the statement reads: the records
// that a COPY into the table rejected. One that transforms "does not return accurate
// results" and is refused; ABORT_STATEMENT rejects none ("VALIDATE").
func (s *session) validate(ctx context.Context, v *grammar.Validate) error {
	oid, err := s.relation(ctx, v.Table)
	if err != nil {
		return err
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
		return sqlError{"001044", "42P13", "SQL compilation error:\ninvalid argument for VALIDATE: '" + v.Job +
			"' is no COPY INTO " + v.Table.String()}
	case c.transform:
		return sqlError{"002303", "0A000", "SQL compilation error:\nVALIDATE does not support COPY INTO statements that transform data"}
	}
	if err := s.command(ctx, "DROP TABLE IF EXISTS "+grammar.Validated); err != nil {
		return err
	}
	if err := s.command(ctx, "CREATE TEMPORARY TABLE "+strings.TrimPrefix(grammar.Validated, "pg_temp.")+validateColumns); err != nil {
		return err
	}
	for _, bad := range c.rejected {
		if err := s.keepRejected(ctx, bad); err != nil {
			return err
		}
	}
	return nil
}

const validateColumns = ` ("ERROR" text, "FILE" text, "LINE" numeric(19,0), "CHARACTER" numeric(19,0), "BYTE_OFFSET" numeric(19,0), "CATEGORY" text,
	"CODE" numeric(19,0), "SQL_STATE" text, "COLUMN_NAME" text, "ROW_NUMBER" numeric(19,0), "ROW_START_LINE" numeric(19,0), "REJECTED_RECORD" text)`

func (s *session) keepRejected(ctx context.Context, bad rejected) error {
	category := "conversion"
	if bad.column == "" {
		category = "parsing"
	}
	var values [][]byte
	for _, value := range []*string{
		new(bad.problem.message), new(bad.file), whole(bad.line), whole(1), nil, new(category), new(strings.TrimLeft(bad.problem.code, "0")),
		new(bad.problem.state), new(bad.column), whole(bad.number), whole(bad.line), recordText(bad.record),
	} {
		if value == nil {
			values = append(values, nil)
			continue
		}
		values = append(values, []byte(*value))
	}
	_, err := s.conn.ExecParams(ctx, "INSERT INTO "+grammar.Validated+" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", values, nil, nil, nil).Close()
	return err
}

// recordText is the record as far as an answer can hold it; nil is NULL.
func recordText(record []byte) *string {
	if record == nil {
		return nil
	}
	return new(strings.ToValidUTF8(string(record), "\uFFFD"))
}
