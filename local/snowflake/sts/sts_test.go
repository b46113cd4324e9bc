package sts_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/snowflake/jwt"
	"github.com/stagelift/stagelift/local/snowflake/sts"
)

const role = "arn:aws:iam::123456789012:role/load"

func start(t *testing.T) *sts.Server {
	t.Helper()
	s, err := sts.Start(t.Context(), sts.Options{
		Region: "eu-central-1", AccessKey: "AKIATEST", SecretKey: "secret", RoleARN: role, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func client(s *sts.Server, access, secret, region string) *awssts.Client {
	return awssts.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "a session's token"),
	})
}

func input() *awssts.GetWebIdentityTokenInput {
	return &awssts.GetWebIdentityTokenInput{Audience: []string{"here"}, SigningAlgorithm: aws.String(jwt.ES384)}
}

func TestTokenSaysWhoCalls(t *testing.T) {
	t.Parallel()
	s := start(t)
	out, err := client(s, "AKIATEST", "secret", "eu-central-1").GetWebIdentityToken(t.Context(), input())
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Parse(aws.ToString(out.WebIdentityToken))
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Verify(s.Key(token.KeyID)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(token.Claims, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{s.Issuer(), role, "here"}, []string{got.Issuer, got.Subject, got.Audience}); diff != "" {
		t.Error(diff)
	}
	if life := got.Expires - got.Issued; life != 300 || out.Expiration.Unix() != got.Expires || time.Until(*out.Expiration) > 301*time.Second {
		t.Errorf("it lives %d seconds, to %s", life, out.Expiration)
	}
	if !strings.HasPrefix(s.Issuer(), "https://") || s.Key("another") != nil {
		t.Errorf("issuer is %s", s.Issuer())
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := client(s, "AKIATEST", "secret", "eu-central-1")
	for name, c := range map[string]struct {
		client *awssts.Client
		change func(*awssts.GetWebIdentityTokenInput)
		code   string
	}{
		"another key":      {client(s, "AKIAOTHER", "secret", "eu-central-1"), nil, "InvalidClientTokenId"},
		"another secret":   {client(s, "AKIATEST", "other", "eu-central-1"), nil, "SignatureDoesNotMatch"},
		"another region":   {client(s, "AKIATEST", "secret", "us-east-1"), nil, "SignatureDoesNotMatch"},
		"two audiences":    {good, func(in *awssts.GetWebIdentityTokenInput) { in.Audience = []string{"a", "b"} }, "ValidationError"},
		"odd algorithm":    {good, func(in *awssts.GetWebIdentityTokenInput) { in.SigningAlgorithm = aws.String("HS256") }, "ValidationError"},
		"too short a life": {good, func(in *awssts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(59) }, "ValidationError"},
		"too long a life":  {good, func(in *awssts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
	} {
		in := input()
		if c.change != nil {
			c.change(in)
		}
		_, err := c.client.GetWebIdentityToken(t.Context(), in)
		var failure smithy.APIError
		if !errors.As(err, &failure) || failure.ErrorCode() != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	var failure smithy.APIError
	if _, err := good.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{}); !errors.As(err, &failure) || failure.ErrorCode() != "InvalidAction" {
		t.Errorf("another call: %v", err)
	}
	s.DisableFederation()
	var disabled *types.OutboundWebIdentityFederationDisabledException
	if _, err := good.GetWebIdentityToken(t.Context(), input()); !errors.As(err, &disabled) {
		t.Errorf("federation is disabled: %v", err)
	}
}
