package secret_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/stagelift/stagelift/local/secrets"
	"github.com/stagelift/stagelift/shared/secret"
)

const content = "the key\n"

func setup(t *testing.T) (*secrets.Server, aws.Config) {
	t.Helper()
	s, err := secrets.Start(t.Context(), secrets.Options{
		Account: "123456789012", Region: "eu-central-1", AccessKey: "AKIATEST", SecretKey: "of the test", Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "of the test", ""),
	}
}

func wantContent(t *testing.T, s *secret.Stored, want string) {
	t.Helper()
	got, err := s.Secret(t.Context())
	if err != nil || string(got) != want {
		t.Errorf("secret is %q, %v; want %q", got, err, want)
	}
}

func TestSecretIsReadAsItIsKept(t *testing.T) {
	t.Parallel()
	s, cfg := setup(t)
	wantContent(t, secret.New(cfg, s.PutText("text", content)), content)
	wantContent(t, secret.New(cfg, s.PutBytes("bytes", []byte(content))), content)
	wantContent(t, secret.New(cfg, "text"), content)
}

func TestRotatedSecretIsFound(t *testing.T) {
	t.Parallel()
	s, cfg := setup(t)
	stored := secret.New(cfg, s.PutText("key", content))
	wantContent(t, stored, content)
	s.PutText("key", "another")
	wantContent(t, stored, "another")
}

func TestErrorsNameTheSecret(t *testing.T) {
	t.Parallel()
	s, cfg := setup(t)
	denied, deleted := s.PutText("denied", content), s.PutText("deleted", content)
	s.Deny(denied)
	s.Delete(deleted)
	for name, test := range map[string]struct{ id, want string }{
		"absent":  {"arn:aws:secretsmanager:eu-central-1:123456789012:secret:absent-a1b2c3", "ResourceNotFoundException"},
		"denied":  {denied, "AccessDeniedException"},
		"deleted": {deleted, "marked for deletion"},
		"empty":   {s.PutText("empty", ""), "it is empty; put the content into it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := secret.New(cfg, test.id).Secret(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.id) {
				t.Fatalf("got error %v, want one with %q and %s", err, test.want, test.id)
			}
			if strings.Contains(err.Error(), content) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}
