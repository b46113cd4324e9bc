package header

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
)

// explain adds what the operator can do about an error of S3, where we know it.
func explain(err error, w *work) error {
	if err == nil {
		return nil
	}
	code := object.Code(err)
	switch {
	case code == "NoSuchBucket":
		return fmt.Errorf("a bucket does not exist, of %s and %s; create it, or correct the destination: %w", w.sources[0].Bucket, w.to.Bucket, err)
	case strings.HasPrefix(code, "KMS."), code == "AccessDenied" && strings.Contains(strings.ToLower(err.Error()), "kms"):
		return fmt.Errorf("the key of KMS may not be used; the function's role needs kms:Decrypt on the source's key and kms:GenerateDataKey and kms:Decrypt on the copy's, which is the same: %w", err)
	case code == "AccessDenied":
		return fmt.Errorf("the function's role lacks a right on %s or %s: %w", w.sources[0].Location, w.to, err)
	case code == "InvalidObjectState":
		return fmt.Errorf("the source is archived; restore it first: %w", err)
	}
	return err
}
