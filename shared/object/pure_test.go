package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestPartSizeGrowsInBoundedSteps(t *testing.T) {
	t.Parallel()
	for _, buffer := range []int64{minPart, DefaultBufferSize, 64 << 20} {
		var total int64
		previous := buffer
		for n := 1; n <= maxParts; n++ {
			size := partSize(n, buffer)
			if size%buffer != 0 || size < previous || size > previous+buffer || size > 10*buffer {
				t.Fatalf("buffers of %d: part %d has %d bytes after %d", buffer, n, size, previous)
			}
			previous = size
			total += size
		}
		if total != maxOutput(buffer) {
			t.Errorf("buffers of %d: the parts hold %d bytes, maxOutput says %d", buffer, total, maxOutput(buffer))
		}
	}
	if got := maxOutput(DefaultBufferSize); got < 429<<30 {
		t.Errorf("the longest output has %d bytes, want 430 GiB", got)
	}
}

func FuzzPartSize(f *testing.F) {
	f.Add(int64(5<<20), int64(1<<40))
	f.Add(int64(8<<20), int64(12345))
	f.Fuzz(func(t *testing.T, buffer, output int64) {
		if buffer < minPart || buffer > 512<<20 || output < 0 || output > maxOutput(buffer) {
			return
		}
		n := 1
		for rest := output; rest > partSize(n, buffer); n++ {
			rest -= partSize(n, buffer)
			if n > maxParts {
				t.Fatalf("an output of %d bytes takes more than %d parts with buffers of %d", output, maxParts, buffer)
			}
		}
		if size := partSize(n, buffer); size < minPart || size > maxPart {
			t.Errorf("part %d has %d bytes", n, size)
		}
	})
}

func FuzzCRC(f *testing.F) {
	f.Add([]byte("123456789"), []byte{})
	f.Add([]byte{}, []byte("a"))
	f.Add([]byte("the first half"), []byte("and the second, of another length"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for kind := range crcKinds {
			whole := crcAs(kind, append(bytes.Clone(a), b...))
			if got := crcAs(kind, a).append(crcAs(kind, b), int64(len(b))); got != whole {
				t.Errorf("appended: %s, in one go: %s", got, whole)
			}
			if got := crcAs(kind, a, b); got != whole {
				t.Errorf("in two pieces: %s, in one go: %s", got, whole)
			}
			if got, ok := parseCRC(kind, whole.String()); !ok || got != whole {
				t.Errorf("read back: %s, written: %s", got, whole)
			}
			name := string(kind.algorithm())
			if got, want := checksum(whole).Without(ChecksumOf(name, a), int64(len(b))), ChecksumOf(name, b); got != want {
				t.Errorf("without its start: %v, the rest alone: %v", got, want)
			}
		}
	})
}

func TestCRC(t *testing.T) {
	t.Parallel()
	// The check values, of the digits 1 to 9: CRC-32C (RFC 3720, appendix B.4, has
	// others) E3069283, CRC-32 CBF43926, CRC-64/NVME AE8B14860A799888.
	for kind, want := range map[crcKind]uint64{crc32C: 0xe3069283, crc32IEEE: 0xcbf43926, crc64NVME: 0xae8b14860a799888} {
		if got := crcAs(kind, []byte("123456789")); got.value != want {
			t.Errorf("%s of 123456789: %x, want %x", kind.algorithm(), got.value, want)
		}
	}
	if got := crcOf([]byte("123456789")).String(); got != "4waSgw==" {
		t.Errorf("checksum of 123456789: %s", got)
	}
	if _, ok := parseCRC(crc32C, "4waSgw==-3"); ok {
		t.Error("a checksum of checksums was taken for one of an object")
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	b := newBody([]byte("one"), nil, []byte("two"), []byte("three"), []byte{})
	if err := iotest.TestReader(b, []byte("onetwothree")); err != nil {
		t.Error(err)
	}
	for _, offset := range []int64{0, 2, 3, 5, 6, 11} {
		if _, err := b.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(b)
		if err != nil || string(rest) != "onetwothree"[offset:] {
			t.Errorf("from %d: %q, %v", offset, rest, err)
		}
	}
	if _, err := b.Seek(12, io.SeekStart); err == nil {
		t.Error("seeking beyond the end was allowed")
	}
}

func TestCopySource(t *testing.T) {
	t.Parallel()
	got := []string{
		copySource(Location{"b", "a b+c%d/ü?&=#"}, ""),
		copySource(Location{"b", "k"}, "v/1"),
		tagging(map[string]string{"b": "x y+z", "a": "ü&="}),
	}
	want := []string{"b/a%20b%2Bc%25d/%C3%BC%3F%26%3D%23", "b/k?versionId=v%2F1", "a=%C3%BC%26%3D&b=x%20y%2Bz"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("escaped (-want +got):\n%s", diff)
	}
}

// A limit holds however many ask, whoever waits is told when the context ends,
// and every buffer that may be is made before one is used again.
func TestBuffersKeepTheirLimit(t *testing.T) {
	t.Parallel()
	const limit = 3
	buffers := NewBuffers(minPart, limit)
	distinct := map[*byte]bool{}
	var held [][]byte
	for range limit {
		buffer, err := buffers.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		distinct[&buffer[:1][0]] = true
		buffers.put([][]byte{buffer})
	}
	if len(distinct) != limit {
		t.Errorf("%d buffers were made, want %d before one comes again", len(distinct), limit)
	}
	for range limit {
		buffer, err := buffers.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !distinct[&buffer[:1][0]] {
			t.Error("a buffer over the limit was made")
		}
		held = append(held, buffer)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := buffers.get(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a buffer over the limit: %v, want to wait until the context ends", err)
	}
	buffers.put(held[:1])
	if _, err := buffers.get(t.Context()); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
}
