// Package s3 runs a real S3 server on loopback: versitygw, compiled from the
// module in the folder of that name and run as a subprocess.
//
// It checks signatures, enforces the size of parts and the conditions of
// writes, and keeps objects in a directory. What differs from Amazon S3: a key
// "a" and a key "a/b" cannot both exist, a piece of a key between slashes holds
// at most 255 bytes, and bucket notifications cannot be configured; OnCreated
// stands in for them.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit bounds the wait for the server's first sign of life.
	startLimit = 30 * time.Second
	// stopLimit is how long the server may take to end before it is killed.
	stopLimit = 5 * time.Second
	// portTries is how often another process may snatch the chosen port.
	portTries = 5
)

// Options configure a server.
type Options struct {
	// Binary is the server, from Build.
	Binary string
	// Dir is where the buckets lie, an absolute path. It must exist; what it
	// holds is served.
	Dir string
	// AccessKey and SecretKey are the only credentials that are accepted.
	AccessKey, SecretKey string
	// Region is what requests must be signed for; empty means us-east-1.
	Region string
	// Log receives the errors that the server reports. Nil discards them; an
	// error of Start has the last of them either way.
	Log io.Writer
	// OnCreated is told of each object that became visible, by Put, Copy or the
	// completion of a multipart upload: bucket, and key as the client meant it.
	// Each creation is told once, in the order of happening, one call at a
	// time, and independently of the client's request, which may end before or
	// after. Nil means that nobody is told.
	OnCreated func(bucket, key string)
}

// Server is a running S3 server.
type Server struct {
	cmd      *exec.Cmd
	endpoint string
	lifeline io.Closer // the server lives as long as this is open
	output   *tail
	reports  *reports
	done     chan struct{}
	closing  sync.Once
}

// Start starts a server and returns once it takes connections. The context is
// for the start alone: the server lives until Close, or until this process
// ends in whatever way.
func Start(ctx context.Context, o Options) (*Server, error) {
	if !filepath.IsAbs(o.Dir) {
		return nil, fmt.Errorf("starting the S3 server: directory %q is not an absolute path", o.Dir)
	}
	for try := 1; ; try++ {
		s, err := start(ctx, o)
		if err == nil {
			return s, nil
		}
		if try == portTries || !strings.Contains(err.Error(), "address already in use") {
			return nil, fmt.Errorf("starting the S3 server: %w", err)
		}
	}
}

func start(ctx context.Context, o Options) (*Server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{endpoint: "http://" + address, output: &tail{next: o.Log}, done: make(chan struct{})}
	region := o.Region
	if region == "" {
		region = "us-east-1"
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), o.Binary,
		"-listen", address, "-dir", o.Dir, "-region", region, "-reports", "3")
	s.cmd.Dir = o.Dir
	s.cmd.Env = []string{"ROOT_ACCESS_KEY=" + o.AccessKey, "ROOT_SECRET_KEY=" + o.SecretKey, "PATH=" + os.Getenv("PATH")}
	s.cmd.Stderr = s.output // its standard output is small talk
	s.cmd.WaitDelay = stopLimit
	// A Ctrl-C at the terminal must reach only us, who end things in order.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.launch(o.OnCreated); err != nil {
		return nil, err
	}
	return s, s.await(ctx)
}

// launch starts the process with its two pipes.
func (s *Server) launch(onCreated func(bucket, key string)) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	s.cmd.ExtraFiles = []*os.File{write}
	s.lifeline, err = s.cmd.StdinPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return err
	}
	s.reports = readReports(read, onCreated)
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	return nil
}

// await returns when the server is ready, or says why it never will be.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	select {
	case <-s.reports.ready:
		return nil
	case <-s.done:
		return errors.Join(fmt.Errorf("it ended at once, %s: %s", s.cmd.ProcessState, s.output), s.Close())
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("waiting for it to listen: %w: %s", ctx.Err(), s.output), s.Close())
	}
}

// Endpoint returns the server's URL, http://127.0.0.1:port.
func (s *Server) Endpoint() string { return s.endpoint }

// Pid returns the server's process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Done is closed when the server has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server and returns once it is gone and OnCreated will not be
// called any more; it must not be called from OnCreated. Creations that
// OnCreated has not been told of are dropped. Later calls wait and do nothing.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.reports.drop()
		_ = s.lifeline.Close()
		timer := time.NewTimer(stopLimit)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			_ = s.cmd.Process.Kill()
		}
		s.reports.ended.Wait()
	})
	<-s.done
	return nil
}

// freeAddress names a port that was free a moment ago. Someone may take it
// before the server does; Start then tries again.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
