package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestNewest(t *testing.T) {
	t.Parallel()
	install := func(t *testing.T, dir string, programs ...string) string {
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
