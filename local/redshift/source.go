package redshift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// maxManifest bounds what is read of a manifest.
const maxManifest = 64 << 20

// file is an object to load, at the version that was looked at.
type file struct {
	bucket, key, etag string
}

func (f file) url() string { return "s3://" + f.bucket + "/" + f.key }

// manifest holds the members that COPY uses; others may be there, as in a
// manifest that UNLOAD wrote ("Using a manifest to specify data files").
type manifest struct {
	Entries []struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"`
		Meta      struct {
			ContentLength *int64 `json:"content_length"`
		} `json:"meta"`
	} `json:"entries"`
}

// files lists what a COPY is to load, and checks all of it before a row is
// read. No file at all is an error, as it is to COPY.
func (s *Server) files(ctx context.Context, c *grammar.Copy) ([]file, error) {
	if c.Role != s.options.CopyRole {
		return nil, fmt.Errorf("User arn:aws:redshift-serverless:%s:000000000000:workgroup/%s is not authorized to assume IAM Role %s",
			s.options.Region, s.options.Workgroup, c.Role)
	}
	region := c.Region
	if region == "" {
		region = s.options.Region
	}
	if region != s.options.S3.Region {
		return nil, fmt.Errorf("S3ServiceException: the bucket is in region %s, COPY looked in %s; check REGION",
			s.options.S3.Region, region)
	}
	var list []file
	var err error
	if c.Manifest {
		list, err = s.manifestFiles(ctx, c)
	} else {
		list, err = s.prefixFiles(ctx, c)
	}
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("The specified S3 prefix '%s' does not exist", c.Key)
	}
	return list, err
}

func (s *Server) prefixFiles(ctx context.Context, c *grammar.Copy) ([]file, error) {
	if err := s.mayList(file{bucket: c.Bucket, key: c.Key}); err != nil {
		return nil, err
	}
	var list []file
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &c.Bucket, Prefix: &c.Key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing s3://%s/%s: %w", c.Bucket, c.Key, err)
		}
		for _, object := range page.Contents {
			list = append(list, file{c.Bucket, aws.ToString(object.Key), aws.ToString(object.ETag)})
		}
	}
	return list, nil
}

func (s *Server) manifestFiles(ctx context.Context, c *grammar.Copy) ([]file, error) {
	m, err := s.readManifest(ctx, file{bucket: c.Bucket, key: c.Key})
	if err != nil {
		return nil, err
	}
	var list []file
	for _, entry := range m.Entries {
		url, isS3 := strings.CutPrefix(entry.URL, "s3://")
		bucket, key, _ := strings.Cut(url, "/")
		if !isS3 || bucket == "" || key == "" {
			return nil, fmt.Errorf("Invalid manifest file: url %q is not s3://bucket/key", entry.URL)
		}
		if err := s.mayList(file{bucket: bucket, key: key}); err != nil {
			return nil, err
		}
		head, err := s.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		switch {
		case isMissing(err) && !entry.Mandatory:
			continue
		case isMissing(err):
			return nil, fmt.Errorf("Problem reading manifest file: mandatory file %s is missing: %w", entry.URL, err)
		case err != nil:
			return nil, fmt.Errorf("looking at %s: %w", entry.URL, err)
		}
		if want := entry.Meta.ContentLength; want != nil && *want != aws.ToInt64(head.ContentLength) {
			return nil, fmt.Errorf("File %s has an unexpected size: the manifest's content_length is %d, the object has %d bytes",
				entry.URL, *want, aws.ToInt64(head.ContentLength))
		}
		list = append(list, file{bucket, key, aws.ToString(head.ETag)})
	}
	return list, nil
}

func (s *Server) readManifest(ctx context.Context, f file) (manifest, error) {
	body, err := s.open(ctx, f)
	if err != nil {
		return manifest{}, fmt.Errorf("Problem reading manifest file: %w", err)
	}
	defer body.Close() //nolint:errcheck // read to its end, or given up
	var m manifest
	decoder := json.NewDecoder(io.LimitReader(body, maxManifest))
	if err := decoder.Decode(&m); err != nil {
		return manifest{}, fmt.Errorf("Invalid manifest file %s: %w", f.url(), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return manifest{}, fmt.Errorf("Invalid manifest file %s: text after its end", f.url())
	}
	return m, nil
}

// open reads an object; one that changed since it was looked at is an error.
func (s *Server) open(ctx context.Context, f file) (io.ReadCloser, error) {
	if p := s.options.CopyPolicy; p != nil && !allowed(p.Get, f) {
		return nil, denied("s3:GetObject", f)
	}
	in := &s3.GetObjectInput{Bucket: &f.bucket, Key: &f.key}
	if f.etag != "" {
		in.IfMatch = &f.etag
	}
	out, err := s.s3.GetObject(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.url(), err)
	}
	return out.Body, nil
}

func isMissing(err error) bool {
	var notFound *types.NotFound
	var noKey *types.NoSuchKey
	return errors.As(err, &notFound) || errors.As(err, &noKey)
}

// mayList holds COPY to what its role may list: the prefix that it was given, or
// each object of a manifest. It needs "permission to LIST the Amazon S3 bucket
// and GET the Amazon S3 objects that are being loaded, and the manifest file"
// ("Permissions to access other AWS resources").
func (s *Server) mayList(f file) error {
	if p := s.options.CopyPolicy; p != nil && !allowed(p.List, f) {
		return denied("s3:ListBucket", f)
	}
	return nil
}

func allowed(prefixes []string, f file) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(f.url(), prefix) })
}

func denied(action string, f file) error {
	return fmt.Errorf("S3ServiceException:Access Denied,Status 403,Error AccessDenied: the role of COPY has no %s for %s", action, f.url())
}
