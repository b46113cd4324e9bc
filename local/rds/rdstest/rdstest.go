// Package rdstest gives tests an RDS stand-in.
package rdstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/rds"
)

// What Start and Shared give the instance.
const (
	Region    = "eu-central-1"
	AccessKey = "AKIALOCALSTAGELIFT00"
	SecretKey = "local-secret-key-of-the-stand-in-only000"
	Database  = "shop"
	User      = "extractor"
)

// Options returns what Start uses, for a test that wants to change some of it.
func Options() rds.Options {
	return rds.Options{Region: Region, AccessKey: AccessKey, SecretKey: SecretKey, Database: Database, User: User}
}

// Start returns an instance of the test's own, which takes about a second and
// ends with the test.
func Start(t testing.TB) *rds.Instance {
	t.Helper()
	return StartWith(t, Options())
}

// StartWith is Start with other options.
func StartWith(t testing.TB, o rds.Options) *rds.Instance {
	t.Helper()
	g, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("closing the instance's group: %v", err)
		}
	})
	i, err := rds.Start(t.Context(), g, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Errorf("closing the instance: %v", err)
		}
	})
	return i
}

// shared is the one instance of a test binary. Nobody closes it: the group's
// reaper ends its server with the binary.
var shared = sync.OnceValues(func() (*rds.Instance, error) {
	g, err := process.NewGroup()
	if err != nil {
		return nil, err
	}
	i, err := rds.Start(context.Background(), g, Options())
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return i, nil
})

var databases atomic.Int64

// Shared returns a new database on an instance that all tests of the binary
// share, as an instance of its own name. A test that closes it, cuts
// connections, creates roles or looks at other sessions wants Start.
func Shared(t testing.TB) *rds.Instance {
	t.Helper()
	i, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	i, err = i.WithDatabase(t.Context(), fmt.Sprintf("%s_%d", Database, databases.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	return i
}
