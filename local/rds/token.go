package rds

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/sigv4"
)

const (
	service = "rds-db"
	// maxAge is the longest life of a token (RDS guide, "IAM database
	// authentication").
	maxAge = 15 * time.Minute
)

// verifier checks tokens against the one credential pair that is valid.
type verifier struct {
	signature sigv4.Verifier
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
	want := &url.URL{Scheme: "https", Host: given.Host, RawQuery: url.Values{"Action": {"connect"}, "DBUser": {user}}.Encode()}
	if err := v.signature.CheckPresigned(ctx, want, query, maxAge); err != nil {
		return fmt.Errorf("the token is not good: %w", err)
	}
	return nil
}
