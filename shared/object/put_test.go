package object

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/local/s3/door"
)

func TestPut(t *testing.T) {
	t.Parallel()

	t.Run("stores what Get and Stat return, under any key", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, key := range oddKeys {
			l, content := b.at(key), []byte("content of "+key)
			put, err := b.Put(t.Context(), l, content, PutOptions{
				Headers: Headers{ContentType: "application/json", ContentEncoding: "gzip", Metadata: map[string]string{"run": "a b"}},
				Tags:    oddTags,
			})
			check(t, err)
			got, attributes, err := b.Get(t.Context(), l, 100)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("getting %s: %q, %v", l, got, err)
			}
			stat, err := b.Stat(t.Context(), l)
			check(t, err)
			want := Attributes{
				Size: int64(len(content)), ETag: put.ETag, CRC32C: crcOf(content).String(), Checksum: checksum(crcOf(content)),
				Headers: Headers{ContentType: "application/json", ContentEncoding: "gzip", Metadata: map[string]string{"run": "a b"}},
			}
			ignore := cmpopts.IgnoreFields(Attributes{}, "LastModified", "Headers.StorageClass")
			for _, a := range []Attributes{put, attributes, stat} {
				if diff := cmp.Diff(want, a, ignore); diff != "" {
					t.Errorf("attributes of %s (-want +got):\n%s", l, diff)
				}
			}
			b.tagged(l, oddTags)
		}
	})

	t.Run("rides out a burst of refusals", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(both(on("PutObject", 0, 4, slowDown), on("PutObject", 0, 3, broken), on("PutObject", 0, 2, cut)))
		_, err := b.Put(t.Context(), b.at("k"), []byte("content"), PutOptions{})
		check(t, err)
		b.same(b.at("k"), []byte("content"))
	})

	t.Run("has one winner among many with IfAbsent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const writers = 24
		errs := make([]error, writers)
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				_, errs[i] = b.Put(t.Context(), b.at("k"), fmt.Appendf(nil, "writer %02d", i), PutOptions{IfAbsent: true})
			})
		}
		wait.Wait()
		winners := 0
		for i, err := range errs {
			switch {
			case err == nil:
				winners++
				b.same(b.at("k"), fmt.Appendf(nil, "writer %02d", i))
			case !errors.Is(err, ErrExists):
				t.Errorf("writer %d: %v, want ErrExists", i, err)
			}
		}
		if winners != 1 {
			t.Errorf("%d winners", winners)
		}
	})

	for name, failure := range map[string]door.Failure{"lost": lost, "cut": cutDone} {
		t.Run("with IfAbsent knows its own success when the answer was "+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.door.Fail(on("PutObject", 0, 1, failure))
			a, err := b.Put(t.Context(), b.at("k"), []byte("content"), PutOptions{IfAbsent: true})
			if err != nil || a.Size != 7 || a.ETag == "" {
				t.Errorf("putting: %+v, %v", a, err)
			}
		})
	}

	t.Run("with IfAbsent does not take another's object for its own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.place("k", []byte("theirs!"))
		b.door.Fail(on("PutObject", 0, 1, broken))
		if _, err := b.Put(t.Context(), b.at("k"), []byte("ours..."), PutOptions{IfAbsent: true}); !errors.Is(err, ErrExists) {
			t.Errorf("putting: %v, want ErrExists", err)
		}
		// The same bytes, but no earlier attempt that could have written them.
		if _, err := b.Put(t.Context(), b.at("k"), []byte("theirs!"), PutOptions{IfAbsent: true}); !errors.Is(err, ErrExists) {
			t.Errorf("putting the same again: %v, want ErrExists", err)
		}
	})

	t.Run("with IfMatch replaces that object only", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.Put(t.Context(), b.at("k"), []byte("new"), PutOptions{IfMatch: `"0123456789abcdef0123456789abcdef"`})
		if !errors.Is(err, ErrChanged) {
			t.Errorf("replacing nothing: %v, want ErrChanged", err)
		}
		_, first := b.place("k", []byte("first"))
		b.door.Fail(on("PutObject", 0, 1, lost))
		_, err = b.Put(t.Context(), b.at("k"), []byte("second"), PutOptions{IfMatch: first.ETag})
		check(t, err)
		_, err = b.Put(t.Context(), b.at("k"), []byte("third"), PutOptions{IfMatch: first.ETag})
		if !errors.Is(err, ErrChanged) {
			t.Errorf("replacing with an old ETag: %v, want ErrChanged", err)
		}
		b.same(b.at("k"), []byte("second"))
	})

	t.Run("sends a request again that met another write", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(on("PutObject", 0, 2, door.Failure{Status: http.StatusConflict, Code: "ConditionalRequestConflict"}))
		_, err := b.Put(t.Context(), b.at("k"), []byte("content"), PutOptions{IfAbsent: true})
		check(t, err)
	})

	t.Run("reports what S3 says for good", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(on("PutObject", 0, 100, denied))
		_, err := b.Put(t.Context(), b.at("k"), nil, PutOptions{})
		if codeOf(err) != "AccessDenied" || !strings.Contains(err.Error(), "putting s3://"+b.bucket+"/k") {
			t.Errorf("putting: %v", err)
		}
		if got := b.door.Counts()["PutObject"].Requests; got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
	})
}

// Over TLS the bodies are not hashed a second time for the signature.
func TestBodiesOverTLSAreUnsigned(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r.Header
	}))
	t.Cleanup(server.Close)
	_, err := New(fakeConfig(server)).Put(t.Context(), Location{"b", "k"}, []byte("content"), PutOptions{})
	check(t, err)
	header := <-seen
	got := []string{header.Get("X-Amz-Content-Sha256"), header.Get("X-Amz-Checksum-Crc32c"), header.Get("X-Amz-Trailer")}
	if diff := cmp.Diff([]string{"UNSIGNED-PAYLOAD", crcOf([]byte("content")).String(), ""}, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if !strings.Contains(header.Get("Authorization"), "x-amz-checksum-crc32c") {
		t.Errorf("the checksum is not signed: %s", header.Get("Authorization"))
	}
}

func fakeConfig(server *httptest.Server) aws.Config {
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("access", "secret", ""),
	}
}
