package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// backUp copies a running primary by the low-level API of PostgreSQL's manual
// ("Continuous Archiving"), since pg_basebackup is not in every package that has
// the server. From the copy's beginning on, the primary keeps its log for whoever
// follows it by the slot that is returned.
func backUp(ctx context.Context, owner account, primary *Server, to string) (slot string, err error) {
	session, err := pgx.Connect(ctx, primary.AdminURL(superuser))
	if err != nil {
		return "", fmt.Errorf("connecting to the primary: %w", err)
	}
	defer func() { err = errors.Join(err, session.Close(context.WithoutCancel(ctx))) }()
	start, stop := "pg_backup_start('standby', true)", "pg_backup_stop(false)"
	if primary.major < 15 {
		start, stop = "pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"
	}
	slot = "standby_" + strings.ToLower(rand.Text())
	if _, err := session.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", slot); err != nil {
		return "", fmt.Errorf("making a replication slot: %w", err)
	}
	if _, err := session.Exec(ctx, "SELECT "+start); err != nil {
		return "", fmt.Errorf("beginning a backup of the primary: %w", err)
	}
	if err := copyData(ctx, owner, primary.data, to); err != nil {
		return "", fmt.Errorf("copying the primary's data directory: %w", err)
	}
	var label string
	if err := session.QueryRow(ctx, "SELECT labelfile FROM "+stop).Scan(&label); err != nil {
		return "", fmt.Errorf("ending the backup of the primary: %w", err)
	}
	return slot, owner.writeFile(filepath.Join(to, "backup_label"), label)
}

// ownOnly is what a server has for itself and makes anew: its log, which a
// standby is sent, its slots and its memory.
var ownOnly = []string{
	"pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans",
}

// copyData copies a running server's data directory but for what is its own.
// Files may vanish, grow and shrink meanwhile; the log that is replayed over the
// copy knows of it.
func copyData(ctx context.Context, owner account, from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		name, relErr := filepath.Rel(from, path)
		if err := errors.Join(err, relErr); err != nil || name == "." {
			return withoutVanished(err)
		}
		target := filepath.Join(to, name)
		switch {
		case name == "postmaster.pid", name == "postmaster.opts", strings.HasPrefix(entry.Name(), "pgsql_tmp"):
			return nil
		case slices.Contains(ownOnly, filepath.Dir(name)):
			return skip(entry)
		case entry.IsDir():
			return owner.makeDir(target)
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is no file: a primary with tablespaces cannot be copied", path)
		}
		return withoutVanished(owner.copyFile(path, target))
	})
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

func withoutVanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyFile makes a copy that only the account can read.
func (a account) copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close(), a.own(to))
}
