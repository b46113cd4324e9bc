package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

const (
	modulePath = "github.com/stagelift/stagelift"
	serverDir  = "local/s3/versitygw"
)

// Root returns the root of the repository that the working directory lies in,
// as it does in a test and under go run.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	declaration := []byte("module " + modulePath + "\n")
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		switch {
		case err == nil && bytes.Contains(append(text, '\n'), declaration):
			return dir, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("finding the repository: %w", err)
		case dir == filepath.Dir(dir):
			return "", fmt.Errorf("finding the repository: no go.mod of %s in the working directory or above it", modulePath)
		}
		dir = filepath.Dir(dir)
	}
}

// Build compiles the server into dir and returns the binary's path. The file's
// name is drawn from the sources, so that what is there already is what would be
// built, and is returned as it is. Several processes may build into one
// directory at the same time.
//
// The first build on a machine downloads and compiles about a hundred modules,
// which takes a minute; later ones take the two seconds of linking.
func Build(ctx context.Context, repoRoot, dir string) (string, error) {
	binary, err := build(ctx, filepath.Join(repoRoot, filepath.FromSlash(serverDir)), dir)
	if err != nil {
		return "", fmt.Errorf("building the S3 server: %w", err)
	}
	return binary, nil
}

func build(ctx context.Context, source, dir string) (string, error) {
	digest, err := digestOf(source)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "versitygw-"+digest)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	fresh := filepath.Join(work, "versitygw")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", fresh, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", source, err, output)
	}
	return binary, os.Rename(fresh, binary)
}

// digestOf names the content of the sources and of the tool that compiles them.
func digestOf(source string) (string, error) {
	names, err := filepath.Glob(filepath.Join(source, "*"))
	if err != nil || len(names) == 0 {
		return "", fmt.Errorf("no sources in %s: %w", source, errors.Join(err, fs.ErrNotExist))
	}
	hash := sha256.New() // whose writes never fail
	_, _ = fmt.Fprintf(hash, "%s %s %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n", filepath.Base(name), len(text))
		hash.Write(text)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}
