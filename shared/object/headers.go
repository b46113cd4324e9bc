package object

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// headers are what goes with an object, whichever way it is written.
type headers struct {
	contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl, storageClass string
	metadata, tags                                                                                map[string]string
}

func (h headers) put(l Location) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket: &l.Bucket, Key: &l.Key,
		ContentType: optional(h.contentType), ContentEncoding: optional(h.contentEncoding),
		ContentDisposition: optional(h.contentDisposition), ContentLanguage: optional(h.contentLanguage),
		CacheControl: optional(h.cacheControl), StorageClass: types.StorageClass(h.storageClass),
		Metadata: h.metadata, Tagging: optional(tagging(h.tags)),
	}
}

func (h headers) create(l Location) *s3.CreateMultipartUploadInput {
	return &s3.CreateMultipartUploadInput{
		Bucket: &l.Bucket, Key: &l.Key,
		ContentType: optional(h.contentType), ContentEncoding: optional(h.contentEncoding),
		ContentDisposition: optional(h.contentDisposition), ContentLanguage: optional(h.contentLanguage),
		CacheControl: optional(h.cacheControl), StorageClass: types.StorageClass(h.storageClass),
		Metadata: h.metadata, Tagging: optional(tagging(h.tags)),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumType: types.ChecksumTypeFullObject,
	}
}

// tagging encodes tags as the header that S3 parses like a query.
func tagging(tags map[string]string) string {
	pairs := make([]string, 0, len(tags))
	for key, value := range tags {
		pairs = append(pairs, escape(key)+"="+escape(value))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape writes a space as %20, which means a space everywhere.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// escapePath escapes a path and leaves its slashes.
func escapePath(path string) string { return strings.ReplaceAll(escape(path), "%2F", "/") }

// optional returns nil for "": an empty header is not the same as none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
