package redshift

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestSignatures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	region := b.server.options.Region
	for name, c := range map[string]struct {
		client *redshiftdata.Client
		want   string
	}{
		"wrong secret":     {b.signedWith("AKIATEST", "guess", region), "InvalidSignatureException"},
		"wrong region":     {b.signedWith("AKIATEST", "secret", "us-east-9"), "InvalidSignatureException"},
		"wrong access key": {b.signedWith("AKIAOTHER", "secret", region), "UnrecognizedClientException"},
		"body changed on the way": {redshiftdata.NewFromConfig(aws.Config{}, func(o *redshiftdata.Options) {
			*o = b.client.Options()
			o.HTTPClient = tamper{}
		}), "InvalidSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.client.DescribeStatement(t.Context(), &redshiftdata.DescribeStatementInput{Id: aws.String("x")})
			var api smithy.APIError
			var response *smithyhttp.ResponseError
			if !errors.As(err, &api) || api.ErrorCode() != c.want || !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusForbidden {
				t.Errorf("error is %v, want %s with 403", err, c.want)
			}
		})
	}
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		late := setup(t, func(o *Options) { o.now = func() time.Time { return time.Now().Add(time.Hour) } })
		_, err := late.client.DescribeStatement(t.Context(), &redshiftdata.DescribeStatementInput{Id: aws.String("x")},
			func(o *redshiftdata.Options) { o.RetryMaxAttempts = 1 })
		if err == nil || !strings.Contains(err.Error(), "InvalidSignatureException: Signature expired") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.Endpoint()+"/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", "RedshiftData.DescribeStatement")
		request.Header.Set("Content-Type", contentType)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // a test's answer
		if response.StatusCode != http.StatusForbidden || response.Header.Get("X-Amzn-ErrorType") != "MissingAuthenticationTokenException" {
			t.Errorf("%d %s", response.StatusCode, response.Header.Get("X-Amzn-ErrorType"))
		}
	})
}

// tamper changes a byte of the body after it was signed.
type tamper struct{}

func (tamper) Do(r *http.Request) (*http.Response, error) {
	changed, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(`{"Id":"y"}`))
	if err != nil {
		return nil, err
	}
	changed.Header = r.Header
	return http.DefaultClient.Do(changed)
}
