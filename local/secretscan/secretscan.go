// Package secretscan looks for secrets in what programs say: logs, errors,
// answers, statements, objects. It is for tests.
//
// Two things are looked for. Secrets that the test knows, line by line, as they
// stand and as they stand in a URL. And everything that has the form of a
// secret, whoever made it: private keys in PEM, JSON Web Tokens (key-pair and
// workload identity tokens of Snowflake are such), bearer tokens, the
// signatures of AWS requests and of presigned queries (IAM tokens of RDS are
// such), and session tokens in either.
//
// Not found: a secret that is encoded in another way, compressed or cut into
// pieces.
package secretscan

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// forms are how secrets look. The parameters of presigned queries also stand in
// URLs within URLs.
var forms = map[string]*regexp.Regexp{
	"a private key":             regexp.MustCompile(`-{5}BEGIN [A-Z ]*PRIVATE KEY-{5}`),
	"a JSON Web Token":          regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`),
	"a bearer token":            regexp.MustCompile(`Bearer +[A-Za-z0-9._~+/=-]{16,}`),
	"an AWS signature":          regexp.MustCompile(`Signature(=|%3D)[0-9a-f]{64}`),
	"an AWS session in a query": regexp.MustCompile(`X-Amz-Security-Token(=|%3D)[A-Za-z0-9%+/]{8,}`),
}

// shortest is the length that a known secret's line must have to be looked for:
// a shorter one would be found where it is not.
const shortest = 8

// Scanner looks for secrets. Its methods may be called from several goroutines.
type Scanner struct {
	known map[string][]string // by name, how the secret's lines may stand
}

// New returns a scanner that knows the secrets, each under a name that can be
// told. One that is too short to be looked for is an error.
func New(known map[string]string) (*Scanner, error) {
	s := &Scanner{known: map[string][]string{}}
	for name, secret := range known {
		for line := range strings.Lines(secret) {
			line = strings.TrimSpace(line)
			if len(line) < shortest || strings.HasPrefix(line, "-----") {
				continue
			}
			s.known[name] = append(s.known[name], line)
			if escaped := url.QueryEscape(line); escaped != line {
				s.known[name] = append(s.known[name], escaped)
			}
		}
		if len(s.known[name]) == 0 {
			return nil, fmt.Errorf("%s cannot be looked for: no line of it has %d characters", name, shortest)
		}
	}
	return s, nil
}

// Find names what of the known secrets, and what that looks like one, is in the
// text; nil is nothing. It never tells the secret itself.
func (s *Scanner) Find(text string) []string {
	found := map[string]bool{}
	for name, lines := range s.known {
		if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(text, line) }) {
			found[name] = true
		}
	}
	for name, form := range forms {
		if form.MatchString(text) {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
