// Package secret reads one secret of AWS Secrets Manager.
//
// It is read anew for each call and kept nowhere, so that a secret that was
// rotated is found, and it shows in no error: those name the secret by its ARN
// alone. Whether its content is of any use is for the caller to judge.
package secret

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Stored is a secret in Secrets Manager.
type Stored struct {
	client *secretsmanager.Client
	id     string
}

// New takes the ARN or the name of the secret. It does not read it.
func New(cfg aws.Config, id string) *Stored {
	return &Stored{client: secretsmanager.NewFromConfig(cfg), id: id}
}

// Secret returns the current version, be it kept as text or as bytes. One that
// is empty is an error.
func (s *Stored) Secret(ctx context.Context) ([]byte, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.id)})
	if err != nil {
		return nil, fmt.Errorf("reading secret %s: %w", s.id, err)
	}
	content := out.SecretBinary
	if out.SecretString != nil {
		content = []byte(*out.SecretString)
	}
	if len(content) == 0 {
		return nil, fmt.Errorf("reading secret %s: it is empty; put the content into it", s.id)
	}
	return content, nil
}
