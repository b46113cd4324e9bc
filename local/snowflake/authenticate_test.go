package snowflake

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

// status answers a request with the token.
func (b *bundle) status(kind, token string) reply {
	b.t.Helper()
	r := b.request(http.MethodPost, root, `{"statement": "SELECT 1", "warehouse": "`+testWarehouse+`"}`)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Del("X-Snowflake-Authorization-Token-Type")
	if kind != "" {
		r.Header.Set("X-Snowflake-Authorization-Token-Type", kind)
	}
	return b.do(r)
}

func TestKeyPairTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if !strings.Contains(b.token(nil), ".") || TokenName("myorg-my.account") != "MYORG-MY-ACCOUNT" {
		t.Fatal("the account's name in tokens is in upper case, with hyphens for periods")
	}
	now := time.Now().Unix()
	for name, c := range map[string]struct {
		claim  string
		value  any
		status int
	}{
		"as it should be":              {"sub", nil, http.StatusOK},
		"milliseconds":                 {"exp", (now + 60) * 1000, http.StatusOK},
		"longer than an hour":          {"exp", now + 7200, http.StatusOK},
		"issued more than an hour ago": {"iat", now - 3601, http.StatusUnauthorized},
		"expired":                      {"exp", now - 1, http.StatusUnauthorized},
		"without an end":               {"exp", 0, http.StatusUnauthorized},
		"of the future":                {"iat", now + 3600, http.StatusUnauthorized},
		"lower case":                   {"sub", "myorg-my-account.stagelift", http.StatusUnauthorized},
		"with the period":              {"sub", "MYORG-MY.ACCOUNT.STAGELIFT", http.StatusUnauthorized},
		"another fingerprint":          {"iss", "MYORG-MY-ACCOUNT.STAGELIFT.SHA256:AAAA", http.StatusUnauthorized},
		"no fingerprint":               {"iss", "MYORG-MY-ACCOUNT.STAGELIFT", http.StatusUnauthorized},
	} {
		token := b.token(func(claims map[string]any) {
			if c.value != nil {
				claims[c.claim] = c.value
			}
		})
		for _, kind := range []string{keyPairType, ""} {
			got := b.status(kind, token)
			if got.status != c.status || c.status == http.StatusUnauthorized && got.Code != "390144" {
				t.Errorf("%s: status %d, code %s, want %d", name, got.status, got.Code, c.status)
			}
		}
	}
	forged := b.token(nil)
	if err := b.server.RotateKey(); err != nil {
		t.Fatal(err)
	}
	for kind, token := range map[string]string{keyPairType: forged, "OAUTH": b.token(nil), workloadType: b.token(nil)} {
		if got := b.status(kind, token); got.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", kind, got.status)
		}
	}
}

func (b *bundle) webIdentity(audience, algorithm string) (string, error) {
	b.t.Helper()
	client := awssts.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(b.server.STSEndpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "session"),
	})
	out, err := client.GetWebIdentityToken(b.t.Context(), &awssts.GetWebIdentityTokenInput{
		Audience: []string{audience}, SigningAlgorithm: &algorithm, DurationSeconds: aws.Int32(60),
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.WebIdentityToken), nil
}

func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, algorithm := range []string{jwt.RS256, jwt.ES384} {
		token, err := b.webIdentity(audience, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{workloadType, ""} {
			if got := b.status(kind, "WIF.AWS."+token); got.status != http.StatusOK {
				t.Errorf("%s: status %d: %s", algorithm, got.status, got.Message)
			}
		}
		cut := token[:len(token)-4] + "AAAA"
		for name, text := range map[string]string{"another provider": "WIF.GCP." + token, "no provider": token, "another signature": "WIF.AWS." + cut} {
			if got := b.status(workloadType, text); got.status != http.StatusUnauthorized || got.Code != "390144" {
				t.Errorf("%s: status %d, code %s", name, got.status, got.Code)
			}
		}
	}
	token, err := b.webIdentity("somebody-else.com", jwt.RS256)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.status(workloadType, "WIF.AWS."+token); got.status != http.StatusUnauthorized {
		t.Errorf("another audience: status %d", got.status)
	}
}

func TestWorkloadIdentityOfOthers(t *testing.T) {
	t.Parallel()
	one, other := setup(t), setup(t)
	token, err := other.webIdentity(audience, jwt.RS256)
	if err != nil {
		t.Fatal(err)
	}
	if got := one.status(workloadType, "WIF.AWS."+token); got.status != http.StatusUnauthorized {
		t.Errorf("another issuer: status %d", got.status)
	}
	one.server.options.WorkloadRole = "arn:aws:iam::123456789012:role/other"
	if token, err = one.webIdentity(audience, jwt.RS256); err != nil {
		t.Fatal(err)
	}
	if got := one.status(workloadType, "WIF.AWS."+token); got.status != http.StatusUnauthorized {
		t.Errorf("another role: status %d", got.status)
	}
}
