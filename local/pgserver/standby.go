package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/stagelift/stagelift/local/process"
)

// StartStandby makes a hot standby of the primary and returns once it answers. It
// streams from the primary, has the same superuser with the same password, and
// lives until Close or the group's end.
func StartStandby(ctx context.Context, g *process.Group, primary *Server, o Options) (*Server, error) {
	s, err := startStandby(ctx, g, primary, o)
	if err != nil {
		return nil, fmt.Errorf("starting a PostgreSQL standby: %w", err)
	}
	return s, nil
}

func startStandby(ctx context.Context, g *process.Group, primary *Server, o Options) (*Server, error) {
	s, owner, err := prepare(g)
	if err != nil {
		return nil, err
	}
	s.password = primary.password
	if err := s.copyFrom(ctx, g, owner, primary); err != nil {
		return nil, err
	}
	if err := s.configure(o); err != nil {
		return nil, err
	}
	return s, s.boot(ctx, g, owner, o.Log)
}

// copyFrom copies the primary's data directory, and has the copy know whom to
// follow.
func (s *Server) copyFrom(ctx context.Context, g *process.Group, owner account, primary *Server) error {
	cmd := owner.command(ctx, s.data, filepath.Join(s.bin, "pg_basebackup"),
		"--pgdata="+s.data, "--host="+primary.socket, "--port="+strconv.Itoa(primary.port), "--username="+superuser,
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := g.Start(cmd)
	if err != nil {
		return err
	}
	if err := errors.Join(p.Err(), ctx.Err()); err != nil {
		return fmt.Errorf("running pg_basebackup: %w\n%s", err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
