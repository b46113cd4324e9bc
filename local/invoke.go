package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/stack"
)

// invoke runs one function once against the running stack, built anew, in an
// environment of its own: its log goes to stderr, its answer to stdout.
func invoke(ctx context.Context, root, function, eventFile string) (err error) {
	program, extra, known := stack.Program(function)
	if !known {
		return fmt.Errorf("no function %q; there are extract, header, load and %s", function, stack.LoadSnowflake)
	}
	event, err := readEvent(eventFile)
	if err != nil {
		return err
	}
	env, err := stack.ReadEnvFile(root)
	if err != nil {
		return err
	}
	binaries := filepath.Join(root, ".local", "bin")
	if err := stack.BuildFunctions(ctx, root, binaries); err != nil {
		return err
	}
	group, err := process.NewGroup()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	dir, err := group.TempDir("task")
	if err != nil {
		return err
	}
	for name, target := range map[string]string{
		"bootstrap":         filepath.Join(binaries, program, "bootstrap"),
		"global-bundle.pem": stack.Bundle(env),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("laying out the task root: %w", err)
		}
	}
	host, err := lambdahost.New(lambdahost.Options{
		Group: group,
		Log:   func(string) io.Writer { return os.Stderr },
		Functions: []lambdahost.Function{{
			Name: function, Dir: dir, Env: slices.Concat(env, extra), Timeout: 15 * time.Minute, MemoryMB: 2048,
		}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	result, err := host.Invoke(ctx, function, event)
	if err != nil {
		return err
	}
	fmt.Println(string(result.Payload))
	if result.Error != nil {
		return fmt.Errorf("%s ended with an error", function)
	}
	return nil
}

// readEvent reads the event from a file, or from stdin for "-".
func readEvent(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}
