package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
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
	buffers := NewBuffers(part)
	content := random(3*part + 1)

	for size, parts := range map[int]int{0: 1, 1: 1, part - 1: 1, part: 1, part + 1: 2, 2 * part: 2, 3*part + 1: 4} {
		t.Run(fmt.Sprintf("writes %d bytes in %d parts", size, parts), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.at("k")
			w := b.NewWriter(t.Context(), l, WriterOptions{
				ContentType: "text/csv", ContentEncoding: "gzip", Metadata: map[string]string{"run": "1"}, Buffers: buffers,
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

func TestWriterEnds(t *testing.T) {
	t.Parallel()
	buffers := NewBuffers(minPart)
	content := random(2*minPart + 1)

	t.Run("with its context, whose parts are in flight", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the deadline is near")
		b.door.Fail(func(r *http.Request) *door.Failure {
			if door.Operation(r) == "UploadPart" {
				cancel(reason)
				return &cutDone
			}
			return nil
		})
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{Buffers: buffers})
		writeErr := b.write(w, content)
		if err := errors.Join(writeErr, w.Close()); !errors.Is(err, reason) {
			t.Errorf("closing: %v, want the context's cause", err)
		}
		b.nothing(b.at("k"))
	})

	t.Run("with Abort", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
		check(t, b.write(w, content))
		check(t, w.Abort())
		check(t, w.Abort())
		if err := w.Close(); !errors.Is(err, errAborted) {
			t.Errorf("closing after Abort: %v", err)
		}
		b.nothing(b.at("k"))
	})

	t.Run("with an ended context without a request", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		w := b.NewWriter(ctx, b.at("k"), WriterOptions{})
		check(t, b.write(w, []byte("content")))
		cancel()
		if err := w.Close(); !errors.Is(err, context.Canceled) {
			t.Errorf("closing: %v", err)
		}
		if total := b.door.Total(); total.Requests != 0 {
			t.Errorf("requests were sent: %+v", b.door.Counts())
		}
	})

	t.Run("and says when parts are left", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.door.Fail(both(on("UploadPart", 0, 100, denied), on("AbortMultipartUpload", 0, 100, denied)))
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{Buffers: buffers})
		_ = b.write(w, content)
		if err := w.Close(); err == nil || !bytes.Contains([]byte(err.Error()), []byte("aborting the upload")) {
			t.Errorf("closing: %v, want the failed abort in it", err)
		}
		b.door.Fail(nil)
		if n, err := b.AbortUploads(t.Context(), b.bucket, "", -1<<40); n != 1 || err != nil {
			t.Errorf("%d uploads were left, %v, want 1", n, err)
		}
	})
}

func TestWriterIfAbsent(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"one request": 1000, "parts": minPart + 1} {
		t.Run("has one winner, with "+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			const writers = 6
			errs := make([]error, writers)
			var wait sync.WaitGroup
			for i := range writers {
				wait.Go(func() {
					w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart)})
					content := random(size)
					content[0] = byte(i)
					_ = b.write(w, content)
					errs[i] = w.Close()
				})
			}
			wait.Wait()
			winners := 0
			for i, err := range errs {
				switch {
				case err == nil:
					winners++
					if got := b.content(b.at("k")); got[0] != byte(i) || len(got) != size {
						t.Errorf("writer %d won, but the object is another's", i)
					}
				case !errors.Is(err, ErrExists):
					t.Errorf("writer %d: %v, want ErrExists", i, err)
				}
			}
			if winners != 1 {
				t.Errorf("%d winners", winners)
			}
			b.noUploads()
		})
	}

	t.Run("knows its own success when the answer was lost", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		exists := door.Failure{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed"}
		b.door.Fail(both(on("CompleteMultipartUpload", 0, 1, lost), on("CompleteMultipartUpload", 0, 1, exists)))
		w := b.NewWriter(t.Context(), b.at("k"), WriterOptions{IfAbsent: true, Buffers: NewBuffers(minPart)})
		content := random(minPart + 1)
		check(t, b.write(w, content))
		check(t, w.Close())
		b.same(b.at("k"), content)
	})
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
	buffers := NewBuffers(minPart)
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

// BenchmarkWriter measures the way into the buffers, without S3.
func BenchmarkWriter(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("write=%d", size), func(b *testing.B) {
			store := &Store{buffers: NewBuffers(DefaultBufferSize)}
			p := random(size)
			w := store.NewWriter(b.Context(), Location{}, WriterOptions{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if len(w.current)+size > cap(w.current) && w.current != nil {
					w.current = w.current[:0]
				}
				if _, err := w.Write(p); err != nil {
					b.Fatal(err)
				}
			}
			check(b, w.Abort())
		})
	}
}
