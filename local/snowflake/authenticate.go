package snowflake

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

const (
	keyPairType  = "KEYPAIR_JWT"
	workloadType = "WORKLOAD_IDENTITY_FEDERATION"
	workloadMark = "WIF.AWS."
	// audience is what the token of a workload must be for.
	audience = "snowflakecomputing.com"
	// maxTokenAge is how long a key-pair token is good, whatever it says
	// itself.
	maxTokenAge = time.Hour
	// maxSkew is how far the clocks may be apart.
	maxSkew = time.Minute
)

// claims are what is looked at of either kind of token.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// authenticate tells whether the caller is the user. Why it is not goes to the
// log, the caller learns little, as with Snowflake.
func (s *Server) authenticate(r *http.Request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return refuse(http.StatusUnauthorized, "390101", "Authorization header not found in the request data.")
	}
	kind := r.Header.Get("X-Snowflake-Authorization-Token-Type")
	if kind == "" {
		kind = keyPairType
		if strings.HasPrefix(token, "WIF.") {
			kind = workloadType
		}
	}
	var err error
	switch kind {
	case keyPairType:
		err = s.checkKeyPair(token)
	case workloadType:
		err = s.checkWorkload(token)
	default:
		err = fmt.Errorf("tokens of type %q are not imitated by this stand-in", kind)
	}
	if err != nil {
		s.log.InfoContext(r.Context(), "token refused", slog.String("type", kind), slog.Any("reason", err))
		return refuse(http.StatusUnauthorized, "390144", "JWT token is invalid. ["+newHandle()+"]")
	}
	return nil
}

// checkKeyPair checks a token that the user signed ("Using key-pair
// authentication").
func (s *Server) checkKeyPair(text string) error {
	token, c, err := verified(text, func(jwt.Token, claims) crypto.PublicKey { return s.key.Load().Public() })
	if err != nil {
		return err
	}
	if token.Algorithm != jwt.RS256 {
		return fmt.Errorf("the algorithm is %s, want RS256", token.Algorithm)
	}
	subject := TokenName(s.options.Account) + "." + strings.ToUpper(s.options.User)
	if c.Subject != subject {
		return fmt.Errorf("sub is %q, want %q", c.Subject, subject)
	}
	if want := subject + "." + s.Fingerprint(); c.Issuer != want {
		return fmt.Errorf("iss is %q, want %q", c.Issuer, want)
	}
	issued, expires := moment(c.Issued), moment(c.Expires)
	if latest := issued.Add(maxTokenAge); expires.After(latest) {
		expires = latest
	}
	return s.inTime(issued, expires)
}

// checkWorkload checks a token that AWS signed for the user's role.
func (s *Server) checkWorkload(text string) error {
	text, isAWS := strings.CutPrefix(text, workloadMark)
	if !isAWS {
		return fmt.Errorf("the token does not begin with %s", workloadMark)
	}
	_, c, err := verified(text, func(t jwt.Token, c claims) crypto.PublicKey {
		if c.Issuer != s.sts.Issuer() {
			return nil
		}
		return s.sts.Key(t.KeyID)
	})
	switch {
	case err != nil:
		return err
	case c.Audience != audience:
		return fmt.Errorf("aud is %q, want %q", c.Audience, audience)
	case c.Subject != s.options.WorkloadRole:
		return fmt.Errorf("sub is %q, which is no user's workload identity", c.Subject)
	}
	return s.inTime(moment(c.Issued), moment(c.Expires))
}

func verified(text string, key func(jwt.Token, claims) crypto.PublicKey) (jwt.Token, claims, error) {
	token, err := jwt.Parse(text)
	if err != nil {
		return jwt.Token{}, claims{}, err
	}
	var c claims
	if err := json.Unmarshal(token.Claims, &c); err != nil {
		return jwt.Token{}, claims{}, fmt.Errorf("reading the claims: %w", err)
	}
	return token, c, token.Verify(key(token, c))
}

func (s *Server) inTime(issued, expires time.Time) error {
	now := s.options.Now()
	switch {
	case issued.After(now.Add(maxSkew)):
		return errors.New("the token was issued in the future")
	case !now.Before(expires):
		return fmt.Errorf("the token expired at %s", expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// moment reads a time in seconds, or in milliseconds as Snowflake takes too.
func moment(n int64) time.Time {
	const milliseconds = 100_000_000_000
	if n >= milliseconds {
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// TokenName is an account identifier as it stands in tokens: in upper case,
// without periods.
func TokenName(account string) string {
	return strings.ReplaceAll(strings.ToUpper(account), ".", "-")
}

// Fingerprint is that of the user's public key, as DESCRIBE USER shows it.
func (s *Server) Fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(s.key.Load().Public())
	if err != nil {
		panic(err) // it is an RSA key that we made
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
}
