package bzip2_test

import (
	"bytes"
	stdlib "compress/bzip2"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/header/bzip2"
)

func compress(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := bzip2.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func contents() map[string][]byte {
	random := make([]byte, 950_000)
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(random)
	var rows strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&rows, "%d,customer %d of the shop,%d.%02d\n", i, i, i%1000, i%100)
	}
	return map[string][]byte{
		"nothing":             nil,
		"one byte":            []byte("x"),
		"a header":            []byte("id,name,total\n"),
		"runs of every kind":  []byte(strings.Repeat("a", 3) + strings.Repeat("b", 4) + strings.Repeat("c", 255) + strings.Repeat("d", 256) + strings.Repeat("e", 2000)),
		"one byte for blocks": make([]byte, 2_000_000),
		"a short period":      bytes.Repeat([]byte("ab"), 150_000),
		"random bytes":        random,
		"rows":                []byte(rows.String()),
		"every byte": func() (b []byte) {
			for i := range 256 {
				b = append(b, byte(i))
			}
			return b
		}(),
	}
}

// What is written is read back by the standard library and by the bzip2 program.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	for name, content := range contents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packed := compress(t, content)
			got, err := io.ReadAll(stdlib.NewReader(bytes.NewReader(packed)))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("the standard library reads %d bytes of %d, %v", len(got), len(content), err)
			}
			if got := program(t, packed); !bytes.Equal(got, content) {
				t.Errorf("bzip2 reads %d bytes of %d", len(got), len(content))
			}
		})
	}
}

func program(t *testing.T, packed []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bzip2", "-dc")
	cmd.Stdin = bytes.NewReader(packed)
	got, err := cmd.Output()
	if err != nil {
		t.Errorf("bzip2 -d: %v", err)
	}
	return got
}

// A stream of ours stands before one of the bzip2 program, and both are read as
// one text.
func TestStreamStandsBeforeAnother(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "bzip2", "-c")
	cmd.Stdin = strings.NewReader("1,2\n")
	rest, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	joined := append(compress(t, []byte("id,total\n")), rest...)
	got, err := io.ReadAll(stdlib.NewReader(bytes.NewReader(joined)))
	if err != nil || string(got) != "id,total\n1,2\n" {
		t.Errorf("the standard library reads %q, %v", got, err)
	}
	if got := program(t, joined); string(got) != "id,total\n1,2\n" {
		t.Errorf("bzip2 reads %q", got)
	}
}

func TestErrorsArePassedOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	w := bzip2.NewWriter(failing{broken})
	_, _ = w.Write([]byte("x"))
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("closing: %v, want %v", err, broken)
	}
	w = bzip2.NewWriter(io.Discard)
	if err := errors.Join(w.Close(), w.Close()); err == nil {
		t.Error("a second Close is no error")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a Write after Close is no error")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func FuzzThereAndBack(f *testing.F) {
	f.Add([]byte("id,name\n"), uint16(1))
	f.Add([]byte("aaaaaaab"), uint16(300))
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, content []byte, times uint16) {
		if len(content) > 1000 {
			return
		}
		content = bytes.Repeat(content, int(times%500))
		got, err := io.ReadAll(stdlib.NewReader(bytes.NewReader(compress(t, content))))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes come back as %d, %v", len(content), len(got), err)
		}
	})
}
