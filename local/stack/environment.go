package stack

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/stagelift/stagelift/local/lambdahost"
)

// Environment is what all functions are given. Each reads its own part of it.
func (s *Stack) Environment() []string {
	env := []string{
		"AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.secret,
		"AWS_ENDPOINT_URL_S3=" + s.s3Endpoint,
		"AWS_ENDPOINT_URL_REDSHIFT_DATA=" + s.Redshift.Endpoint(),
		"STAGE_BUCKET=" + Bucket,
		"STAGE_PREFIX=" + stagePrefix,
		"SOURCE_HOST=" + s.RDS.Host(),
		"SOURCE_PORT=" + strconv.Itoa(s.RDS.Port()),
		"SOURCE_DATABASE=" + Database,
		"SOURCE_USER=" + User,
		"WAREHOUSES=" + s.loadsInto(),
		"HEADER_SOURCE_BUCKET=" + Bucket,
		"HEADER_SOURCE_PREFIX=unload/",
		"HEADER_DESTINATION_BUCKET=" + Bucket,
		"HEADER_DESTINATION_PREFIX=headed/",
		"REDSHIFT_WORKGROUP=" + Workgroup,
		"REDSHIFT_DATABASE=" + Warehouse,
		"REDSHIFT_COPY_ROLE=" + CopyRole,
		"LEDGER_SCHEMA=stagelift",
	}
	if s.options.ProgressEvery > 0 {
		env = append(env, "PROGRESS_INTERVAL="+s.options.ProgressEvery.String())
	}
	return append(env, s.snowflakeEnvironment()...)
}

// loadsInto are the warehouses that runs are for: a stack that hands nothing to load is for
// none.
func (s *Stack) loadsInto() string {
	switch {
	case s.options.Deaf:
		return ""
	case s.options.Snowflake:
		return "redshift,snowflake"
	}
	return "redshift"
}

const (
	adminURL     = "STAGELIFT_SOURCE_ADMIN_URL"
	warehouseURL = "STAGELIFT_WAREHOUSE_URL"
	snowflakeURL = "STAGELIFT_SNOWFLAKE_URL"
	bundleFile   = "STAGELIFT_CA_BUNDLE"
)

// EnvFile is the path of the file that tells other commands of a running stack.
func EnvFile(root string) string { return filepath.Join(root, ".local", "env") }

// WriteEnvFile writes the running stack's addresses and the functions'
// environment, readable by its owner alone: it holds the stack's keys. The file
// lies among the stack's own, and EnvFile is a link to it, so that it goes with
// the stack however the stack ends.
func (s *Stack) WriteEnvFile() error {
	lines := append([]string{
		adminURL + "=" + s.RDS.AdminURL(),
		warehouseURL + "=" + s.WarehouseURL,
		snowflakeURL + "=" + s.SnowflakeURL,
		bundleFile + "=" + s.RDS.CAFile(),
		"AWS_DEFAULT_REGION=" + Region,
	}, s.Environment()...)
	link, file := EnvFile(s.options.Root), filepath.Join(s.taskRoot, "env")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", link, err)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", link, err)
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: %w", link, err)
	}
	if err := os.Symlink(file, link); err != nil {
		return fmt.Errorf("writing %s: %w", link, err)
	}
	s.onClose(func() error {
		if target, _ := os.Readlink(link); target == file { // else it is another stack's by now
			return os.Remove(link)
		}
		return nil
	})
	return nil
}

// ReadEnvFile reads what WriteEnvFile wrote.
func ReadEnvFile(root string) ([]string, error) {
	file, err := os.Open(EnvFile(root))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no stack is running: %s is not there; start one with make up", EnvFile(root))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the stack's addresses: %w", err)
	}
	defer func() { _ = file.Close() }() // read only
	var lines []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}

// Bundle finds the certificate bundle among the lines of an env file.
func Bundle(lines []string) string {
	for _, line := range lines {
		if value, found := strings.CutPrefix(line, bundleFile+"="); found {
			return value
		}
	}
	return ""
}

// functionName turns a logical id of the template into the function's name.
func functionName(logicalID string) string {
	return strings.ToLower(strings.TrimSuffix(logicalID, "Function"))
}

// deadLetters collects events that were given up.
type deadLetters struct {
	mu   sync.Mutex
	list []lambdahost.DeadLetter
}

func (d *deadLetters) add(letter lambdahost.DeadLetter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, letter)
}

func (d *deadLetters) all() []lambdahost.DeadLetter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]lambdahost.DeadLetter(nil), d.list...)
}
