package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/trigger"
)

var errNoRoute = errors.New("no route says how to load it")

func (j *Job) gather(_ context.Context, objects []trigger.Object) ([]planned, error) {
	var problems []error
	for _, o := range objects {
		problems = append(problems, fmt.Errorf("loading s3://%s/%s: not a receipt of bucket %q: %w", o.Bucket, o.Key, j.Bucket, errNoRoute))
	}
	return nil, errors.Join(problems...)
}

// ParseURL reads an s3:// URL; the empty string is no location.
func ParseURL(url string) (object.Location, error) {
	if url == "" {
		return object.Location{}, nil
	}
	rest, isS3 := strings.CutPrefix(url, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !isS3 || bucket == "" || key == "" {
		return object.Location{}, fmt.Errorf("%q: want s3://bucket/key", url)
	}
	return object.Location{Bucket: bucket, Key: key}, nil
}
