package rds_test

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagelift/stagelift/local/rds/rdstest"
)

// record is a log that a test can read while others write.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// TestClockAndSession has an instance whose clock the test sets, whose
// credentials are temporary and whose log it reads.
func TestClockAndSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	log := &record{}
	o := rdstest.Options()
	o.SessionToken, o.Log, o.Now = "session/token+1==", log, func() time.Time { return now }
	i := rdstest.StartWith(t, o)
	keys := aws.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.SecretKey, SessionToken: o.SessionToken}
	endpoint := net.JoinHostPort(i.Host(), strconv.Itoa(i.Port()))

	// BuildAuthToken has no clock to set, hence the signer below it.
	signAt := func(t *testing.T, at time.Time) string {
		t.Helper()
		u := url.URL{Scheme: "https", Host: endpoint, RawQuery: url.Values{"Action": {"connect"}, "DBUser": {i.User()}, "X-Amz-Expires": {"900"}}.Encode()}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), keys, request, emptyPayload, "rds-db", o.Region, at.UTC())
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(signed, "https://")
	}
	for name, test := range map[string]struct {
		age     time.Duration
		refused string // in the log
	}{
		"new":                {age: 0},
		"almost 15 minutes":  {age: 15*time.Minute - 2*time.Second},
		"over 15 minutes":    {age: 15*time.Minute + 2*time.Second, refused: "it expired at"},
		"a clock some ahead": {age: -4 * time.Minute},
		"a clock far ahead":  {age: -6 * time.Minute, refused: "which is yet to come"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := signAt(t, now.Add(-test.age))
			_, err := dialer{instance: i, password: token}.dial(t)
			if test.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefused(t, err, "28000", pamFailed)
			if !strings.Contains(log.String(), test.refused) {
				t.Errorf("the log does not say %q", test.refused)
			}
			if strings.Contains(log.String(), token[len(token)-64:]) {
				t.Error("the log holds the signature")
			}
		})
	}
	t.Run("without the session token", func(t *testing.T) {
		t.Parallel()
		_, err := dialer{instance: i}.dial(t)
		wantRefused(t, err, "28000", pamFailed)
	})
}
