package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	s3door "github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/stack"
)

const (
	headerless = "unload/bench.csv"
	headerLine = "id,customer,total\n"
	// pieces of pieceSize bytes make the object.
	pieces, pieceSize = 16, 64 << 20
)

// Prices of requests in dollars: of writing, copying and listing, and of reading
// (S3 pricing, Standard in us-east-1). Bytes between S3 and Lambda in one region
// are free.
const (
	priceWrite = 0.005 / 1000
	priceRead  = 0.0004 / 1000
)

// cost is what it took to give an object its header.
type cost struct {
	s3door.Count
	dollars float64
	took    time.Duration
	memory  int64
}

// header compares the function with what scripts do, on the same object of a GiB:
// read it all, then upload it all with the header in front, a part at a time.
func (b *bench) header(ctx context.Context) error {
	step("measuring header beside a script that reads and uploads everything")
	if err := b.headerlessObject(ctx); err != nil {
		return err
	}
	ways := []struct {
		name string
		do   func(context.Context) (cost, error)
	}{{"header", b.headByCopying}, {"read all, upload all", b.headByUploading}}
	fmt.Printf("\nheader on an object of %d MiB, least of %d\n", pieces*pieceSize>>20, b.rounds)
	fmt.Printf("  %-21s %7s  %13s  %13s  %8s  %9s  %s\n", "", "seconds", "from S3, MiB", "to S3, MiB", "requests", "dollars", "memory, MiB")
	for _, way := range ways {
		var least cost
		for range b.rounds {
			c, err := way.do(ctx)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", way.name, err)
			}
			if least.took == 0 || c.took < least.took {
				least = c
			}
		}
		fmt.Printf("  %-21s %7.2f  %13.1f  %13.1f  %8d  %9.6f  %d\n", way.name, least.took.Seconds(), mib(least.Out), mib(least.In),
			least.Requests, least.dollars, least.memory>>20)
	}
	fmt.Println("  The copying itself is done by the S3 server, which here is this machine's disk.")
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// headerlessObject makes the object inside the S3 server, of copies of a piece.
func (b *bench) headerlessObject(ctx context.Context) error {
	const line = "1234567,89012345,678901234567890\n"
	client, key, piece := b.S3Client(), aws.String(headerless), aws.String("unload/piece")
	bucket := aws.String(stack.Bucket)
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: piece, Body: strings.NewReader(strings.Repeat(line, pieceSize/len(line)))})
	if err != nil {
		return err
	}
	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for n := int32(1); n <= pieces; n++ {
		out, err := client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: bucket, Key: key, UploadId: created.UploadId, PartNumber: &n, CopySource: aws.String(stack.Bucket + "/" + *piece),
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(n), ETag: out.CopyPartResult.ETag})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// counted does something through a door that counts.
func (b *bench) counted(ctx context.Context, do func(endpoint string) error) (c cost, err error) {
	d, err := s3door.Open(ctx, b.S3.Endpoint())
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	start := time.Now()
	if err := do(d.Endpoint()); err != nil {
		return c, err
	}
	c.took, c.Count = time.Since(start), d.Total()
	for operation, count := range d.Counts() {
		switch operation {
		case "GetObject", "HeadObject", "GetObjectTagging":
			c.dollars += float64(count.Requests) * priceRead
		case "AbortMultipartUpload": // free
		default:
			c.dollars += float64(count.Requests) * priceWrite
		}
	}
	return c, nil
}

// headByCopying is the function, once through the door and once without, in a
// process that can be looked at.
func (b *bench) headByCopying(ctx context.Context) (cost, error) {
	request := []byte(`{"bucket":"` + stack.Bucket + `","key":"` + headerless + `","header":["id","customer","total"]}`)
	c, err := b.counted(ctx, func(endpoint string) error {
		result, err := b.InvokeAs(ctx, "header", []string{"AWS_ENDPOINT_URL_S3=" + endpoint}, request)
		if err == nil && result.Error != nil {
			err = result.Error
		}
		return err
	})
	if err != nil {
		return c, err
	}
	if err := b.removeHeaded(ctx); err != nil {
		return c, err
	}
	b.Functions.Kill("header")
	result, err := b.Functions.Invoke(ctx, "header", request)
	if err == nil && result.Error != nil {
		err = result.Error
	}
	if err != nil {
		return c, err
	}
	for _, environment := range b.Functions.Environments("header") {
		c.memory = max(c.memory, environment.PeakMemory)
	}
	return c, b.removeHeaded(ctx)
}

func (b *bench) removeHeaded(ctx context.Context) error {
	_, err := b.S3Client().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String("headed/bench.csv")})
	return err
}

// headByUploading is the script: the object in memory, behind its header, and up
// again in parts of 8 MiB, one after another.
func (b *bench) headByUploading(ctx context.Context) (cost, error) {
	var memory int64
	c, err := b.counted(ctx, func(endpoint string) error {
		cfg := b.S3Config
		cfg.BaseEndpoint = &endpoint
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		bucket := aws.String(stack.Bucket)
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String(headerless)})
		if err != nil {
			return err
		}
		defer func() { _ = out.Body.Close() }()
		content := make([]byte, len(headerLine)+int(*out.ContentLength))
		copy(content, headerLine)
		if _, err := io.ReadFull(out.Body, content[len(headerLine):]); err != nil {
			return err
		}
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		memory = int64(stats.HeapInuse)
		return uploadInParts(ctx, client, bucket, content)
	})
	c.memory = memory
	return c, errors.Join(err, b.removeHeaded(ctx))
}

func uploadInParts(ctx context.Context, client *s3.Client, bucket *string, content []byte) error {
	key := aws.String("headed/bench.csv")
	created, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for n := int32(1); len(content) > 0; n++ {
		size := min(len(content), 8<<20)
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(n), Body: bytes.NewReader(content[:size]),
		})
		if err != nil {
			return err
		}
		parts, content = append(parts, types.CompletedPart{PartNumber: aws.Int32(n), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}), content[size:]
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
