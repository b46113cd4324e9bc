package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func install(t *testing.T, dir string, programs ...string) string {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(bin, program), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// Whoever chooses a version must never be given another one in silence.
func TestChosenServerIsTheOneOrNone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	install(t, filepath.Join(root, "18"), "postgres", "initdb")
	installed := []string{filepath.Join(root, "*", "bin")}
	want := install(t, filepath.Join(root, "13"), "postgres", "initdb")
	if got, err := find(want, installed); err != nil || got != want {
		t.Errorf("chosen %s, got %s, %v", want, got, err)
	}
	for _, wrong := range []string{install(t, filepath.Join(root, "14"), "postgres"), filepath.Join(root, "15", "bin"), "13/bin"} {
		got, err := find(wrong, installed)
		if err == nil || !strings.Contains(err.Error(), Variable) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("chosen %s, got %q, %v; want an error that names it and %s", wrong, got, err, Variable)
		}
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	t.Run("compares versions as numbers and wants both programs", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		install(t, filepath.Join(root, "debian", "9.6"), "postgres", "initdb")
		want := install(t, filepath.Join(root, "brew", "postgresql@17"), "postgres", "initdb")
		install(t, filepath.Join(root, "debian", "15"), "postgres", "initdb")
		install(t, filepath.Join(root, "debian", "18"), "psql")
		got, err := newest([]string{filepath.Join(root, "debian", "*", "bin"), filepath.Join(root, "brew", "postgresql@*", "bin")})
		if err != nil || got != want {
			t.Errorf("newest() = %s, %v; want %s", got, err, want)
		}
	})
	t.Run("tells how to install", func(t *testing.T) {
		t.Parallel()
		if _, err := newest([]string{filepath.Join(t.TempDir(), "*")}); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("error %v, want ErrNotInstalled", err)
		}
	})
}
