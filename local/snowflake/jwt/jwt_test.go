package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	one, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{jwt.RS256: one, jwt.ES384: other}
}

func TestSignedTokensVerify(t *testing.T) {
	t.Parallel()
	all := keys(t)
	for algorithm, key := range all {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			text, err := jwt.Sign(map[string]string{"sub": "me"}, "k1", key)
			if err != nil {
				t.Fatal(err)
			}
			token, err := jwt.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{algorithm, "k1", `{"sub":"me"}`}, []string{token.Algorithm, token.KeyID, string(token.Claims)}); diff != "" {
				t.Error(diff)
			}
			if err := token.Verify(key.Public()); err != nil {
				t.Error(err)
			}
			for name, other := range keys(t) {
				if token.Verify(other.Public()) == nil {
					t.Errorf("another %s key verified it", name)
				}
			}
		})
	}
}

func TestForgedTokensDoNot(t *testing.T) {
	t.Parallel()
	key := keys(t)[jwt.RS256]
	text, err := jwt.Sign(map[string]string{"sub": "me"}, "", key)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, forged := range map[string]string{
		"other claims":     parts[0] + "." + encode([]byte(`{"sub":"you"}`)) + "." + parts[2],
		"no algorithm":     encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"symmetric":        encode([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2],
		"cut signature":    parts[0] + "." + parts[1] + "." + encode([]byte("short")),
		"signature of two": text + "." + parts[2],
	} {
		token, err := jwt.Parse(forged)
		if err == nil && token.Verify(key.Public()) == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := jwt.Parse(s)
		if err == nil && token.Verify((*rsa.PublicKey)(nil)) == nil {
			t.Errorf("%q verified without a key", s)
		}
	})
}
