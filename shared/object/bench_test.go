package object

import (
	"fmt"
	"io"
	"testing"

	"github.com/stagelift/stagelift/local/s3/s3test"
)

// BenchmarkWriter measures the way into the buffers, without S3.
func BenchmarkWriter(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("write=%d", size), func(b *testing.B) {
			store := &Store{buffers: NewBuffers(DefaultBufferSize, 0)}
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

// BenchmarkWriterToS3 is a whole object, over loopback to a server on the same
// processors.
func BenchmarkWriterToS3(b *testing.B) {
	const size = 256 << 20
	bucket := s3test.Shared(b)
	store := New(bucket.Config)
	chunk := random(64 << 10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		w := store.NewWriter(b.Context(), Location{bucket.Name, "k"}, WriterOptions{})
		for range size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		check(b, w.Close())
	}
}

// BenchmarkReader is a whole object on the same way back.
func BenchmarkReader(b *testing.B) {
	const size = 64 << 20
	bucket := s3test.Shared(b)
	store := New(bucket.Config)
	l := Location{bucket.Name, "k"}
	_, err := store.Put(b.Context(), l, random(size), PutOptions{})
	check(b, err)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := store.Open(b.Context(), l, OpenOptions{})
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if n != size || err != nil {
			b.Fatalf("%d bytes, %v", n, err)
		}
		check(b, r.Close())
	}
}
