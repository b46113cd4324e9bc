package object

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Headers go with an object, whichever way it is written. The zero value sets
// nothing and replaces what is there.
type Headers struct {
	// StorageClass is empty for STANDARD.
	ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, StorageClass string
	// Encryption is how S3 encrypts the object; the zero value is the bucket's
	// default.
	Encryption Encryption
	// Metadata is the user's own. Its keys come back in lower case.
	Metadata map[string]string
}

// draft is an object to be, but for its bytes.
type draft struct {
	Headers
	tags map[string]string
	// sum is the checksum that an upload in parts keeps.
	sum crcKind
}

func (d draft) put(l Location) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket: &l.Bucket, Key: &l.Key,
		ContentType: optional(d.ContentType), ContentEncoding: optional(d.ContentEncoding),
		ContentDisposition: optional(d.ContentDisposition), ContentLanguage: optional(d.ContentLanguage),
		CacheControl: optional(d.CacheControl), StorageClass: types.StorageClass(d.StorageClass),
		Metadata: d.Metadata, Tagging: optional(tagging(d.tags)),
		ServerSideEncryption: types.ServerSideEncryption(d.Encryption.Algorithm),
		SSEKMSKeyId:          optional(d.Encryption.KMSKeyID), BucketKeyEnabled: d.Encryption.bucketKey(),
	}
}

func (d draft) create(l Location) *s3.CreateMultipartUploadInput {
	return &s3.CreateMultipartUploadInput{
		Bucket: &l.Bucket, Key: &l.Key,
		ContentType: optional(d.ContentType), ContentEncoding: optional(d.ContentEncoding),
		ContentDisposition: optional(d.ContentDisposition), ContentLanguage: optional(d.ContentLanguage),
		CacheControl: optional(d.CacheControl), StorageClass: types.StorageClass(d.StorageClass),
		Metadata: d.Metadata, Tagging: optional(tagging(d.tags)),
		ServerSideEncryption: types.ServerSideEncryption(d.Encryption.Algorithm),
		SSEKMSKeyId:          optional(d.Encryption.KMSKeyID), BucketKeyEnabled: d.Encryption.bucketKey(),
		ChecksumAlgorithm: d.sum.algorithm(), ChecksumType: types.ChecksumTypeFullObject,
	}
}

// Encryption is how S3 encrypts an object at rest. The zero value is the
// bucket's default.
type Encryption struct {
	// Algorithm is AES256 (S3's own keys), aws:kms or aws:kms:dsse.
	Algorithm string
	// KMSKeyID is the key's ARN; empty with aws:kms is the account's key for S3.
	KMSKeyID string
	// BucketKey saves requests to KMS.
	BucketKey bool
}

// bucketKey says nothing where KMS has no part.
func (e Encryption) bucketKey() *bool {
	if !e.BucketKey {
		return nil
	}
	return aws.Bool(true)
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
