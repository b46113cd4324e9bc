package rds_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/rds/rdstest"
)

// bulk is about 100 MB of rows that do not compress to nothing.
const bulk = "COPY (SELECT n, repeat(md5(n::text), 15) FROM generate_series(1, 205000) AS n) TO STDOUT"

func TestCopyIsUnchanged(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	copied := func(conn *pgx.Conn) (rows int64, size int64, sum [32]byte) {
		t.Helper()
		out := &counted{digest: sha256.New()}
		tag, err := conn.PgConn().CopyTo(t.Context(), out, bulk)
		if err != nil {
			t.Fatal(err)
		}
		return tag.RowsAffected(), out.size, [32]byte(out.digest.Sum(nil))
	}
	direct, err := pgx.Connect(t.Context(), i.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = direct.Close(context.WithoutCancel(t.Context())) }()

	wantRows, wantSize, wantSum := copied(direct)
	gotRows, gotSize, gotSum := copied(dialer{instance: i}.connect(t))
	if wantSize < 95e6 {
		t.Errorf("the copy has %d bytes, want about 100 MB", wantSize)
	}
	if gotRows != wantRows || gotSize != wantSize || gotSum != wantSum {
		t.Errorf("through the gate: %d rows, %d bytes, %x; direct: %d rows, %d bytes, %x",
			gotRows, gotSize, gotSum, wantRows, wantSize, wantSum)
	}
}

type counted struct {
	digest hash.Hash
	size   int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	return c.digest.Write(p)
}

func TestCopyInIsUnchanged(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	conn := dialer{instance: i}.connect(t)
	if _, err := conn.Exec(t.Context(), "CREATE TEMP TABLE taken (n int)"); err != nil {
		t.Fatal(err)
	}
	const rows = 200_000
	read, write := io.Pipe()
	go func() {
		for n := range rows {
			if _, err := fmt.Fprintln(write, n); err != nil {
				return
			}
		}
		_ = write.Close()
	}()
	if _, err := conn.PgConn().CopyFrom(t.Context(), read, "COPY taken FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	var count, sum int64
	if err := conn.QueryRow(t.Context(), "SELECT count(*), sum(n) FROM taken").Scan(&count, &sum); err != nil {
		t.Fatal(err)
	}
	if count != rows || sum != rows*(rows-1)/2 {
		t.Errorf("%d rows with sum %d arrived, want %d with %d", count, sum, rows, rows*(rows-1)/2)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	for name, cancel := range map[string]func(*testing.T, *pgconn.PgConn){
		"as the driver sends it": func(t *testing.T, conn *pgconn.PgConn) {
			t.Helper()
			if err := conn.CancelRequest(t.Context()); err != nil {
				t.Error(err)
			}
		},
		// psql before version 17 has no TLS on its cancel requests.
		"without TLS": func(t *testing.T, conn *pgconn.PgConn) {
			t.Helper()
			plain, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(i.Port())))
			if err != nil {
				t.Error(err)
				return
			}
			message := binary.BigEndian.AppendUint32(nil, 12+uint32(len(conn.SecretKey())))
			message = binary.BigEndian.AppendUint32(message, 80877102)
			message = binary.BigEndian.AppendUint32(message, conn.PID())
			message = append(message, conn.SecretKey()...)
			if _, err := plain.Write(message); err != nil {
				t.Error(err)
			}
			if _, err := plain.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the answer to a cancel request: %v, want the end", err)
			}
			_ = plain.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dialer{instance: i}.connect(t)
			admin, err := pgx.Connect(t.Context(), i.AdminURL())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
			asleep := func() bool {
				var found bool
				err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep')", int32(conn.PgConn().PID())).Scan(&found)
				return err == nil && found
			}
			result := make(chan error, 1)
			go func() {
				_, err := conn.Exec(context.WithoutCancel(t.Context()), "SELECT pg_sleep(1000)")
				result <- err
			}()
			eventually(t, "the query runs", asleep)
			cancel(t, conn.PgConn())
			var cancelled *pgconn.PgError
			if err := <-result; !errors.As(err, &cancelled) || cancelled.Code != "57014" {
				t.Errorf("the query ended with %v, want SQLSTATE 57014", err)
			}
			if err := conn.Ping(t.Context()); err != nil {
				t.Errorf("after the cancelled query: %v", err)
			}
		})
	}
}

func TestServerSeesTheClientGo(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	conn := dialer{instance: i}.connect(t)
	pid := int32(conn.PgConn().PID())
	_ = conn.PgConn().Conn().Close() // no Terminate message

	admin, err := pgx.Connect(t.Context(), i.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	eventually(t, "its backend is gone", func() bool {
		var there bool
		err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid).Scan(&there)
		return err == nil && !there
	})
}

func TestTheServersLastWordArrives(t *testing.T) {
	t.Parallel()
	i := rdstest.Shared(t)
	conn := dialer{instance: i}.connect(t)
	adminExec(t, i, fmt.Sprintf("SELECT pg_terminate_backend(%d)", conn.PgConn().PID()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := conn.Exec(ctx, "SELECT 1")
	var ended *pgconn.PgError
	if !errors.As(err, &ended) || ended.Code != "57P01" {
		t.Errorf("error %v, want SQLSTATE 57P01 (terminated by the administrator)", err)
	}
}

// BenchmarkCopy shows what the gate costs: the same COPY past it and through.
func BenchmarkCopy(b *testing.B) {
	i := rdstest.Start(b)
	for name, connect := range map[string]func() (*pgx.Conn, error){
		"direct":  func() (*pgx.Conn, error) { return pgx.Connect(b.Context(), i.AdminURL()) },
		"through": func() (*pgx.Conn, error) { return dialer{instance: i}.dial(b) },
	} {
		b.Run(name, func(b *testing.B) {
			conn, err := connect()
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
			out := new(size)
			for b.Loop() {
				if _, err := conn.PgConn().CopyTo(b.Context(), out, bulk); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(*out) / int64(b.N))
		})
	}
}

type size int64

func (s *size) Write(p []byte) (int, error) {
	*s += size(len(p))
	return len(p), nil
}
