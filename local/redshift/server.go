package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/stagelift/stagelift/local/sessions"
)

// Options say what the warehouse is. All but Log and BeforeStatement are
// needed.
type Options struct {
	// DatabaseURL is a superuser's URL of the PostgreSQL database that plays
	// the warehouse. It belongs to the stand-in alone.
	DatabaseURL string
	// Database is the Redshift database that requests must name, "dev" say.
	Database string
	// Workgroup is the serverless workgroup that requests must name.
	Workgroup string
	// CopyRole is the ARN of the only IAM role that COPY may name.
	CopyRole string
	// S3 is how COPY reads: endpoint, credentials, region.
	S3 aws.Config
	// Region, AccessKey and SecretKey are what requests must be signed with.
	Region, AccessKey, SecretKey string
	// Log receives what happened, without the text of statements or rows. Nil
	// discards it.
	Log io.Writer
	// BeforeStatement is called before each statement of a batch runs, index
	// counting from 0. An error breaks the connection as a warehouse that
	// crashes would: nothing of the batch stays. It has to return when its
	// context ends. Nil does nothing.
	BeforeStatement func(ctx context.Context, statementID string, index int, sql string) error

	// now is the clock; tests move it. Nil is the real one.
	now func() time.Time
}

func (o Options) validate() error {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"DatabaseURL", o.DatabaseURL},
		{"Database", o.Database},
		{"Workgroup", o.Workgroup},
		{"CopyRole", o.CopyRole},
		{"Region", o.Region},
		{"AccessKey", o.AccessKey},
		{"SecretKey", o.SecretKey},
		{"S3.Region", o.S3.Region},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", field.name))
		}
	}
	return errors.Join(problems...)
}

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
	slots      chan struct{}
	running    sync.WaitGroup
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
	if o.now == nil {
		o.now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	config, err := warehouseConfig(o.DatabaseURL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:    o,
		log:        slog.New(slog.NewTextHandler(o.Log, nil)),
		sessions:   sessions.NewPool(config, keptSessions),
		s3:         s3.NewFromConfig(o.S3, func(options *s3.Options) { options.UsePathStyle = true }),
		executions: newExecutions(o.now),
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

// warehouseConfig gives a session the settings that Redshift has, whatever
// the server's are.
func warehouseConfig(url string) (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading DatabaseURL: %w", err)
	}
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name": "redshift stand-in", "TimeZone": "UTC", "DateStyle": "ISO, MDY",
		"search_path": "public, " + systemSchema, "standard_conforming_strings": "on", "client_encoding": "UTF8",
	})
	// A statement that waits for a lock does not notice that its client has
	// gone: it must be told.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	return config, nil
}
