package pgserver

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// places are where packages put the server, which on Debian is not on PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/pgsql-*/bin",
}

// ErrNotInstalled says how to install PostgreSQL.
var ErrNotInstalled = errors.New("no PostgreSQL server found (postgres and initdb): " +
	"on Debian or Ubuntu `sudo apt-get install postgresql`, on macOS `brew install postgresql@17`, " +
	"or put the directory that holds them on PATH")

// Find returns the directory that holds postgres and initdb: the one on PATH,
// else the newest version that is installed where Debian, Red Hat, Homebrew and
// Postgres.app put it.
func Find() (string, error) {
	if program, err := exec.LookPath("postgres"); err == nil {
		// Distributions and Homebrew link single programs into the PATH.
		if target, err := filepath.EvalSymlinks(program); err == nil && complete(filepath.Dir(target)) {
			return filepath.Dir(target), nil
		}
	}
	return newest(places)
}

func newest(patterns []string) (string, error) {
	var dirs []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		dirs = append(dirs, slices.DeleteFunc(found, func(dir string) bool { return !complete(dir) })...)
	}
	if len(dirs) == 0 {
		return "", ErrNotInstalled
	}
	return slices.MaxFunc(dirs, func(a, b string) int { return cmp.Compare(version(a), version(b)) }), nil
}

func complete(dir string) bool {
	for _, program := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, program))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var versionShape = regexp.MustCompile(`\d+(\.\d+)?$`)

// version reads the number at the end of the directory above bin, 0 if there
// is none (Postgres.app has a link "latest").
func version(dir string) float64 {
	number, err := strconv.ParseFloat(versionShape.FindString(filepath.Dir(dir)), 64)
	if err != nil {
		return 0
	}
	return number
}
