package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/stagelift/stagelift/local/stack"
)

// up runs a stack until ctx ends.
func up(ctx context.Context, root string, duplicate bool) error {
	logs, err := openLogs(root)
	if err != nil {
		return err
	}
	defer logs.close()
	s, err := stack.Start(ctx, stack.Options{
		Root: root, Snowflake: true, Duplicate: duplicate, Log: logs.open("servers"), FunctionLog: logs.open,
		Step: func(what string) { fmt.Println("…", what) },
	})
	if err != nil {
		return err
	}
	err = s.WriteEnvFile()
	if err == nil {
		describe(s, root)
		<-ctx.Done()
		fmt.Println("\nstopping")
	}
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

func describe(s *stack.Stack, root string) {
	fmt.Printf(`
The stack is up.

  source     PostgreSQL behind the IAM gate at %s:%d, database %s, user %s
             put tables in as superuser: psql %q
  staging    S3 at %s, bucket %s
  Redshift   Data API at %s, workgroup %s, database %s
             look at the result: psql %q
  Snowflake  SQL API at %s, account %s, database %s
             look at the result: psql %q
  functions  extract, header, load, %s; events of the bucket reach all but extract

  addresses and keys   %s
  logs                 %s
  invoke               go run ./local invoke extract events/extract-all.json

Ctrl-C stops it and removes everything.
`, s.RDS.Host(), s.RDS.Port(), stack.Database, stack.User, s.RDS.AdminURL(),
		s.S3.Endpoint(), stack.Bucket,
		s.Redshift.Endpoint(), stack.Workgroup, stack.Warehouse, s.WarehouseURL,
		s.Snowflake.Endpoint(), stack.SnowflakeAccount, stack.SnowflakeDatabase, s.SnowflakeURL,
		stack.LoadSnowflake,
		stack.EnvFile(root), filepath.Join(root, ".local", "log"))
}

// logs are the files under .local/log.
type logs struct {
	dir   string
	files []*os.File
}

func openLogs(root string) (*logs, error) {
	dir := filepath.Join(root, ".local", "log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of logs: %w", err)
	}
	return &logs{dir: dir}, nil
}

// open starts a log anew. One that cannot be written is done without.
func (l *logs) open(name string) io.Writer {
	file, err := os.Create(filepath.Join(l.dir, name+".log"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "stagelift: no log of", name+":", err)
		return io.Discard
	}
	l.files = append(l.files, file)
	return file
}

func (l *logs) close() {
	for _, file := range l.files {
		_ = file.Close() // nothing is lost that was not written already
	}
}
