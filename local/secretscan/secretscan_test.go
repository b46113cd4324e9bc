package secretscan_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/secretscan"
	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

const theSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var session = aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: theSecret, SessionToken: "IQoJb3JpZ2luX2VjEXAMPLE=="}

func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// What is looked for is made by those who make it for the functions.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	key, text := newKey(t)
	scanner, err := secretscan.New(map[string]string{"the AWS secret key": theSecret, "the user's key": text})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Sign(map[string]any{"iss": "ACCOUNT.USER", "exp": time.Now().Unix()}, "", key)
	if err != nil {
		t.Fatal(err)
	}
	iam, err := auth.BuildAuthToken(t.Context(), "localhost:5432", "eu-central-1", "stagelift",
		credentials.NewStaticCredentialsProvider(session.AccessKeyID, session.SecretAccessKey, session.SessionToken))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), session, request, hex.EncodeToString(digest[:]), "sts", "eu-central-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	presigned := []string{"an AWS session in a query", "an AWS signature"}
	for name, c := range map[string]struct {
		secret string
		want   []string
	}{
		"the secret key":                  {theSecret, []string{"the AWS secret key"}},
		"the private key":                 {text, []string{"a private key", "the user's key"}},
		"one line of it":                  {lines[7], []string{"the user's key"}},
		"its lines joined":                {strings.Join(lines[1:len(lines)-2], ""), []string{"the user's key"}},
		"another private key":             {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII", []string{"a private key"}},
		"a key-pair token":                {token, []string{"a JSON Web Token"}},
		"a workload identity token":       {"WIF.AWS." + token, []string{"a JSON Web Token"}},
		"a header with it":                {"Authorization: Bearer WIF.AWS." + token, []string{"a JSON Web Token", "a bearer token"}},
		"an opaque bearer token":          {"Bearer " + rand.Text(), []string{"a bearer token"}},
		"an IAM token":                    {iam, presigned},
		"an IAM token within a URL":       {"postgres://u:" + url.QueryEscape(iam) + "@h/", presigned},
		"the signature of a request":      {request.Header.Get("Authorization"), []string{"an AWS signature"}},
		"the secret key within a URL":     {"postgres://u:" + url.QueryEscape(theSecret) + "@h/", []string{"the AWS secret key"}},
		"nothing":                         {"reading secret arn:aws:secretsmanager:eu-central-1:1:secret:key: ResourceNotFoundException", nil},
		"a token that prints as its type": {"KEYPAIR_JWT token", nil},
	} {
		quoted, err := json.Marshal(map[string]string{"msg": "before " + c.secret + " after"})
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{
			"alone": c.secret, "in a sentence": "before " + c.secret + ", after", "in JSON": string(quoted), "in Go's quotes": fmt.Sprintf("%q", c.secret),
		} {
			got := scanner.Find(text)
			if diff := cmp.Diff(c.want, got, cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, form, diff)
			}
			for _, told := range got {
				if strings.Contains(told, theSecret) {
					t.Errorf("%s tells the secret", told)
				}
			}
		}
	}
}

func TestSecretsThatCannotBeLookedForAreRefused(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "short", "-----BEGIN PRIVATE KEY-----\n"} {
		if _, err := secretscan.New(map[string]string{"the key": secret}); err == nil || !strings.Contains(err.Error(), "the key cannot be looked for") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
