package pgserver

import (
	"cmp"
	"errors"
	"fmt"
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
	"or put the directory that holds them on PATH, or say which it is: " + Variable + "=/path/to/bin")

// Variable is the environment variable that chooses the server: the absolute
// path of the directory of its programs. Empty leaves the choice to Find.
const Variable = "STAGELIFT_POSTGRES"

// Find returns the directory that holds postgres and initdb: the one that
// Variable names, or an error when they are not there; else the one on PATH,
// else the newest version that is installed where Debian, Red Hat, Homebrew and
// Postgres.app put it.
func Find() (string, error) { return find(os.Getenv(Variable), places) }

func find(chosen string, places []string) (string, error) {
	if chosen != "" {
		if !filepath.IsAbs(chosen) || !complete(chosen) {
			return "", fmt.Errorf("%s is %q: want the absolute path of a directory that holds postgres and initdb", Variable, chosen)
		}
		return chosen, nil
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		// Distributions and Homebrew link single programs into the PATH.
		if target, err := filepath.EvalSymlinks(program); err == nil && complete(filepath.Dir(target)) {
			return filepath.Dir(target), nil
		}
	}
	return newest(places)
}

// Program returns the path of one of PostgreSQL's other programs: beside the
// server, where a package has them all, else the one on PATH.
func Program(name string) (string, error) {
	dir, err := Find()
	if err != nil {
		return "", err
	}
	if beside := filepath.Join(dir, name); executable(beside) {
		return beside, nil
	}
	return exec.LookPath(name)
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
	return executable(filepath.Join(dir, "postgres")) && executable(filepath.Join(dir, "initdb"))
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
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
