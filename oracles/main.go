// Command oracles holds the project to what other people's software says of it.
//
// Each folder beside this file with a script called oracle is one: the second
// line of the script says in a comment what is held to what. A script installs
// the tools it pins (see tools.sh), ends with status 0 if everything is as it
// should be, and prints what is not. What is known of a tool to be the tool's
// own fault stands in a list that is held to exactly: an entry that does not
// happen any more fails as well.
//
//	go run ./oracles            # all, in the order of their names
//	go run ./oracles -only sql  # those whose name begins with sql
//
// It ends with a table, and with status 1 if any failed. A script that takes
// longer than the limit is ended with all its children and has failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	only := flag.String("only", "", "run the oracles whose name begins with this; empty is all")
	limit := flag.Duration("limit", 10*time.Minute, "how long one may take, downloads included")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	failed, err := run(ctx, "oracles", *only, *limit, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

// outcome is how one oracle ended.
type outcome struct {
	name, claim string
	err         error
	took        time.Duration
}

// run runs the oracles in dir and writes their output and a table to w. It
// returns how many failed, and an error if there was none to run.
func run(ctx context.Context, dir, only string, limit time.Duration, w io.Writer) (failed int, err error) {
	scripts, err := filepath.Glob(filepath.Join(dir, "*", "oracle"))
	if err != nil {
		return 0, err
	}
	var outcomes []outcome
	for _, script := range scripts {
		name := filepath.Base(filepath.Dir(script))
		if !strings.HasPrefix(name, only) || ctx.Err() != nil {
			continue
		}
		claim, err := claimOf(script)
		if err != nil {
			return 0, err
		}
		_, _ = fmt.Fprintf(w, "== %s: %s\n", name, claim)
		began := time.Now()
		err = consult(ctx, script, limit, w)
		outcomes = append(outcomes, outcome{name, claim, err, time.Since(began)})
	}
	if len(outcomes) == 0 {
		return 0, fmt.Errorf("no oracle in %s has a name that begins with %q; nothing was run", dir, only)
	}
	return table(w, outcomes), ctx.Err()
}

// claimOf returns the second line of a script, which says what it holds to what.
func claimOf(script string) (string, error) {
	text, err := os.ReadFile(script)
	if err != nil {
		return "", err
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if len(lines) < 3 || !strings.HasPrefix(lines[1], "# ") {
		return "", fmt.Errorf("%s does not say in a comment on its second line what it holds to what", script)
	}
	return strings.TrimPrefix(lines[1], "# "), nil
}

// consult runs one script, in a process group of its own so that what it
// started ends with it.
func consult(ctx context.Context, script string, limit time.Duration, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, script)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("not done after %v", limit)
	}
	return err
}

// table writes one line for each oracle and returns how many failed.
func table(w io.Writer, outcomes []outcome) (failed int) {
	_, _ = fmt.Fprintln(w)
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, o := range outcomes {
		said := "ok"
		if o.err != nil {
			said, failed = "FAILED: "+o.err.Error(), failed+1
		}
		_, _ = fmt.Fprintf(rows, "%s\t%.0fs\t%s\t%s\n", o.name, o.took.Seconds(), said, o.claim)
	}
	_ = rows.Flush()
	return failed
}
