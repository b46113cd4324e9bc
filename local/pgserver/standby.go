package pgserver

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/stagelift/stagelift/local/process"
)

// StartStandby makes a hot standby of the primary and returns once it answers. It
// streams from the primary, has the same superuser with the same password, and
// lives until Close or the group's end. The primary must have no tablespaces, and
// keeps its log for the standby, after its Close too.
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
	slot, err := backUp(ctx, owner, primary, s.data)
	if err != nil {
		return nil, err
	}
	if err := s.follow(owner, primary, slot, o); err != nil {
		return nil, err
	}
	return s, s.boot(ctx, g, owner, o.Log)
}

// follow writes whom the copy streams from, beside its other settings.
func (s *Server) follow(owner account, primary *Server, slot string, o Options) error {
	settings := map[string]string{
		"primary_conninfo":  fmt.Sprintf("host=%s port=%d user=%s", primary.socket, primary.port, superuser),
		"primary_slot_name": slot,
	}
	maps.Copy(settings, o.Settings)
	o.Settings = settings
	if err := owner.writeFile(filepath.Join(s.data, "standby.signal"), ""); err != nil {
		return err
	}
	return s.configure(o)
}
