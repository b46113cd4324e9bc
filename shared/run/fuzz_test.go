package run

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/stagelift/stagelift/shared/object"
)

// keep is an S3 that keeps what is stored with one request.
type keep struct {
	mu      sync.Mutex
	objects map[string][]byte
}

// Do answers as S3 does.
func (k *keep) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[path.Base(r.URL.Path)] = body
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Etag": {`"x"`}}, Body: io.NopCloser(bytes.NewReader(nil)),
	}, nil
}

// Whatever the rows are, and however large the parts: each part is a header and
// whole rows, no part is empty, and all parts together are all rows in order.
func FuzzPartsAreCutBetweenRows(f *testing.F) {
	f.Add([]byte("1,a\n2,\"b\nc\"\n3,\n"), uint16(8), uint8(3))
	f.Add([]byte(""), uint16(1), uint8(1))
	f.Add([]byte("\"\n\"\n\n\n"), uint16(1), uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, limit uint16, width uint8) {
		store := &keep{objects: map[string][]byte{}}
		w := newPartWriter(t, "none", int64(limit)+1)
		w.run.Store = object.New(aws.Config{
			Region: "eu-central-1", HTTPClient: store, BaseEndpoint: aws.String("http://127.0.0.1:1"),
			Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		})
		var rows []string // values of any bytes
		for rest := string(text); rest != ""; {
			n := min(len(rest), int(width)+1)
			rows, rest = append(rows, rest[:n]), rest[n:]
		}
		for _, row := range rows {
			if _, err := w.Write(message(row, "")); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.finish(); err != nil {
			t.Fatal(err)
		}
		w.run.publishing.Wait()
		next := 0
		for i, part := range w.table.parts {
			content, headed := bytes.CutPrefix(store.objects[path.Base(part.Key)], []byte("id,t\n"))
			var want []byte
			for range part.Rows {
				want = append(want, line(rows[next])...)
				next++
			}
			if !headed || part.Rows == 0 || !bytes.Equal(content, want) {
				t.Fatalf("part %d of %d rows is %q, want a header and %q", i, part.Rows, content, want)
			}
		}
		if next != len(rows) {
			t.Errorf("%d rows in the parts, want %d", next, len(rows))
		}
	})
}

// line is a row of a value and an empty one as CSV has it.
func line(value string) string {
	if value == `\N` || strings.ContainsAny(value, ",\"\r\n") {
		value = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
	}
	return value + ",\n"
}
