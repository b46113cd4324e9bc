package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxParent leaves room below maxDir for the names that a group adds.
const maxParent = 24

// newRoot makes the one directory that everything of a group lies in. Only what
// was made here is ever removed.
func newRoot() (string, error) {
	var problems []error
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		if err := checkParent(parent); err != nil {
			problems = append(problems, err)
			continue
		}
		root, err := os.MkdirTemp(parent, "stagelift-")
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if err := os.Chmod(root, 0o755); err != nil {
			return "", errors.Join(fmt.Errorf("opening %s to other users: %w", root, err), os.RemoveAll(root))
		}
		return root, nil
	}
	return "", fmt.Errorf("finding a directory for temporary files (set TMPDIR to a short path that all users may traverse): %w",
		errors.Join(problems...))
}

// checkParent refuses a directory that is too deep for sockets or, when we are
// root and servers will run as somebody else, closed to others.
func checkParent(dir string) error {
	if !filepath.IsAbs(dir) || len(dir) > maxParent {
		return fmt.Errorf("%s: want an absolute path of at most %d bytes", dir, maxParent)
	}
	if os.Geteuid() != 0 {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("%s: %s has mode %04o, so that servers, which do not run as root, cannot reach what lies in it",
				dir, at, info.Mode().Perm())
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
