package rds

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagelift/stagelift/local/sigv4"
)

const (
	testUser     = "extractor"
	testEndpoint = "localhost:5432"
)

func newVerifier() verifier {
	return verifier{sigv4.Verifier{
		Region: "eu-central-1", Service: service,
		Credentials: aws.Credentials{AccessKeyID: "AKIALOCALSTAGELIFT00", SecretAccessKey: "secret"},
		Now:         func() time.Time { return time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC) },
	}}
}

// tokenOf signs a token that v admits, written as the AWS command line does.
func tokenOf(t testing.TB, v verifier) string {
	t.Helper()
	const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	wanted := "https://" + testEndpoint + "/?Action=connect&DBUser=" + testUser + "&X-Amz-Expires=900"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, wanted, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	s := v.signature
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), s.Credentials, request, emptyPayload, s.Service, s.Region, s.Now())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(signed, "https://")
}

// TestCheckTellsTheReason pins what a developer reads in the log.
func TestCheckTellsTheReason(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signer func(*verifier)
		spoil  func(string) string
		user   string
		want   string
	}{
		"nothing wrong":  {},
		"another host":   {spoil: func(s string) string { return strings.Replace(s, "localhost", "example.com", 1) }, want: "the token is for example.com:5432, but dialled was localhost:5432"},
		"another user":   {user: "writer", want: `the token is for user "extractor"`},
		"another region": {signer: func(v *verifier) { v.signature.Region = "eu-west-1" }, want: "X-Amz-Credential is not the one"},
		"another key":    {signer: func(v *verifier) { v.signature.Credentials.AccessKeyID = "AKIAOTHER" }, want: "X-Amz-Credential is not the one"},
		"another secret": {signer: func(v *verifier) { v.signature.Credentials.SecretAccessKey = "guess" }, want: "X-Amz-Signature is not the one"},
		"a session":      {signer: func(v *verifier) { v.signature.Credentials.SessionToken = "session" }, want: "X-Amz-Security-Token is not the one"},
		"signed yesterday": {signer: func(v *verifier) {
			v.signature.Now = func() time.Time { return newVerifier().signature.Now().AddDate(0, 0, -1) }
		}, want: "it expired at 2026-11-20T00:45:00Z"},
		"no life":        {spoil: func(s string) string { return strings.Replace(s, "Expires=900", "Expires=0", 1) }, want: "no life"},
		"a password":     {spoil: func(string) string { return "hunter2" }, want: "not a token"},
		"not even a URL": {spoil: func(string) string { return "%" }, want: "not a token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := newVerifier()
			if test.signer != nil {
				test.signer(&signer)
			}
			token, user := tokenOf(t, signer), testUser
			if test.spoil != nil {
				token = test.spoil(token)
			}
			if test.user != "" {
				user = test.user
			}
			err := newVerifier().check(t.Context(), token, user, []string{testEndpoint})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("check() = %v, want an error with %q", err, test.want)
			}
		})
	}
}

// FuzzCheck looks for a text that is admitted and yet says something else than
// the one token that was signed.
func FuzzCheck(f *testing.F) {
	v := newVerifier()
	good := tokenOf(f, v)
	for _, seed := range []string{
		good, strings.Replace(good, "/?", "?", 1), good + "&DBUser=postgres", good + "#", "//" + good, good + "&", "", "%", "hunter2",
		strings.ToLower(good), strings.ReplaceAll(good, "%2F", "/"), "user@" + good,
	} {
		f.Add(seed)
	}
	want, err := url.Parse("https://" + good)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if v.check(t.Context(), token, testUser, []string{testEndpoint}) != nil {
			return
		}
		got, err := url.Parse("https://" + token)
		if err != nil {
			t.Fatalf("admitted %q, which is no URL: %v", token, err)
		}
		if got.Host != want.Host || got.Query().Encode() != want.Query().Encode() {
			t.Errorf("admitted %q, which says other than %q", token, good)
		}
	})
}
