package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Snapshot is one moment of the database. It is valid until Close.
type Snapshot struct {
	// ID is the name under which the server exports the snapshot.
	ID string
	// LSN is the WAL position just before; empty where the server hides it.
	LSN string
	// At is the server's clock at the snapshot.
	At time.Time

	source *Source
	conn   *pgx.Conn
}

// Snapshot takes one. The caller must Close it.
func (s *Source) Snapshot(ctx context.Context) (*Snapshot, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{source: s, conn: conn}
	if err := snapshot.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("taking a snapshot: %w", err), closing(ctx, conn))
	}
	return snapshot, nil
}

// begin reads the WAL position first and outside the transaction, because
// Aurora's readers refuse the question and would spoil the transaction.
func (s *Snapshot) begin(ctx context.Context) error {
	const position = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text`
	var lsn pgtype.Text
	if err := s.conn.QueryRow(ctx, position).Scan(&lsn); err == nil {
		s.LSN = lsn.String
	}
	if _, err := s.conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`); err != nil {
		return err
	}
	return s.conn.QueryRow(ctx, `SELECT pg_export_snapshot(), clock_timestamp()`).Scan(&s.ID, &s.At)
}

// Close lets the snapshot go. Streams that were opened from it keep theirs.
func (s *Snapshot) Close(ctx context.Context) error { return closing(ctx, s.conn) }

// Stream is a connection that reads at a snapshot. It does one thing at a time.
type Stream struct{ conn *pgx.Conn }

// Stream opens a connection that sees this snapshot. The caller must Close it.
func (s *Snapshot) Stream(ctx context.Context) (*Stream, error) {
	conn, err := s.source.connect(ctx)
	if err != nil {
		return nil, err
	}
	begin := `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT '` +
		strings.ReplaceAll(s.ID, `'`, `''`) + `'`
	if _, err := conn.PgConn().Exec(ctx, begin).ReadAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("importing snapshot %s: %w", s.ID, err), closing(ctx, conn))
	}
	return &Stream{conn: conn}, nil
}

// Copy runs a COPY … TO STDOUT, handing w one row with each Write, and returns
// the number of rows that the server says it sent. After an error the stream
// can only be closed, and w may have seen any number of rows.
func (s *Stream) Copy(ctx context.Context, w io.Writer, statement string) (int64, error) {
	tag, err := s.conn.PgConn().CopyTo(ctx, w, statement)
	if err != nil {
		return 0, readHint(err)
	}
	return tag.RowsAffected(), nil
}

// Close ends the connection.
func (s *Stream) Close(ctx context.Context) error { return closing(ctx, s.conn) }
