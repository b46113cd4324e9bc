package rds_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stagelift/stagelift/local/rds/rdstest"
)

// firstByte closes itself when the first byte comes, and then holds the rest up
// until released.
type firstByte struct {
	came, release chan struct{}
	seen          bool
}

func (f *firstByte) Write(p []byte) (int, error) {
	if !f.seen {
		f.seen = true
		close(f.came)
		<-f.release
	}
	return len(p), nil
}

func TestCutConnections(t *testing.T) {
	t.Parallel()
	i := rdstest.Start(t)
	copying, idle := dialer{instance: i}.connect(t), dialer{instance: i}.connect(t)
	out := &firstByte{came: make(chan struct{}), release: make(chan struct{})}
	result := make(chan error, 1)
	go func() {
		_, err := copying.PgConn().CopyTo(context.WithoutCancel(t.Context()), out, bulk)
		result <- err
	}()
	<-out.came
	if cut := i.CutConnections(); cut != 2 {
		t.Errorf("CutConnections() = %d, want 2", cut)
	}
	close(out.release)
	var server *pgconn.PgError
	if err := <-result; err == nil || errors.As(err, &server) {
		t.Errorf("the copy ended with %v, want the error of a broken connection", err)
	}
	if err := idle.Ping(t.Context()); err == nil {
		t.Error("the idle connection survived")
	}
	if err := (dialer{instance: i}).connect(t).Ping(t.Context()); err != nil {
		t.Errorf("a new connection: %v", err)
	}
	eventually(t, "the cut connections are forgotten", func() bool { return i.CutConnections() <= 1 })
}

func TestCutAfter(t *testing.T) {
	t.Parallel()
	i := rdstest.Start(t)
	const limit = 1_000_000
	i.CutAfter(limit)
	bystander := dialer{instance: i}.connect(t)

	out := &counted{digest: sha256.New()}
	if _, err := (dialer{instance: i}).connect(t).PgConn().CopyTo(t.Context(), out, bulk); err == nil {
		t.Fatal("the copy was not cut")
	}
	// What came includes no message heads, and lacks the row that was cut.
	if out.size > limit || out.size < limit*9/10 {
		t.Errorf("%d bytes of rows came, want a little below %d", out.size, limit)
	}
	if err := bystander.Ping(t.Context()); err != nil {
		t.Errorf("another connection: %v", err)
	}
	again := &counted{digest: sha256.New()}
	if _, err := (dialer{instance: i}).connect(t).PgConn().CopyTo(t.Context(), again, bulk); err != nil {
		t.Errorf("the second copy, which nothing should cut: %v", err)
	}
}
