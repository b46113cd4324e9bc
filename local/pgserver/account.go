package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the operating-system user that the server runs as.
type account struct {
	// name is empty, and credential nil, when that is the user that we are.
	name       string
	credential *syscall.Credential
}

func serverUser() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	var problems []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		// macOS numbers nobody -2, which reads as a 32-bit number only so.
		uid, uidErr := strconv.ParseInt(u.Uid, 10, 64)
		gid, gidErr := strconv.ParseInt(u.Gid, 10, 64)
		if err := errors.Join(uidErr, gidErr); err != nil {
			problems = append(problems, fmt.Errorf("user %s: %w", name, err))
			continue
		}
		return account{name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, fmt.Errorf("finding a user to run as, since PostgreSQL refuses root: %w", errors.Join(problems...))
}

// whose tells in an error that another user ran a program, who may not be able
// to enter the directory that it lies in.
func (a account) whose() string {
	if a.name == "" {
		return ""
	}
	return " as the user " + a.name
}

// makeDir makes a directory that only the account can enter.
func (a account) makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return a.own(dir)
}

// writeFile writes a file that only the account can read.
func (a account) writeFile(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return err
	}
	return a.own(path)
}

func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// command is a program of PostgreSQL run as the account, in a directory that
// it can enter, and without our environment: PG… variables and the locale of
// whoever calls must not change what the server does. LC_ALL also keeps macOS
// from starting threads in the postmaster, which refuses to go on then.
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	return cmd
}
