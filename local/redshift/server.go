package redshift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/sessions"
)

const (
	// slots is how many statements run at once; the rest wait as SUBMITTED,
	// as they would in a queue of the warehouse.
	slots = 16
	// keptSessions are so few that tests with a stand-in each do not use up what
	// their server of PostgreSQL takes.
	keptSessions = 4
	closeTimeout = 10 * time.Second
)

// Server is a running stand-in.
type Server struct {
	options    Options
	log        *slog.Logger
	sessions   *sessions.Pool
	s3         *s3.Client
	http       *http.Server
	endpoint   string
	executions *executions
	quotas     *quotas
	compute    *sessions.Compute
	slots      chan struct{}
	// name is the PostgreSQL database's.
	name string
	// role is PostgreSQL's name of the user that requests run as; empty is the
	// superuser.
	role string
	// late is true once there are late-binding views.
	late    atomic.Bool
	running sync.WaitGroup
	// life ends with the server, and with it every statement.
	life context.Context
	end  context.CancelFunc
}

// Start serves on a free port of the loopback interface until Close. The
// context is for the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("starting the Redshift stand-in: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	config, err := sessions.NewConfig(o.DatabaseURL, map[string]string{
		"application_name": "redshift stand-in", "search_path": "public, " + systemSchema + ", pg_catalog",
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:    o,
		log:        slog.New(slog.NewTextHandler(o.Log, nil)),
		sessions:   sessions.NewPool(config, keptSessions),
		s3:         s3.NewFromConfig(o.S3, func(options *s3.Options) { options.UsePathStyle = true }),
		executions: newExecutions(o.now),
		quotas:     newQuotas(o.Quotas, o.now),
		compute:    sessions.NewCompute(o.Resume, o.Idle, o.now),
		slots:      make(chan struct{}, slots),
	}
	if err := s.prepareWarehouse(ctx); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.endpoint = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.ErrorContext(s.life, "serving ended", slog.Any("error", err))
		}
	})
	return s, nil
}

// Endpoint is the URL for AWS_ENDPOINT_URL_REDSHIFT_DATA.
func (s *Server) Endpoint() string { return s.endpoint }

// Close aborts what is running, rolls it back and waits until it is gone.
func (s *Server) Close() error {
	s.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.life), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.running.Wait()
	if err = errors.Join(err, s.sessions.Close(ctx)); err != nil {
		return fmt.Errorf("closing the Redshift stand-in: %w", err)
	}
	return nil
}
