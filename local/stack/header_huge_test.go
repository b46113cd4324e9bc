package stack_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
)

// counting is an S3 that stores nothing and counts everything: objects of any
// size are there, all of the same lines, and what is written to it is held to
// S3's rules for parts and to all bytes in their order. It stands in where the
// size is what matters.
type counting struct {
	sizes map[string]int64 // of the objects, by key

	mu                           sync.Mutex
	parts                        map[int]span
	downloaded, uploaded, copied int64
	requests                     map[string]int
	problems                     []string
	made                         int64 // the size of the copy
	mark                         string
}

// span is a part that was stored: bytes of a source, or our own.
type span struct {
	key           string
	offset, bytes int64
}

func newCounting(sizes map[string]int64) *counting {
	return &counting{sizes: sizes, parts: map[int]span{}, requests: map[string]int{}}
}

// lines is what all objects are made of.
const countingLine = "1234567,89012345,678901234567890\n"

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	operation := door.Operation(r)
	body, _ := io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[operation]++
	n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
	switch operation {
	case "HeadObject":
		c.head(w, key)
	case "GetObject":
		c.get(w, r, key)
	case "GetObjectTagging":
		_, _ = io.WriteString(w, "<Tagging><TagSet></TagSet></Tagging>")
	case "ListMultipartUploads":
		_, _ = io.WriteString(w, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
	case "CreateMultipartUpload":
		c.mark = r.Header.Get("X-Amz-Meta-Stagelift-Headed")
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	case "UploadPart":
		c.uploaded += body
		c.parts[n] = span{bytes: body}
		w.Header().Set("ETag", `"e"`)
	case "UploadPartCopy":
		c.copyPart(w, r, n)
	case "CompleteMultipartUpload":
		c.complete()
		_, _ = io.WriteString(w, xml.Header+"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
	default:
		c.problems = append(c.problems, operation+" was not expected")
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func (c *counting) head(w http.ResponseWriter, key string) {
	size, there := c.sizes[key]
	if !there && c.made > 0 && strings.HasPrefix(key, "headed/") {
		size, there = c.made, true
		w.Header().Set("X-Amz-Meta-Stagelift-Headed", c.mark)
	}
	if !there {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.Header().Set("ETag", `"e"`)
}

func (c *counting) get(w http.ResponseWriter, r *http.Request, key string) {
	size, there := c.sizes[key]
	if !there {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
		return
	}
	first, last := int64(0), size-1
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); err != nil {
		c.problems = append(c.problems, "all of "+key+" was asked for")
	}
	length := last - first + 1
	c.downloaded += length
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	w.Header().Set("ETag", `"e"`)
	w.WriteHeader(http.StatusPartialContent)
	text := strings.Repeat(countingLine, 64<<10/len(countingLine)+2)
	for at := first; at <= last; {
		within := int(at % int64(len(countingLine)))
		n, err := io.WriteString(w, text[within:within+int(min(last-at+1, 64<<10))])
		if err != nil {
			return
		}
		at += int64(n)
	}
}

func (c *counting) copyPart(w http.ResponseWriter, r *http.Request, n int) {
	source, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source"))
	if err != nil {
		c.problems = append(c.problems, err.Error())
	}
	_, key, _ := strings.Cut(source, "/")
	size := c.sizes[key]
	first, last := int64(0), size-1
	if asked := r.Header.Get("X-Amz-Copy-Source-Range"); asked != "" {
		if _, err := fmt.Sscanf(asked, "bytes=%d-%d", &first, &last); err != nil || last >= size || size <= 5<<20 {
			c.problems = append(c.problems, fmt.Sprintf("range %s of %s, which has %d bytes", asked, key, size))
		}
	}
	if r.Header.Get("X-Amz-Copy-Source-If-Match") != `"e"` {
		c.problems = append(c.problems, "a copy without its ETag")
	}
	c.copied += last - first + 1
	c.parts[n] = span{key, first, last - first + 1}
	_, _ = io.WriteString(w, "<CopyPartResult><ETag>e</ETag></CopyPartResult>")
}

// complete holds the parts to S3's rules.
func (c *counting) complete() {
	if len(c.parts) > 10_000 {
		c.problems = append(c.problems, fmt.Sprintf("%d parts", len(c.parts)))
	}
	next := map[string]int64{}
	for n := 1; n <= len(c.parts); n++ {
		p, there := c.parts[n]
		switch {
		case !there:
			c.problems = append(c.problems, fmt.Sprintf("part %d is missing", n))
		case p.bytes < 5<<20 && n < len(c.parts), p.bytes > 5<<30, p.bytes == 0:
			c.problems = append(c.problems, fmt.Sprintf("part %d has %d bytes", n, p.bytes))
		case p.key != "" && p.offset < next[p.key]:
			c.problems = append(c.problems, fmt.Sprintf("part %d goes back to byte %d of %s", n, p.offset, p.key))
		}
		next[p.key] = p.offset + p.bytes
		c.made += p.bytes
	}
}

// serve starts the server and returns its endpoint.
func (c *counting) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(c)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}
