package header

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/object"
)

const mib = 1 << 20

// Whatever its size, an object comes out as it was, behind its header.
func TestObjectsOfEverySizeGetTheirHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/_header", []byte("id,total")) // without its newline
	for _, size := range []int{0, 1, 5*mib - 1, 5 * mib, 5*mib + 1, 12 * mib} {
		for name, c := range map[string]struct {
			list []string
			want string
		}{
			"list":   {[]string{"id", "a,b"}, "id,\"a,b\"\n"},
			"object": {nil, "id,total\n"},
		} {
			t.Run(fmt.Sprintf("%d bytes, header from %s", size, name), func(t *testing.T) {
				t.Parallel()
				b := b.on(t)
				key, text := fmt.Sprintf("unload/%d-%s.csv", size, name), rows(size)
				b.put(key, text)
				headed := b.prepend(Request{Key: key, Header: c.list, Delimiter: ","})
				b.wantContent("headed/"+key[len("unload/"):], c.want, text)
				if want := int64(len(c.want) + size); headed.Bytes != want || headed.Copied+headed.Uploaded != want {
					t.Errorf("%+v, want %d bytes", headed, want)
				}
			})
		}
	}
}

// on is the same job in a subtest.
func (b *bundle) on(t *testing.T) *bundle {
	t.Helper()
	inner := *b
	inner.T = t
	return &inner
}

// An object of only a newline is a row like any other.
func TestObjectOfOnlyANewline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, text := range map[string]string{"lf": "\n", "crlf": "\r\n"} {
		b.put("unload/"+name, []byte(text))
		b.prepend(Request{Key: "unload/" + name, Header: []string{"id"}})
		b.wantContent("headed/"+name, "id"+text, []byte(text))
	}
}

// A large object stays inside S3 but for its first part.
func TestLargeObjectDoesNotPassThroughTheFunction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := rows(64 * mib)
	b.put("unload/large.csv", text)
	b.door.Reset()
	headed := b.prepend(Request{Key: "unload/large.csv", Header: []string{"id"}})
	passed := b.door.Total()
	if passed.In > 6*mib || passed.Out > 6*mib {
		t.Errorf("%d bytes went to S3 and %d came from it, want at most 6 MiB each", passed.In, passed.Out)
	}
	if headed.Copied < 58*mib || headed.Uploaded > passed.In || headed.Downloaded > passed.Out {
		t.Errorf("%+v, but %d bytes went and %d came", headed, passed.In, passed.Out)
	}
	b.wantContent("headed/large.csv", "id\n", text)
}

func TestCopyKeepsWhatTheSourceHas(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 6 * mib} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tags := map[string]string{"team": "sales + more", "cost": "1+1=2"}
			_, err := b.store.Compose(t.Context(), b.at("unload/a.csv"), []object.Segment{{Bytes: rows(size)}}, object.ComposeOptions{
				Headers: object.Headers{
					ContentType: "text/csv; charset=utf-8", ContentDisposition: `attachment; filename="a.csv"`, ContentLanguage: "de",
					CacheControl: "no-store", Metadata: map[string]string{"origin": "unload 7"},
				},
				Tags: tags,
			})
			if err != nil {
				t.Fatal(err)
			}
			source, err := b.store.Stat(t.Context(), b.at("unload/a.csv"))
			if err != nil {
				t.Fatal(err)
			}
			b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
			got, err := b.store.Stat(t.Context(), b.at("headed/a.csv"))
			if err != nil {
				t.Fatal(err)
			}
			want := source
			want.Metadata = map[string]string{"origin": "unload 7", mark: got.Metadata[mark]}
			want.Size, want.ETag, want.CRC32C, want.Checksum, want.LastModified = got.Size, got.ETag, got.CRC32C, got.Checksum, got.LastModified
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			gotTags, err := b.store.Tags(t.Context(), b.at("headed/a.csv"), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tags, gotTags); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeysOfEveryKind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, key := range []string{"a b/c d.csv", "a+b/c+d.csv", "100%/%2F%20.csv", "größe/名前.csv", `q"u'o&t=e/x;y?.csv`} {
		b.put("unload/"+key, rows(6*mib))
		folder, _ := split("unload/" + key)
		b.put(folder+"_header", []byte(key+"\n"))
		b.prepend(Request{Key: "unload/" + key})
		b.wantContent("headed/"+key, key+"\n", rows(6*mib))
	}
}

// A source that is replaced between the look at it and the copy fails, rather
// than to mix two versions. A small one was read whole by then; its copy is made
// again.
func TestReplacedSourceIsNotCopied(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 12 * mib} {
		for _, moment := range []string{"GetObjectTagging", "UploadPartCopy"} {
			if size < 5*mib && moment == "UploadPartCopy" {
				continue // it is not copied in parts
			}
			t.Run(fmt.Sprintf("%d bytes, before %s", size, moment), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.put("unload/a.csv", rows(size))
				b.door.Fail(func(r *http.Request) *door.Failure {
					if door.Operation(r) == moment {
						b.put("unload/a.csv", bytes.ToUpper(rows(size)))
					}
					return nil
				})
				_, err := b.ask(Request{Key: "unload/a.csv", Header: []string{"id"}})
				if size > 5*mib {
					if !errors.Is(err, object.ErrChanged) {
						t.Errorf("error is %v, want ErrChanged", err)
					}
					b.wantNothing("headed/a.csv")
				}
				b.door.Fail(nil)
				b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
				b.wantContent("headed/a.csv", "id\n", bytes.ToUpper(rows(size)))
			})
		}
	}
}
