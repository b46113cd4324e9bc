package run

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/stagelift/stagelift/shared/stage"
)

// keys lists the bucket, behind the door's back.
func (b *bundle) keys(suffix string) []string {
	b.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.bucket.Client(), &s3.ListObjectsV2Input{Bucket: &b.bucket.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range page.Contents {
			if key := aws.ToString(o.Key); strings.HasSuffix(key, suffix) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// uploads lists the keys of unfinished uploads.
func (b *bundle) uploads() []string {
	b.Helper()
	list, err := b.bucket.Client().ListMultipartUploads(b.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.bucket.Name})
	if err != nil {
		b.Fatal(err)
	}
	var keys []string
	for _, u := range list.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	return keys
}

func (b *bundle) startUpload(key string) {
	b.Helper()
	if _, err := b.bucket.Client().CreateMultipartUpload(b.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.bucket.Name, Key: &key}); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) get(key string) []byte {
	b.Helper()
	out, err := b.bucket.Client().GetObject(b.Context(), &s3.GetObjectInput{Bucket: &b.bucket.Name, Key: &key})
	if err != nil {
		b.Fatalf("%s: %v", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func (b *bundle) receipt(key string) stage.Receipt {
	b.Helper()
	receipt, err := b.job.Layout.DecodeReceipt(key, b.get(key))
	if err != nil {
		b.Fatal(err)
	}
	return receipt
}

// summary reads the only summary there is.
func (b *bundle) summary() summary {
	b.Helper()
	var found []string
	for _, key := range b.keys(".json") {
		if _, name, is := strings.Cut(key, "/_runs/"); is && !strings.Contains(name, "/") {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		b.Fatalf("summaries %v, want one", found)
	}
	var s summary
	if err := json.Unmarshal(b.get(found[0]), &s); err != nil {
		b.Fatal(err)
	}
	return s
}

// wantNothingPublished checks that a failed run left neither a receipt nor an
// upload.
func (b *bundle) wantNothingPublished() {
	b.Helper()
	if keys := b.keys("/receipt.json"); len(keys) > 0 {
		b.Errorf("published: %v", keys)
	}
	if keys := b.uploads(); len(keys) > 0 {
		b.Errorf("uploads left unfinished: %v", keys)
	}
}

// content returns the lines of all parts, sorted, after it has read each part
// by itself.
func (b *bundle) content(receipt stage.Receipt) []string {
	b.Helper()
	lines := []string{}
	for _, part := range receipt.Parts {
		data := b.get(part.Key)
		if int64(len(data)) != part.Bytes {
			b.Errorf("%s has %d bytes, its receipt says %d", part.Key, len(data), part.Bytes)
		}
		if receipt.Format.Compression == "gzip" {
			data = b.gunzip(data)
		}
		rows := part.Rows
		if receipt.Format.Header {
			rows++
		}
		records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil || int64(len(records)) != rows {
			b.Errorf("%s reads as %d records, want %d: %v", part.Key, len(records), rows, err)
			continue
		}
		if receipt.Format.Header {
			header, rest, _ := bytes.Cut(data, []byte("\n"))
			if diff := cmp.Diff(columnNames(receipt), records[0]); diff != "" {
				b.Errorf("%s: header %s (-want +got):\n%s", part.Key, header, diff)
			}
			data = rest
		}
		lines = append(lines, strings.SplitAfter(string(data), "\n")...)
	}
	return sorted(lines)
}

func columnNames(receipt stage.Receipt) []string {
	var list []string
	for _, c := range receipt.Columns {
		list = append(list, c.Name)
	}
	return list
}

// sorted drops the empty string that SplitAfter leaves after the last line.
func sorted(lines []string) []string {
	lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	slices.Sort(lines)
	return lines
}

func (b *bundle) gunzip(data []byte) []byte {
	b.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// puts reports whether a request writes below or at a key that holds s.
func puts(r *http.Request, s string) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, s)
}

func (b *bundle) unzstd(data []byte) []byte {
	b.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer decoder.Close()
	text, err := decoder.DecodeAll(data, nil)
	if err != nil {
		b.Fatal(err)
	}
	return text
}
