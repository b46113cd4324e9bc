package snowflake

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// secret is a key as a secret store would hand it out.
type secret []byte

func (s secret) Secret(context.Context) ([]byte, error) { return s, nil }

var makeKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func encodeKey(t *testing.T, key any) secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestKeyPairSignsWhatSnowflakeChecks(t *testing.T) {
	t.Parallel()
	for account, claimed := range map[string]string{
		"myorg-my_account": "MYORG-MY_ACCOUNT", "xy12345.eu-central-1": "XY12345", "MyOrg-Acct.snowflakecomputing.com": "MYORG-ACCT",
	} {
		t.Run(account, func(t *testing.T) {
			t.Parallel()
			pair, err := NewKeyPair(account, "loader", encodeKey(t, makeKey()))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Unix(1_790_000_000, 0)
			pair.now = func() time.Time { return now }
			token, err := pair.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			der, _ := x509.MarshalPKIXPublicKey(&makeKey().PublicKey)
			sum := sha256.Sum256(der)
			want := claims{
				Issuer: claimed + ".LOADER.SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), Subject: claimed + ".LOADER",
				IssuedAt: now.Unix(), Expires: now.Add(keyPairLife).Unix(),
			}
			if diff := cmp.Diff(want, verify(t, token.Value)); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			if token.Type != keyPairType || !token.Expires.Equal(now.Add(keyPairLife)) {
				t.Errorf("%s until %s", token, token.Expires)
			}
		})
	}
}

// verify checks a JWT as its reader does.
func verify(t *testing.T, jwt string) claims {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&makeKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		t.Error(err)
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if string(header) != `{"alg":"RS256","typ":"JWT"}` {
		t.Errorf("header %s", header)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOtherKeysAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]secret{
		"empty": nil, "text": secret("hunter2"), "small": encodeKey(t, small), "elliptic": encodeKey(t, curve),
		"pkcs1":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(makeKey())}),
		"encrypted": pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("hunter2")}),
		"damaged":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair, err := NewKeyPair("a-b", "u", content)
			if err != nil {
				t.Fatal(err)
			}
			_, err = pair.Token(t.Context())
			wantError(t, err, "reading the private key", "PKCS #8")
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestKeyPairNeedsEverything(t *testing.T) {
	t.Parallel()
	_, err := NewKeyPair("no account", "", nil)
	wantError(t, err, `account "no account"`, "user", "secret")
}

// stsServer answers GetWebIdentityToken.
func stsServer(t *testing.T, status int, answer string) (*WorkloadIdentity, func() string) {
	t.Helper()
	var mu sync.Mutex
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		mu.Lock()
		asked = r.PostForm.Encode()
		mu.Unlock()
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return NewWorkloadIdentity(aws.Config{
			Region: "eu-central-1", BaseEndpoint: aws.String(s.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		}), func() string {
			mu.Lock()
			defer mu.Unlock()
			return asked
		}
}

func TestWorkloadIdentityAsksSTS(t *testing.T) {
	t.Parallel()
	identity, asked := stsServer(t, http.StatusOK, `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>`+
		`<WebIdentityToken>a.b.c</WebIdentityToken><Expiration>2026-11-21T00:45:00Z</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`)
	token, err := identity.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Token{Type: "WORKLOAD_IDENTITY_FEDERATION", Value: "WIF.AWS.a.b.c", Expires: time.Date(2026, 11, 21, 0, 45, 0, 0, time.UTC)}
	if token != want {
		t.Errorf("token until %s", token.Expires)
	}
	wantAsked := "Action=GetWebIdentityToken&Audience.member.1=snowflakecomputing.com&DurationSeconds=900&SigningAlgorithm=RS256&Version=2011-06-15"
	if got := asked(); got != wantAsked {
		t.Errorf("asked %s, want %s", got, wantAsked)
	}
}

func TestWorkloadIdentityThatIsSwitchedOffSaysHowToSwitchItOn(t *testing.T) {
	t.Parallel()
	identity, _ := stsServer(t, http.StatusBadRequest, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>`+
		`<Code>OutboundWebIdentityFederationDisabledException</Code><Message>not enabled</Message></Error><RequestId>r</RequestId></ErrorResponse>`)
	_, err := identity.Token(t.Context())
	wantError(t, err, "asking STS", "not enabled", "iam:EnableOutboundWebIdentityFederation")
}

// fleeting gives tokens of a minute and a bit, and counts them.
type fleeting struct {
	mu    sync.Mutex
	count int
	now   time.Time
	life  time.Duration
}

func (f *fleeting) Token(context.Context) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	return Token{Type: "T", Value: fmt.Sprint(f.count), Expires: f.now.Add(f.life)}, nil
}

func TestTokensAreKeptUntilTheyAreAboutToEnd(t *testing.T) {
	t.Parallel()
	source := &fleeting{now: time.Unix(1e9, 0), life: 2 * time.Minute}
	kept := newTokens(source)
	clock := source.now
	kept.now = func() time.Time { return clock }
	get := func(want string) {
		t.Helper()
		if token, err := kept.token(t.Context()); err != nil || token.Value != want {
			t.Errorf("token %q, %v, want %q", token.Value, err, want)
		}
	}
	get("1")
	clock = clock.Add(59 * time.Second)
	get("1")
	clock = clock.Add(2 * time.Second)
	source.now = clock
	get("2")
	kept.forget(Token{Value: "1"}) // was renewed meanwhile
	get("2")
	kept.forget(kept.current)
	get("3")
}

func TestManyRequestsShareOneToken(t *testing.T) {
	t.Parallel()
	source := &fleeting{now: time.Now(), life: time.Hour}
	kept := newTokens(source)
	var group errgroup.Group
	for range 16 {
		group.Go(func() error {
			token, err := kept.token(t.Context())
			if err == nil && token.Value != "1" {
				err = errors.New("another token")
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

func TestExpiredTokenIsNotSent(t *testing.T) {
	t.Parallel()
	_, err := newTokens(&fleeting{now: time.Unix(1e9, 0)}).token(t.Context())
	wantError(t, err, "expired", "clock")
}

func TestTokensDoNotShow(t *testing.T) {
	t.Parallel()
	token := Token{Type: keyPairType, Value: "hunter2"}
	inJSON, err := json.Marshal(map[string]Token{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "x", slog.Any("token", token), slog.Any("pointer", &token))
	for _, text := range []string{fmt.Sprintf("%s %v %+v %#v %q", token, token, token, token, token), string(inJSON), log.String()} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("shows in %s", text)
		}
	}
}
