// Package pgserver runs a throwaway PostgreSQL server: a new data directory, a
// free port, gone without a trace when its group closes or the program dies.
//
// The server trades safety for speed (fsync off) and listens on 127.0.0.1 and
// on a Unix socket. Over TCP every user needs a password (SCRAM); only the
// superuser has one. The socket lies in a directory that only the server's
// operating-system user, and root, can enter; whoever can is trusted.
//
// Any version from 12 on will do. Which one runs is Find's to say, and the
// environment variable STAGELIFT_POSTGRES overrides it.
//
// PostgreSQL refuses to run as root. Started by root, the server runs as the
// user postgres, or else nobody; started by anybody else, as that user.
package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/process"
)

const (
	superuser = "postgres"
	// bootLimit bounds how long a server may take until it answers, on top of
	// the context: a machine that is busy compiling may need a while.
	bootLimit = 60 * time.Second
	stopGrace = 10 * time.Second
	// portTries is how often another process may snatch the chosen port.
	portTries = 5
)

// Options configure a server. The zero value will do.
type Options struct {
	// Settings go into postgresql.conf, over our own. A value is the bare text,
	// without quotes.
	Settings map[string]string
	// HBA are lines that go on top of pg_hba.conf, where the first match wins.
	HBA []string
	// Log receives what the server logs. Nil discards it; an error of Start
	// has its last lines either way. Writes come from one goroutine at a time.
	Log io.Writer
}

// Server is a running PostgreSQL.
type Server struct {
	process  *process.Process
	log      *tail
	bin      string
	data     string
	socket   string
	port     int
	password string
	major    int
}

// Start makes a new database cluster in the group and returns once its server
// answers. The server lives until Close or the group's end; the context is for
// the start alone.
func Start(ctx context.Context, g *process.Group, o Options) (*Server, error) {
	s, err := start(ctx, g, o)
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, g *process.Group, o Options) (*Server, error) {
	s, owner, err := prepare(g)
	if err != nil {
		return nil, err
	}
	s.password = rand.Text()
	if err := s.initialize(ctx, g, owner); err != nil {
		return nil, err
	}
	if err := s.configure(o); err != nil {
		return nil, err
	}
	return s, s.boot(ctx, g, owner, o.Log)
}

// prepare finds the programs and makes the directories of a server.
func prepare(g *process.Group) (*Server, account, error) {
	bin, err := Find()
	if err != nil {
		return nil, account{}, err
	}
	owner, err := serverUser()
	if err != nil {
		return nil, account{}, err
	}
	dir, err := g.TempDir("pg")
	if err != nil {
		return nil, account{}, err
	}
	s := &Server{bin: bin, data: filepath.Join(dir, "data"), socket: filepath.Join(dir, "socket")}
	for _, private := range []string{s.data, s.socket} {
		if err := owner.makeDir(private); err != nil {
			return nil, account{}, err
		}
	}
	return s, owner, nil
}

// initialize runs initdb. The password travels in a file, since arguments can
// be seen by every user of the machine.
func (s *Server) initialize(ctx context.Context, g *process.Group, owner account) error {
	password := filepath.Join(s.socket, "password")
	if err := owner.writeFile(password, s.password); err != nil {
		return err
	}
	cmd := owner.command(ctx, s.data, filepath.Join(s.bin, "initdb"),
		"--pgdata="+s.data, "--username="+superuser, "--pwfile="+password,
		"--auth-local=trust", "--auth-host=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := g.Start(cmd)
	if err != nil {
		return err
	}
	if err := errors.Join(p.Err(), ctx.Err(), os.Remove(password)); err != nil {
		return fmt.Errorf("running initdb%s: %w\n%s", owner.whose(), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// configure writes postgresql.conf and pg_hba.conf over those of initdb. Both
// files keep their owner that way.
func (s *Server) configure(o Options) error {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": s.socket,
		"max_connections":         "100",
		"password_encryption":     "scram-sha-256",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"fsync":                   "off",
		"synchronous_commit":      "off",
		"full_page_writes":        "off",
		// The other kinds leave segments in /dev/shm when the server is killed.
		"dynamic_shared_memory_type": "mmap",
	}
	maps.Copy(settings, o.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if strings.ContainsAny(name+value, "\n\x00") {
			return fmt.Errorf("setting %s: a line break cannot be written to postgresql.conf", name)
		}
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(value))
	}
	hba := append(slices.Clone(o.HBA),
		"local all all trust",
		"local replication all trust",
		"host all all 127.0.0.1/32 scram-sha-256")
	if err := os.WriteFile(filepath.Join(s.data, "postgresql.conf"), []byte(conf.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.data, "pg_hba.conf"), []byte(strings.Join(hba, "\n")+"\n"), 0o600)
}

// AdminURL returns where the superuser reaches database, over TCP on loopback
// with a password, without TLS. It holds the password: keep it out of logs.
func (s *Server) AdminURL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SocketDir returns the directory of the Unix socket, .s.PGSQL.<port> in it.
func (s *Server) SocketDir() string { return s.socket }

// Port returns the server's port, of the socket's name and on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Major returns the server's major version.
func (s *Server) Major() int { return s.major }

// Pid returns the process id of the postmaster.
func (s *Server) Pid() int { return s.process.Pid() }

// Done is closed once the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Close shuts the server down: clients are cut off, running statements rolled
// back. The data directory goes with the group. A second Close does nothing.
func (s *Server) Close() error { return s.process.Stop(os.Interrupt, stopGrace) }

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.Exec(ctx, superuser, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
}

// Exec runs statements, separated by semicolons, in database as the superuser:
// one connection, and one transaction unless they say otherwise.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, s.AdminURL(database))
	if err != nil {
		return fmt.Errorf("connecting to database %q: %w", database, err)
	}
	_, execErr := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err := errors.Join(execErr, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("executing in database %q: %w", database, err)
	}
	return nil
}
