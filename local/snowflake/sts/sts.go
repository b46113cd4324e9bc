// Package sts stands in for the one call of AWS's Security Token Service that
// a workload needs to prove to others who it is: GetWebIdentityToken.
//
// The protocol is AWS Query over HTTP on the loopback interface, signatures
// checked. The token is what AWS documents ("Understanding token claims", IAM
// User Guide): a JWT with iss, sub (the role's ARN), aud, iat, exp, jti and
// AWS's own claims below "https://sts.amazonaws.com/", signed with RS256 or
// ES384. Its keys are made at the start and asked of the Server, since nobody
// could fetch them from the issuer's address.
//
// Refused: other calls, tags, more than one audience, a lifetime outside of 60
// to 3,600 seconds. Not imitated: the limit to what the caller's own session
// has left to live.
package sts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say who may call, and who the caller is then.
type Options struct {
	// Region, AccessKey and SecretKey are what requests must be signed with.
	Region, AccessKey, SecretKey string
	// RoleARN is the IAM role that the credentials belong to:
	// arn:aws:iam::123456789012:role/name.
	RoleARN string
	// Log receives what happened, without tokens. Nil discards it.
	Log io.Writer
	// Now is the clock. Nil is the real one.
	Now func() time.Time
}

// The names of the keys.
const (
	rsaKey      = "RSA_0"
	ellipticKey = "EC384_0"
)

// Server is a running stand-in.
type Server struct {
	options  Options
	log      *slog.Logger
	issuer   string
	keys     map[string]crypto.Signer
	http     *http.Server
	endpoint string
	disabled atomic.Bool
	running  sync.WaitGroup
}

// Start serves on a free port of the loopback interface until Close. The
// context is for the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, log: slog.New(slog.NewTextHandler(o.Log, nil))}
	if err := s.makeKeys(); err != nil {
		return nil, fmt.Errorf("starting the STS stand-in: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the STS stand-in: listening: %w", err)
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

func (s *Server) makeKeys() error {
	one, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	s.keys = map[string]crypto.Signer{rsaKey: one, ellipticKey: other}
	s.issuer = "https://" + newID() + ".tokens.sts.global.api.aws"
	return nil
}

// Endpoint is the URL for AWS_ENDPOINT_URL_STS.
func (s *Server) Endpoint() string { return s.endpoint }

// Issuer is the iss of the tokens, which a verifier has to know beforehand.
func (s *Server) Issuer() string { return s.issuer }

// Key is the public key of a kid, or nil.
func (s *Server) Key(id string) crypto.PublicKey {
	if key := s.keys[id]; key != nil {
		return key.Public()
	}
	return nil
}

// DisableFederation makes all calls fail as they do in an AWS account whose
// outbound web identity federation is not enabled, which is how accounts are
// at first.
func (s *Server) DisableFederation() { s.disabled.Store(true) }

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
		return fmt.Errorf("closing the STS stand-in: %w", err)
	}
	return nil
}
