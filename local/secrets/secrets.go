// Package secrets stands in for the one call of AWS Secrets Manager that the
// functions make: GetSecretValue.
//
// The protocol is AWS JSON 1.1 over HTTP on the loopback interface, signatures
// checked. A secret is found by its name, by its ARN and, as in AWS, by its ARN
// without the random end. It has a current version and, once it was rotated, a
// previous one, which are asked for by version or by staging label (Secrets
// Manager User Guide, "What's in a Secrets Manager secret?").
//
// Refused, with the errors that the API reference lists: what is not there,
// what is marked for deletion, what the caller may not read, parameters that do
// not fit together, other calls, members that the call does not have. Secrets
// are made, rotated and taken away by the methods of Server alone. Not
// imitated: encryption keys, other accounts' secrets, throttling.
package secrets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options say whose secrets they are. All fields above Log are needed.
type Options struct {
	// Account is the AWS account's number, Region where the secrets are.
	Account, Region string
	// AccessKey and SecretKey are what requests must be signed with.
	AccessKey, SecretKey string
	// Log receives what happened, without the content of secrets. Nil discards
	// it.
	Log io.Writer
	// Now is the clock. Nil is the real one.
	Now func() time.Time
}

// version is what a secret was at a time.
type version struct {
	id      string
	content []byte
	binary  bool
	created time.Time
}

// stored is a secret.
type stored struct {
	name, arn string
	versions  []version // the current one is the last
	deleted   bool
	denied    bool
}

// Server is a running stand-in.
type Server struct {
	options  Options
	log      *slog.Logger
	http     *http.Server
	endpoint string
	running  sync.WaitGroup

	mu      sync.Mutex
	secrets []*stored
}

// Start serves on a free port of the loopback interface until Close. The
// context is for the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	for name, value := range map[string]string{
		"Account": o.Account, "Region": o.Region, "AccessKey": o.AccessKey, "SecretKey": o.SecretKey,
	} {
		if value == "" {
			return nil, fmt.Errorf("starting the Secrets Manager stand-in: %s is missing", name)
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, log: slog.New(slog.NewTextHandler(o.Log, nil))}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the Secrets Manager stand-in: listening: %w", err)
	}
	s.endpoint = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.ErrorContext(context.WithoutCancel(ctx), "serving ended", slog.Any("error", err))
		}
	})
	return s, nil
}

// Endpoint is the URL for AWS_ENDPOINT_URL_SECRETS_MANAGER.
func (s *Server) Endpoint() string { return s.endpoint }

// PutText keeps content as text under the name, and returns the secret's ARN. A
// secret that is there already is rotated: what it held becomes its previous
// version, and its ARN stays. One that was deleted is restored.
func (s *Server) PutText(name, content string) (arn string) {
	return s.put(name, version{content: []byte(content)})
}

// PutBytes is PutText for a secret that is kept as bytes.
func (s *Server) PutBytes(name string, content []byte) (arn string) {
	return s.put(name, version{content: slices.Clone(content), binary: true})
}

func (s *Server) put(name string, v version) string {
	v.id, v.created = newID(), s.options.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(name)
	if found == nil {
		found = &stored{name: name, arn: s.arn(name) + "-" + rand.Text()[:randomEnd]}
		s.secrets = append(s.secrets, found)
	}
	found.versions = append(found.versions, v)
	found.deleted = false
	return found.arn
}

// randomEnd is the number of characters that Secrets Manager adds to a name to
// make an ARN, after a hyphen.
const randomEnd = 6

func (s *Server) arn(name string) string {
	return "arn:aws:secretsmanager:" + s.options.Region + ":" + s.options.Account + ":secret:" + name
}

// Delete marks a secret for deletion, as DeleteSecret does: it can be read no
// more. There must be one.
func (s *Server) Delete(id string) { s.change(id, func(found *stored) { found.deleted = true }) }

// Deny takes the right to read a secret from the caller. There must be one.
func (s *Server) Deny(id string) { s.change(id, func(found *stored) { found.denied = true }) }

func (s *Server) change(id string, how func(*stored)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(id)
	if found == nil {
		panic("there is no secret " + id)
	}
	how(found)
}

// find returns the secret of a name or an ARN, or nil.
func (s *Server) find(id string) *stored {
	for _, one := range s.secrets {
		if id == one.name || id == one.arn || id == one.arn[:len(one.arn)-randomEnd-1] {
			return one
		}
	}
	return nil
}

// Close waits for the requests under way.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.running.Wait()
	if err != nil {
		return fmt.Errorf("closing the Secrets Manager stand-in: %w", err)
	}
	return nil
}
