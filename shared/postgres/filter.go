package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckFilter finds out whether where is one boolean expression over the rows of
// t that we may evaluate, and nothing else. Names outside pg_catalog must be
// written with their schema. What an expression does is not judged: it can call
// every function that the user may call, in a read-only transaction.
//
// It is parsed by the server between round and between square brackets. An
// expression that closed the bracket it stands in could not close the other
// kind, so one that passes both closes neither and stays an operand of AND.
// Prepare takes a single statement; a comment, a string or a bracket that is
// left open fails for want of what follows.
func (s *Snapshot) CheckFilter(ctx context.Context, t Table, where string) error {
	if err := s.checkFilter(ctx, t, where); err != nil {
		return fmt.Errorf("checking the filter of %s: %w", t.Name, err)
	}
	return nil
}

func (s *Snapshot) checkFilter(ctx context.Context, t Table, where string) error {
	if !utf8.ValidString(where) || strings.ContainsRune(where, 0) {
		return errors.New("it is not valid UTF-8, or holds NUL")
	}
	if strings.TrimSpace(where) == "" {
		return errors.New("it is empty; leave it out instead")
	}
	span := t.Spans(0)[0]
	statement := "SELECT FROM " + span.from() + " WHERE (" + where + "\n)"
	brackets := "SELECT FROM " + span.from() + " WHERE (ARRAY[" + where + "\n]) IS NOT NULL"
	// An error would end the transaction, and with it the snapshot.
	return s.attempt(ctx, func() error {
		for _, sql := range []string{statement, brackets} {
			prepared, err := s.conn.PgConn().Prepare(ctx, "", sql, nil)
			if err != nil {
				return filterHint(err)
			}
			if len(prepared.ParamOIDs) > 0 {
				return errors.New("it has a parameter such as $1; write the value instead")
			}
		}
		// Privileges are looked at when a plan is about to run.
		if _, err := s.conn.PgConn().Exec(ctx, "EXPLAIN "+statement).ReadAll(); err != nil {
			return filterHint(err)
		}
		return nil
	})
}

// attempt undoes what do did to the transaction when it fails.
func (s *Snapshot) attempt(ctx context.Context, do func() error) error {
	if _, err := s.conn.Exec(ctx, "SAVEPOINT attempt"); err != nil {
		return err
	}
	err := do()
	end := "RELEASE attempt"
	if err != nil {
		end = "ROLLBACK TO attempt; RELEASE attempt"
	}
	_, endErr := s.conn.PgConn().Exec(ctx, end).ReadAll()
	return errors.Join(err, endErr)
}
