package sigv4_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagelift/stagelift/local/sigv4"
)

const body = `{"SecretId":"key"}`

func midnight() time.Time { return time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC) }

func verifier() sigv4.Verifier {
	return sigv4.Verifier{
		Region: "eu-central-1", Service: "secretsmanager", Now: midnight,
		Credentials: aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "of the test"},
	}
}

// request is one that the verifier accepts, signed with what it says at a time.
func request(t testing.TB, v sigv4.Verifier, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:4566/?a=1", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), v.Credentials, r, hex.EncodeToString(digest[:]), v.Service, v.Region, at); err != nil {
		t.Fatal(err)
	}
	return r
}

// What a client may differ in.
func TestRequestsThatAreSigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token  string
		at     time.Duration
		change func(*http.Request)
	}{
		"as the SDK signs":                {},
		"in a session":                    {token: "a session's token"},
		"nearly five minutes ago":         {at: -5*time.Minute + time.Second},
		"in nearly five minutes":          {at: 5*time.Minute - time.Second},
		"with a header that a proxy adds": {change: func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := verifier()
			signer.Credentials.SessionToken = c.token
			r := request(t, signer, midnight().Add(c.at))
			if c.change != nil {
				c.change(r)
			}
			if err := verifier().Check(r, []byte(body)); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestRequestsThatAreNotSigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signer func(*sigv4.Verifier)
		at     time.Duration
		change func(*http.Request)
		body   string
		want   sigv4.Reason
	}{
		"not at all":           {change: func(r *http.Request) { r.Header.Del("Authorization") }, want: sigv4.Missing},
		"by another way":       {change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, want: sigv4.Missing},
		"half":                 {change: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/x") }, want: sigv4.Missing},
		"without a date":       {change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: sigv4.Undated},
		"too late":             {at: -5*time.Minute - time.Second, want: sigv4.Mismatch},
		"too early":            {at: 5*time.Minute + time.Second, want: sigv4.Mismatch},
		"with another key":     {signer: func(v *sigv4.Verifier) { v.Credentials.AccessKeyID = "AKIAOTHER" }, want: sigv4.UnknownKey},
		"with another secret":  {signer: func(v *sigv4.Verifier) { v.Credentials.SecretAccessKey = "a guess" }, want: sigv4.Mismatch},
		"for another region":   {signer: func(v *sigv4.Verifier) { v.Region = "us-east-1" }, want: sigv4.Mismatch},
		"for another service":  {signer: func(v *sigv4.Verifier) { v.Service = "sts" }, want: sigv4.Mismatch},
		"with another body":    {body: `{"SecretId":"other"}`, want: sigv4.Mismatch},
		"with another method":  {change: func(r *http.Request) { r.Method = http.MethodPut }, want: sigv4.Mismatch},
		"with another host":    {change: func(r *http.Request) { r.Host = "localhost:4566" }, want: sigv4.Mismatch},
		"with another path":    {change: func(r *http.Request) { r.URL.Path = "/x" }, want: sigv4.Mismatch},
		"with another query":   {change: func(r *http.Request) { r.URL.RawQuery = "a=2" }, want: sigv4.Mismatch},
		"with another target":  {change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "x") }, want: sigv4.Mismatch},
		"with another session": {change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, want: sigv4.Mismatch},
		"with a header of Amazon's that is not signed": {change: func(r *http.Request) { r.Header.Set("X-Amz-Extra", "x") }, want: sigv4.Mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := verifier()
			if c.signer != nil {
				c.signer(&signer)
			}
			r := request(t, signer, midnight().Add(c.at))
			if c.change != nil {
				c.change(r)
			}
			if c.body == "" {
				c.body = body
			}
			err := verifier().Check(r, []byte(c.body))
			var refused *sigv4.Error
			if !errors.As(err, &refused) || refused.Reason != c.want {
				t.Errorf("error is %v, want reason %d", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), verifier().Credentials.SecretAccessKey) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestReasonsAreWordedByProtocol(t *testing.T) {
	t.Parallel()
	for reason, want := range map[sigv4.Reason][2]string{
		sigv4.Missing:    {"MissingAuthenticationTokenException", "MissingAuthenticationToken"},
		sigv4.Undated:    {"InvalidSignatureException", "IncompleteSignature"},
		sigv4.UnknownKey: {"UnrecognizedClientException", "InvalidClientTokenId"},
		sigv4.Mismatch:   {"InvalidSignatureException", "SignatureDoesNotMatch"},
	} {
		e := &sigv4.Error{Reason: reason}
		_, exception := e.JSON()
		_, code := e.Query()
		if exception != want[0] || code != want[1] {
			t.Errorf("reason %d is %s and %s, want %s and %s", reason, exception, code, want[0], want[1])
		}
	}
}
