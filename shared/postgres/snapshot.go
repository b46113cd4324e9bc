package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stagelift/stagelift/shared/table"
)

// SnapshotOptions say which moment is wanted. The zero value is now.
type SnapshotOptions struct {
	// Import is a snapshot that another session of the same database exported
	// and still holds. It is taken over: once Snapshot has returned, that
	// session may end. Empty takes a new snapshot.
	Import string
	// Cursors are the tables that are read incrementally. How far is found out
	// before the snapshot is taken, so they exclude Import.
	Cursors []Cursor
	// Wait is how long to wait for transactions that were writing to a table
	// with an integer cursor; 0 is 30 seconds.
	Wait time.Duration
}

// Snapshot is one moment of the database. It is valid until Close.
type Snapshot struct {
	// ID is the name under which the server exports the snapshot.
	ID string
	// LSN is the WAL position just before; empty where the server hides it, and
	// of an imported snapshot.
	LSN string
	// Visible tells which transactions the snapshot sees, as
	// pg_current_snapshot() prints it. Snapshots of one database that agree in
	// it see the same rows.
	Visible string
	// At is the server's clock when the snapshot was taken or imported.
	At time.Time
	// Bounds are how far the tables of SnapshotOptions.Cursors may be read.
	Bounds map[table.Name]Bound

	source *Source
	conn   *pgx.Conn
}

// Snapshot takes one, or takes one over. The caller must Close it.
func (s *Source) Snapshot(ctx context.Context, o SnapshotOptions) (*Snapshot, error) {
	if o.Import != "" && len(o.Cursors) > 0 {
		return nil, errors.New("taking a snapshot: cursors have to be bounded before the snapshot is taken, " +
			"so an imported one cannot be read incrementally")
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{source: s, conn: conn}
	if err := snapshot.begin(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("taking a snapshot: %w", err), closing(ctx, conn))
	}
	return snapshot, nil
}

func (s *Snapshot) begin(ctx context.Context, o SnapshotOptions) (err error) {
	if o.Import == "" {
		if s.Bounds, err = s.bound(ctx, o); err != nil {
			return err
		}
		s.readPosition(ctx)
	}
	if err := adopt(ctx, s.conn, o.Import); err != nil {
		return err
	}
	return s.conn.QueryRow(ctx, `SELECT pg_export_snapshot(), pg_current_snapshot()::text, clock_timestamp()`).Scan(&s.ID, &s.Visible, &s.At)
}

// readPosition comes first and outside the transaction, because Aurora's
// readers refuse the question and would spoil the transaction.
func (s *Snapshot) readPosition(ctx context.Context) {
	const position = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text`
	var lsn pgtype.Text
	if err := s.conn.QueryRow(ctx, position).Scan(&lsn); err == nil {
		s.LSN = lsn.String
	}
}

// adopt begins a transaction at an exported snapshot, or at one of its own when
// id is empty.
func adopt(ctx context.Context, conn *pgx.Conn, id string) error {
	begin := `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`
	if id != "" {
		begin += `; SET TRANSACTION SNAPSHOT ` + quoteString(id)
	}
	if _, err := conn.PgConn().Exec(ctx, begin).ReadAll(); err != nil {
		return explainImport(id, err)
	}
	return nil
}

// quoteString is for where an E string is no legal literal. Every session of
// ours has standard_conforming_strings on.
func quoteString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// explainImport says what to do about a snapshot that cannot be imported.
func explainImport(id string, err error) error {
	var server *pgconn.PgError
	if id == "" || !errors.As(err, &server) {
		return err
	}
	switch server.Code {
	case "22023", "42704", "55000":
		return fmt.Errorf("importing snapshot %s: it is gone, because the session that exported it has ended or was ended; "+
			"keep that session open, or begin again with a new snapshot; where a replica ended it to keep up, "+
			"turn hot_standby_feedback on: %w", id, err)
	case "0A000":
		return fmt.Errorf("importing snapshot %s: it is another database's: %w", id, err)
	}
	return fmt.Errorf("importing snapshot %s: %w", id, err)
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
	if err := adopt(ctx, conn, s.ID); err != nil {
		return nil, errors.Join(err, closing(ctx, conn))
	}
	return &Stream{conn: conn}, nil
}

// Copy runs a COPY … TO STDOUT, handing w one row with each Write, and returns
// the number of rows that the server says it sent. After an error the stream
// can only be closed, and w may have seen any number of rows; when it is a
// Conflict, the same statement can be run again on a new stream.
func (s *Stream) Copy(ctx context.Context, w io.Writer, statement string) (int64, error) {
	tag, err := s.conn.PgConn().CopyTo(ctx, w, statement)
	if err != nil {
		return 0, readHint(err)
	}
	return tag.RowsAffected(), nil
}

// Close ends the connection.
func (s *Stream) Close(ctx context.Context) error { return closing(ctx, s.conn) }
