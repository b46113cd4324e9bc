package object

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
)

// write streams content in uneven pieces through a writer with small parts.
func (b bundle) write(w *Writer, content []byte) error {
	for size := 1; len(content) > 0; size = size*3 + 1 {
		n := min(size, len(content), 700_000)
		if _, err := w.Write(content[:n]); err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

func TestWriter(t *testing.T) {
	t.Parallel()
	const part = minPart
	buffers := NewBuffers(part, 0)
	content := random(3*part + 1)

	for size, parts := range map[int]int{0: 1, 1: 1, part - 1: 1, part: 1, part + 1: 2, 2 * part: 2, 3*part + 1: 4} {
		t.Run(fmt.Sprintf("writes %d bytes in %d parts", size, parts), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.at("k")
			w := b.NewWriter(t.Context(), l, WriterOptions{
				Headers: Headers{ContentType: "text/csv", ContentEncoding: "gzip", Metadata: map[string]string{"run": "1"}},
				Tags:    oddTags, Buffers: buffers,
			})
			check(t, b.write(w, content[:size]))
			if w.Written() != int64(size) {
				t.Errorf("written %d bytes, want %d", w.Written(), size)
			}
			if _, err := b.Stat(t.Context(), l); !errors.Is(err, ErrNotFound) {
				t.Errorf("the object is visible before Close: %v", err)
			}
			check(t, w.Close())
			check(t, w.Close())
			check(t, w.Abort())
			b.same(l, content[:size])
			a, err := b.Stat(t.Context(), l)
			check(t, err)
			want := Result{Size: int64(size), ETag: a.ETag, CRC32C: crcOf(content[:size]).String(), Parts: parts}
			if diff := cmp.Diff(want, w.Result()); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if a.ContentType != "text/csv" || a.ContentEncoding != "gzip" || a.Metadata["run"] != "1" {
				t.Errorf("attributes: %+v", a)
			}
			b.tagged(l, oddTags)
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("a closed writer took a byte")
			}
			b.noUploads()
		})
	}

	for name, fault := range map[string]func() door.Fault{
		"refusals": func() door.Fault {
			return both(on("CreateMultipartUpload", 0, 3, slowDown), on("UploadPart", 0, 4, slowDown), on("CompleteMultipartUpload", 0, 3, slowDown))
		},
		"broken connections": func() door.Fault {
			return both(on("CreateMultipartUpload", 0, 1, cut), on("UploadPart", 1, 3, cut), on("CompleteMultipartUpload", 0, 2, cut))
		},
		"lost answers to parts": func() door.Fault {
			return both(on("UploadPart", 0, 1, lost), on("UploadPart", 2, 2, cutDone))
		},
		"a lost answer to Complete": func() door.Fault { return on("CompleteMultipartUpload", 0, 1, lost) },
		"a lost answer to Complete, then no such upload": func() door.Fault {
			return both(on("CompleteMultipartUpload", 0, 1, lost), on("CompleteMultipartUpload", 0, 1, noUpload))
		},
		"only lost answers to Complete": func() door.Fault { return on("CompleteMultipartUpload", 0, 100, lost) },
		"a 200 that turns out to be an error": func() door.Fault {
			return on("CompleteMultipartUpload", 0, 2, door.Failure{Status: http.StatusOK})
		},
	} {
		t.Run("survives "+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.door.Fail(fault())
			w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
			check(t, b.write(w, content))
			check(t, w.Close())
			b.same(b.at("k"), content)
			b.noUploads()
		})
	}

	for name, fault := range map[string]func() door.Fault{
		"creating is denied":         func() door.Fault { return on("CreateMultipartUpload", 0, 100, denied) },
		"a part is denied":           func() door.Fault { return on("UploadPart", 1, 100, denied) },
		"a part never gets through":  func() door.Fault { return on("UploadPart", 1, 100, broken) },
		"completing is denied":       func() door.Fault { return on("CompleteMultipartUpload", 0, 100, denied) },
		"somebody aborts the upload": func() door.Fault { return on("CompleteMultipartUpload", 0, 1, noUpload) },
		"completing never works":     func() door.Fault { return on("CompleteMultipartUpload", 0, 100, broken) },
	} {
		t.Run("leaves nothing behind when "+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.door.Fail(fault())
			w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
			err := b.write(w, content)
			closeErr := w.Close()
			if closeErr == nil || err != nil && err.Error() != closeErr.Error() {
				t.Errorf("writing: %v, closing: %v; want the same error", err, closeErr)
			}
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("a failed writer took a byte")
			}
			check(t, w.Abort())
			b.nothing(b.at("k"))
		})
	}
}

// To come to these parts over S3 would take gigabytes.
func TestWriterGrowsItsPartsAndEnds(t *testing.T) {
	t.Parallel()
	w := &Writer{number: growth + 1, buffers: &Buffers{size: 4}}
	for range 2 {
		check(t, w.nextBuffer())
		w.current = w.current[:4]
	}
	if len(w.full) != 1 {
		t.Errorf("part %d is sent after %d full buffers, want 2", w.number, len(w.full))
	}
	w = &Writer{number: maxParts, buffers: &Buffers{size: 4}, full: make([][]byte, 10)}
	if err := w.nextBuffer(); err == nil {
		t.Error("part 10,001 was begun")
	}
}

func TestWriterMemory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	buffers := NewBuffers(minPart, 0)
	w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers, Concurrency: 2})
	chunk := random(1 << 20)
	for range 60 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	check(t, w.Close())
	if n := len(buffers.free); n > 3 {
		t.Errorf("%d buffers were used, want 3: two in flight and one that fills", n)
	}
}
