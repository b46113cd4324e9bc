package redshift

import (
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/local/sigv4"
)

// checkSignature refuses a request as services of the AWS JSON protocol do.
func (s *Server) checkSignature(r *http.Request, body []byte) error {
	verify := sigv4.Verifier{
		Region: s.options.Region, Service: "redshift-data", Now: s.options.now,
		Credentials: aws.Credentials{AccessKeyID: s.options.AccessKey, SecretAccessKey: s.options.SecretKey},
	}
	err := verify.Check(r, body)
	if bad := (*sigv4.Error)(nil); errors.As(err, &bad) {
		status, exception := bad.JSON()
		return refuse(status, exception, bad.Message)
	}
	return err
}
