package door

import (
	"io"
	"maps"
	"net/http"
	"strings"
)

// Counts returns what has passed so far, by operation as Operation names it.
func (d *Door) Counts() map[string]Count {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// Total returns the sum of Counts.
func (d *Door) Total() Count {
	var total Count
	for _, c := range d.Counts() {
		total = total.plus(c)
	}
	return total
}

// Reset sets all counts to zero.
func (d *Door) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.counts)
}

func (d *Door) count(operation string, c Count) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[operation] = d.counts[operation].plus(c)
}

func (c Count) plus(o Count) Count {
	return Count{Requests: c.Requests + o.Requests, In: c.In + o.In, Out: c.Out + o.Out}
}

// counter counts what is read through it.
type counter struct {
	io.ReadCloser
	add func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if n > 0 {
		c.add(int64(n))
	}
	return n, err
}

// operations by method, whether the path has a key, and what marks the request:
// the first line that fits names it.
var operations = []struct {
	method string
	key    bool
	query  string // a parameter that must be there
	copies bool   // x-amz-copy-source must be there
	name   string
}{
	{http.MethodPut, true, "partNumber", true, "UploadPartCopy"},
	{http.MethodPut, true, "partNumber", false, "UploadPart"},
	{http.MethodPut, true, "tagging", false, "PutObjectTagging"},
	{http.MethodPut, true, "", true, "CopyObject"},
	{http.MethodPut, true, "", false, "PutObject"},
	{http.MethodPut, false, "", false, "CreateBucket"},
	{http.MethodPost, true, "uploads", false, "CreateMultipartUpload"},
	{http.MethodPost, true, "uploadId", false, "CompleteMultipartUpload"},
	{http.MethodPost, false, "delete", false, "DeleteObjects"},
	{http.MethodDelete, true, "uploadId", false, "AbortMultipartUpload"},
	{http.MethodDelete, true, "", false, "DeleteObject"},
	{http.MethodDelete, false, "", false, "DeleteBucket"},
	{http.MethodHead, true, "", false, "HeadObject"},
	{http.MethodHead, false, "", false, "HeadBucket"},
	{http.MethodGet, true, "uploadId", false, "ListParts"},
	{http.MethodGet, true, "tagging", false, "GetObjectTagging"},
	{http.MethodGet, true, "", false, "GetObject"},
	{http.MethodGet, false, "uploads", false, "ListMultipartUploads"},
	{http.MethodGet, false, "", false, "ListObjects"},
}

// Operation returns the name of the S3 operation that a path-style request asks
// for, or its method where there is no such operation here.
func Operation(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	for _, o := range operations {
		if o.method == r.Method && o.key == (key != "") &&
			(o.query == "" || query.Has(o.query)) &&
			(!o.copies || r.Header.Get("X-Amz-Copy-Source") != "") {
			return o.name
		}
	}
	return r.Method
}
