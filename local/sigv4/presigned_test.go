package sigv4_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagelift/stagelift/local/sigv4"
)

const (
	emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	connect      = "https://localhost:5432?Action=connect&DBUser=extractor"
)

// presigned is a query for connect that the verifier accepts.
func presigned(t testing.TB, v sigv4.Verifier, expires string) url.Values {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, connect+"&X-Amz-Expires="+expires, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), v.Credentials, r, emptyPayload, v.Service, v.Region, v.Now())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestPresignedQueries(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) func(*sigv4.Verifier) {
		return func(v *sigv4.Verifier) { v.Now = func() time.Time { return midnight().Add(d) } }
	}
	for name, c := range map[string]struct {
		signer  func(*sigv4.Verifier)
		expires string
		spoil   func(url.Values)
		want    string
	}{
		"nothing wrong":        {},
		"nearly expired":       {signer: at(-15 * time.Minute)},
		"expired":              {signer: at(-15*time.Minute - time.Second), want: "it expired at 2026-11-21T00:29:59Z"},
		"yet to come":          {signer: at(5*time.Minute + time.Second), want: "yet to come"},
		"too long a life":      {expires: "901", want: "no life between a second and 15m0s"},
		"a life without end":   {expires: "18446744074", want: "no life"},
		"no life":              {expires: "0", want: "no life"},
		"no date":              {spoil: func(q url.Values) { q.Del("X-Amz-Date") }, want: "no date"},
		"another region":       {signer: func(v *sigv4.Verifier) { v.Region = "eu-west-1" }, want: "X-Amz-Credential"},
		"another service":      {signer: func(v *sigv4.Verifier) { v.Service = "sts" }, want: "X-Amz-Credential"},
		"another key":          {signer: func(v *sigv4.Verifier) { v.Credentials.AccessKeyID = "AKIAOTHER" }, want: "X-Amz-Credential"},
		"another secret":       {signer: func(v *sigv4.Verifier) { v.Credentials.SecretAccessKey = "a guess" }, want: "X-Amz-Signature"},
		"a session":            {signer: func(v *sigv4.Verifier) { v.Credentials.SessionToken = "x" }, want: "X-Amz-Security-Token"},
		"another user":         {spoil: func(q url.Values) { q.Set("DBUser", "postgres") }, want: "do not belong there"},
		"two users":            {spoil: func(q url.Values) { q.Add("DBUser", "postgres") }, want: "do not belong there"},
		"a parameter too many": {spoil: func(q url.Values) { q.Set("x", "y") }, want: "do not belong there"},
		"a longer life":        {expires: "60", spoil: func(q url.Values) { q.Set("X-Amz-Expires", "900") }, want: "X-Amz-Signature"},
		"nothing":              {spoil: func(q url.Values) { clear(q) }, want: "no date"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := verifier()
			if c.signer != nil {
				c.signer(&signer)
			}
			if c.expires == "" {
				c.expires = "900"
			}
			query := presigned(t, signer, c.expires)
			if c.spoil != nil {
				c.spoil(query)
			}
			want, err := url.Parse(connect)
			if err != nil {
				t.Fatal(err)
			}
			err = verifier().CheckPresigned(t.Context(), want, query, 15*time.Minute)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}
