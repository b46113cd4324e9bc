package rds

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	service = "rds-db"
	// emptyPayload is the SHA-256 of nothing, which presigned requests carry.
	emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	dateLayout   = "20060102T150405Z"
	// maxAge is the longest life of a token (RDS guide, "IAM database
	// authentication").
	maxAge = 15 * time.Minute
	// maxSkew is how far ahead of ours a signer's clock may be, as SigV4 has it.
	maxSkew = 5 * time.Minute
)

// verifier checks tokens against the one credential pair that is valid.
type verifier struct {
	region      string
	credentials aws.Credentials
	now         func() time.Time
}

// check tells why a token does not admit user at one of the endpoints, each
// host:port; nil admits. Its error never holds the token or a part of it that
// was kept secret.
func (v verifier) check(ctx context.Context, token, user string, endpoints []string) error {
	given, err := url.Parse("https://" + token)
	if err != nil {
		return errors.New("the password is not a token")
	}
	query, err := url.ParseQuery(given.RawQuery)
	if err != nil || query.Get("Action") != "connect" || given.User != nil || given.Fragment != "" || strings.Trim(given.Path, "/") != "" {
		return errors.New("the password is not a token to connect")
	}
	if !slices.Contains(endpoints, given.Host) {
		return fmt.Errorf("the token is for %s, but dialled was %s", given.Host, strings.Join(endpoints, " or "))
	}
	if got := query.Get("DBUser"); got != user {
		return fmt.Errorf("the token is for user %q", got)
	}
	signed, err := v.checkAge(query)
	if err != nil {
		return err
	}
	want, err := v.sign(ctx, given.Host, user, query.Get("X-Amz-Expires"), signed)
	if err != nil {
		return err
	}
	return compare(query, want)
}

// checkAge returns when the token was signed.
func (v verifier) checkAge(query url.Values) (time.Time, error) {
	signed, err := time.Parse(dateLayout, query.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, errors.New("the token has no date")
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	life := time.Duration(seconds) * time.Second
	if err != nil || life <= 0 || life > maxAge {
		return time.Time{}, fmt.Errorf("the token has no life between a second and %s", maxAge)
	}
	now := v.now()
	if now.After(signed.Add(life)) {
		return time.Time{}, fmt.Errorf("the token expired at %s", signed.Add(life).Format(time.RFC3339))
	}
	if signed.After(now.Add(maxSkew)) {
		return time.Time{}, fmt.Errorf("the token is dated %s, which is yet to come", signed.Format(time.RFC3339))
	}
	return signed, nil
}

// sign builds the one query that admits the user.
func (v verifier) sign(ctx context.Context, endpoint, user, expires string, at time.Time) (url.Values, error) {
	query := url.Values{"Action": {"connect"}, "DBUser": {user}, "X-Amz-Expires": {expires}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+endpoint+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, v.credentials, request, emptyPayload, service, v.region, at)
	if err != nil {
		return nil, fmt.Errorf("signing for comparison: %w", err)
	}
	u, err := url.Parse(signed)
	if err != nil {
		return nil, err
	}
	return u.Query(), nil
}

// compare wants every parameter once, with the value that we would have signed,
// and no other. It names the first that differs, so that a developer sees
// whether region, key or secret is wrong.
func compare(got, want url.Values) error {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"} {
		if subtle.ConstantTimeCompare([]byte(got.Get(name)), []byte(want.Get(name))) != 1 {
			return fmt.Errorf("the token's %s is not the one that the instance would have signed", name)
		}
	}
	if got.Encode() != want.Encode() {
		return errors.New("the token has parameters that do not belong there")
	}
	return nil
}
