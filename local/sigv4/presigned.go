package sigv4

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// emptyPayload is the SHA-256 of nothing, which presigned requests carry.
const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// CheckPresigned tells why a query does not presign a GET of the URL; nil
// accepts it. The URL has the parameters that the caller wants and no
// signature. A query that has other parameters besides is refused, and so is
// one that may be used for longer than life.
func (v Verifier) CheckPresigned(ctx context.Context, want *url.URL, given url.Values, life time.Duration) error {
	at, err := v.checkAge(given, life)
	if err != nil {
		return err
	}
	query := want.Query()
	query.Set("X-Amz-Expires", given.Get("X-Amz-Expires"))
	unsigned := *want
	unsigned.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, unsigned.String(), http.NoBody)
	if err != nil {
		return &Error{Mismatch, err.Error()}
	}
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, v.Credentials, request, emptyPayload, v.Service, v.Region, at)
	if err != nil {
		return &Error{Mismatch, "signing for comparison: " + err.Error()}
	}
	again, err := url.Parse(signed)
	if err != nil {
		return &Error{Mismatch, err.Error()}
	}
	return compare(given, again.Query())
}

// checkAge returns when the query was signed.
func (v Verifier) checkAge(given url.Values, longest time.Duration) (time.Time, error) {
	at, err := time.Parse(dateLayout, given.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, &Error{Undated, "it has no date"}
	}
	seconds, err := strconv.Atoi(given.Get("X-Amz-Expires"))
	if err != nil || seconds <= 0 || seconds > int(longest/time.Second) {
		return time.Time{}, &Error{Mismatch, fmt.Sprintf("it has no life between a second and %s", longest)}
	}
	now, life := v.now(), time.Duration(seconds)*time.Second
	if now.After(at.Add(life)) {
		return time.Time{}, &Error{Mismatch, "it expired at " + at.Add(life).Format(time.RFC3339)}
	}
	if at.After(now.Add(maxSkew)) {
		return time.Time{}, &Error{Mismatch, fmt.Sprintf("it is dated %s, which is yet to come", at.Format(time.RFC3339))}
	}
	return at, nil
}

// compare wants every parameter once, with the value that we would have signed,
// and no other. It names the first that differs, so that a developer sees
// whether region, key or secret is wrong.
func compare(got, want url.Values) error {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"} {
		if subtle.ConstantTimeCompare([]byte(got.Get(name)), []byte(want.Get(name))) != 1 {
			return &Error{Mismatch, "its " + name + " is not the one that would have been signed here"}
		}
	}
	if got.Encode() != want.Encode() {
		return &Error{Mismatch, "it has parameters that do not belong there"}
	}
	return nil
}
