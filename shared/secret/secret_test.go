package secret

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
)

const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:snowflake-key-a1b2c3"

// manager answers each request for a secret as told, and keeps what was asked.
type manager struct {
	status int
	answer string
	asked  []string
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.asked = append(m.asked, r.Header.Get("X-Amz-Target")+" "+string(body))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(m.status)
	_, _ = io.WriteString(w, m.answer)
}

func setup(t *testing.T, status int, answer string) (*manager, *Stored) {
	t.Helper()
	m := &manager{status: status, answer: answer}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return m, New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}, arn)
}

func TestSecretIsReadAsItIsKept(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"as text":  `{"SecretString":"the key\n"}`,
		"as bytes": `{"SecretBinary":"dGhlIGtleQo="}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, stored := setup(t, http.StatusOK, answer)
			for range 2 { // a second reading finds what was rotated
				got, err := stored.Secret(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff("the key\n", string(got)); diff != "" {
					t.Errorf("secret (-want +got):\n%s", diff)
				}
			}
			id, err := json.Marshal(map[string]string{"SecretId": arn})
			if err != nil {
				t.Fatal(err)
			}
			request := "secretsmanager.GetSecretValue " + string(id)
			if diff := cmp.Diff([]string{request, request}, m.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorsNameTheSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		answer, want string
	}{
		"not allowed": {http.StatusBadRequest, `{"__type":"AccessDeniedException","Message":"no"}`, "AccessDeniedException"},
		"empty":       {http.StatusOK, `{"SecretString":""}`, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stored := setup(t, test.status, test.answer)
			_, err := stored.Secret(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), arn) {
				t.Errorf("got error %v, want one with %q and the ARN", err, test.want)
			}
		})
	}
}
