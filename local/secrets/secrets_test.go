package secrets_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/secrets"
)

// record is a log that the test reads.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func start(t *testing.T) (*secrets.Server, *record) {
	t.Helper()
	log := &record{}
	s, err := secrets.Start(t.Context(), secrets.Options{
		Account: "123456789012", Region: "eu-central-1", AccessKey: "AKIATEST", SecretKey: "of the test", Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, log
}

func client(s *secrets.Server, access, secret string) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "a session's token"),
	})
}

// get reads a secret; version and stage may be empty.
func get(t *testing.T, s *secrets.Server, id, version, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	t.Helper()
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)}
	if version != "" {
		in.VersionId = aws.String(version)
	}
	if stage != "" {
		in.VersionStage = aws.String(stage)
	}
	return client(s, "AKIATEST", "of the test").GetSecretValue(t.Context(), in)
}

func TestSecretIsFoundByNameAndARN(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.PutText("other", "not this")
	arn := s.PutText("snowflake/key", "the key")
	if !strings.HasPrefix(arn, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:snowflake/key-") {
		t.Errorf("ARN is %s", arn)
	}
	for _, id := range []string{"snowflake/key", arn, arn[:len(arn)-len("-a1b2c3")]} {
		out, err := get(t, s, id, "", "")
		if err != nil {
			t.Fatal(err)
		}
		got := []string{aws.ToString(out.ARN), aws.ToString(out.Name), aws.ToString(out.SecretString), strings.Join(out.VersionStages, " ")}
		if diff := cmp.Diff([]string{arn, "snowflake/key", "the key", "AWSCURRENT"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestSecretIsRotated(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	arn := s.PutText("key", "one")
	s.PutBytes("key", []byte{0, 0xff})
	if again := s.PutText("key", "three"); again != arn {
		t.Errorf("the ARN was %s and became %s", arn, again)
	}
	now, err := get(t, s, arn, "", "")
	if err != nil || aws.ToString(now.SecretString) != "three" || now.SecretBinary != nil {
		t.Errorf("current is %v, %v", now, err)
	}
	before, err := get(t, s, arn, "", "AWSPREVIOUS")
	if err != nil || !bytes.Equal(before.SecretBinary, []byte{0, 0xff}) || before.SecretString != nil {
		t.Fatalf("previous is %v, %v", before, err)
	}
	same, err := get(t, s, arn, aws.ToString(before.VersionId), "AWSPREVIOUS")
	if err != nil || !bytes.Equal(same.SecretBinary, before.SecretBinary) {
		t.Errorf("by its version it is %v, %v", same, err)
	}
	_, err = get(t, s, arn, aws.ToString(before.VersionId), "AWSCURRENT")
	wantCode(t, err, "InvalidRequestException", http.StatusBadRequest)
}

func TestReadingIsRefused(t *testing.T) {
	t.Parallel()
	s, log := start(t)
	open, denied, deleted := s.PutText("open", "the content"), s.PutText("denied", "the content"), s.PutText("deleted", "the content")
	s.Deny(denied)
	s.Delete(deleted)
	for name, c := range map[string]struct{ id, version, stage, want string }{
		"absent":          {"nobody's", "", "", "ResourceNotFoundException"},
		"denied":          {denied, "", "", "AccessDeniedException"},
		"deleted":         {deleted, "", "", "InvalidRequestException"},
		"no name":         {"", "", "", "ValidationException"},
		"another version": {open, "00000000-0000-4000-8000-000000000000", "", "ResourceNotFoundException"},
		"another label":   {open, "", "AWSPREVIOUS", "ResourceNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, s, c.id, c.version, c.stage)
			wantCode(t, err, c.want, http.StatusBadRequest)
		})
	}
	for name, c := range map[string]struct{ access, secret, want string }{
		"another key":    {"AKIAOTHER", "of the test", "UnrecognizedClientException"},
		"another secret": {"AKIATEST", "a guess", "InvalidSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client(s, c.access, c.secret).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(open)})
			wantCode(t, err, c.want, http.StatusForbidden)
		})
	}
	t.Run("another call", func(t *testing.T) {
		t.Parallel()
		_, err := client(s, "AKIATEST", "of the test").DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(open)})
		wantCode(t, err, "UnknownOperationException", http.StatusBadRequest)
	})
	t.Cleanup(func() {
		if text := log.String(); strings.Contains(text, "the content") || !strings.Contains(text, "AccessDeniedException") {
			t.Errorf("the log is %s", text)
		}
	})
}

func TestDeletedSecretIsRestored(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	arn := s.PutText("key", "one")
	s.Delete("key")
	s.PutText("key", "two")
	out, err := get(t, s, arn, "", "")
	if err != nil || aws.ToString(out.SecretString) != "two" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestOptionsAreNeeded(t *testing.T) {
	t.Parallel()
	_, err := secrets.Start(t.Context(), secrets.Options{Account: "123456789012", AccessKey: "AKIATEST", SecretKey: "x"})
	if err == nil || !strings.Contains(err.Error(), "Region is missing") {
		t.Errorf("error is %v", err)
	}
}

func wantCode(t *testing.T, err error, code string, status int) {
	t.Helper()
	var failure smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &failure) || failure.ErrorCode() != code || !errors.As(err, &response) || response.HTTPStatusCode() != status {
		t.Errorf("error is %v, want %s with %d", err, code, status)
	}
}
