package object

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
)

func TestRead(t *testing.T) {
	t.Parallel()

	t.Run("names what is not there", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, statErr := b.Stat(t.Context(), b.at("absent"))
		_, _, getErr := b.Get(t.Context(), b.at("absent"), 10)
		_, tagsErr := b.Tags(t.Context(), b.at("absent"), "")
		_, openErr := b.Open(t.Context(), b.at("absent"), OpenOptions{})
		for _, err := range []error{statErr, getErr, tagsErr, openErr} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%v, want ErrNotFound", err)
			}
		}
		_, _, err := b.Get(t.Context(), Location{"no-such-bucket", "k"}, 10)
		if err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("an absent bucket: %v, want an error other than ErrNotFound", err)
		}
	})

	t.Run("Get refuses an object above the limit", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, _ := b.place("k", []byte("0123456789"))
		_, _, err := b.Get(t.Context(), l, 9)
		if err == nil || !strings.Contains(err.Error(), "10 bytes, more than the 9") {
			t.Errorf("getting: %v, want both sizes", err)
		}
		got, _, err := b.Get(t.Context(), l, 10)
		if err != nil || string(got) != "0123456789" {
			t.Errorf("getting: %q, %v", got, err)
		}
	})

	t.Run("Open reads ranges of the object that is meant", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, a := b.place("k", []byte("0123456789"))
		for want, o := range map[string]OpenOptions{
			"0123456789": {}, "345": {Offset: 3, Length: 3}, "789": {Offset: 7, ETag: a.ETag}, "01": {Length: 2},
		} {
			r, err := b.Open(t.Context(), l, o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != want {
				t.Errorf("reading %+v: %q, %v, want %q", o, got, err, want)
			}
			check(t, r.Close())
		}
		b.place("k", []byte("others...."))
		if _, err := b.Open(t.Context(), l, OpenOptions{ETag: a.ETag}); !errors.Is(err, ErrChanged) {
			t.Errorf("opening the old object: %v, want ErrChanged", err)
		}
		if _, err := b.Open(t.Context(), l, OpenOptions{Offset: 5, Length: 6}); err == nil {
			t.Error("a range beyond the end was accepted")
		}
	})

	t.Run("goes on after broken connections, and not with another object", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		content := random(3 << 20)
		l, _ := b.place("k", content)
		b.door.Fail(on("GetObject", 0, 6, door.Failure{Cut: true, Done: true, CutAfter: 400_000}))
		got, _, err := b.Get(t.Context(), l, 4<<20)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("getting: %d bytes, %v", len(got), err)
		}
		b.door.Fail(on("GetObject", 0, 1, door.Failure{Cut: true, Done: true, CutAfter: 400_000}))
		r, err := b.Open(t.Context(), l, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		b.place("k", random(3 << 20)[1:])
		if _, err := io.ReadAll(r); !errors.Is(err, ErrChanged) {
			t.Errorf("reading on: %v, want ErrChanged", err)
		}
	})

	t.Run("gives up on a connection that always breaks", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, _ := b.place("k", random(1<<20))
		r, err := b.Open(t.Context(), l, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, r.(*reader).body.Close())
		b.door.Fail(on("GetObject", 0, 1000, cutDone))
		if _, err := io.ReadAll(r); err == nil {
			t.Error("the whole object was read over connections that break")
		}
		check(t, r.Close())
	})

	t.Run("finds bytes that changed on the way", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Checksum-Crc32c", crcOf([]byte("content")).String())
			_, _ = io.WriteString(w, "c0ntent")
		}))
		t.Cleanup(server.Close)
		store := newStore(fakeConfig(server), brisk)
		if got, _, err := store.Get(t.Context(), Location{"b", "k"}, 10); err == nil {
			t.Errorf("got %q without an error", got)
		}
	})
}
