package snowflake

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
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
	"github.com/stagelift/stagelift/local/snowflake/sts"
)

const (
	// slots is how many requests run at once; the rest wait, as they would in
	// the queue of a warehouse.
	slots = 16
	// keptSessions are so few that tests with a stand-in each do not use up what
	// their server of PostgreSQL takes.
	keptSessions = 4
	closeTimeout = 10 * time.Second
	syncWait     = 45 * time.Second
)

// Server is a running stand-in.
type Server struct {
	options  Options
	log      *slog.Logger
	sessions *sessions.Pool
	s3       *s3.Client
	sts      *sts.Server
	key      atomic.Pointer[rsa.PrivateKey]
	http     *http.Server
	endpoint string
	requests *requests
	slots    chan struct{}
	compute  *sessions.Compute
	locks    locks
	account  parameters
	rights   knownRights
	running  sync.WaitGroup
	// life ends with the server, and with it every statement.
	life context.Context
	end  context.CancelFunc

	mu       sync.Mutex
	recorded []Recorded
}

// Start serves on free ports of the loopback interface until Close. The
// context is for the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("starting the Snowflake stand-in: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{
		options:  o,
		log:      slog.New(slog.NewTextHandler(o.Log, nil)),
		s3:       s3.NewFromConfig(o.S3, func(options *s3.Options) { options.UsePathStyle = true }),
		requests: newRequests(o.Now),
		slots:    make(chan struct{}, slots),
		compute:  sessions.NewCompute(o.Resume, o.Idle, o.Now),
		locks:    locks{waiting: map[uint32]int{}, holder: map[uint32]holder{}},
	}
	var err error
	if s.account, err = newParameters(o.Parameters); err != nil {
		return nil, err
	}
	role := o.Role
	if o.AllPrivileges {
		role = ""
	}
	config, err := sessions.NewConfig(o.DatabaseURL, map[string]string{
		"application_name": "snowflake stand-in", "search_path": "", "client_min_messages": "warning",
		"extra_float_digits": "1", "bytea_output": "hex",
		"snowflake.role": role, // INFORMATION_SCHEMA shows what it has a privilege on
	})
	if err != nil {
		return nil, err
	}
	s.sessions = sessions.NewPool(config, keptSessions)
	if err := s.RotateKey(); err != nil {
		return nil, err
	}
	if err := s.prepareWarehouse(ctx); err != nil {
		return nil, err
	}
	if s.sts, err = sts.Start(ctx, sts.Options{
		Region: o.Region, AccessKey: o.AccessKey, SecretKey: o.SecretKey, RoleARN: o.WorkloadRole, Log: o.Log, Now: o.Now,
	}); err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		return nil, errors.Join(err, s.sts.Close())
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.endpoint = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.ErrorContext(s.life, "serving ended", slog.Any("error", err))
		}
	})
	return nil
}

// Endpoint is the URL that stands for https://<account>.snowflakecomputing.com.
func (s *Server) Endpoint() string { return s.endpoint }

// STSEndpoint is the URL for AWS_ENDPOINT_URL_STS.
func (s *Server) STSEndpoint() string { return s.sts.Endpoint() }

// STS is the stand-in that issues the tokens of workload identity federation.
func (s *Server) STS() *sts.Server { return s.sts }

// Account is the account identifier.
func (s *Server) Account() string { return s.options.Account }

// User is the name of the one user.
func (s *Server) User() string { return s.options.User }

// Role is the role that the user has.
func (s *Server) Role() string { return s.options.Role }

// Warehouse is the virtual warehouse that there is.
func (s *Server) Warehouse() string { return s.options.Warehouse }

// Database is the database that there is.
func (s *Server) Database() string { return s.options.Database }

// DatabaseURL leads to the PostgreSQL database behind, for tests that look.
// Snowflake's names are PostgreSQL's there, case and all.
func (s *Server) DatabaseURL() string { return s.options.DatabaseURL }

// RotateKey gives the user another key, as ALTER USER … SET RSA_PUBLIC_KEY does:
// tokens that were signed with the former are refused from then on.
func (s *Server) RotateKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the user's key: %w", err)
	}
	s.key.Store(key)
	return nil
}

// PrivateKey is the user's private key for key-pair authentication: PKCS #8,
// PEM, not encrypted. It was made at the start, or by RotateKey.
func (s *Server) PrivateKey() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(s.key.Load())
	if err != nil {
		panic(err) // it is an RSA key that we made
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

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
	if err = errors.Join(err, s.sessions.Close(ctx), s.sts.Close()); err != nil {
		return fmt.Errorf("closing the Snowflake stand-in: %w", err)
	}
	return nil
}
