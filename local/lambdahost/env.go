package lambdahost

import (
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	version       = "$LATEST"
	account       = "123456789012" // of the sample events and the stack
	defaultRegion = "us-east-1"
)

// baseEnv is what every function gets, under what its own Env says, with
// Lambda's values (Lambda guide, "Defined runtime environment variables").
//
// The last three are no Lambda's. The SDK finds a home directory in /etc/passwd
// even without HOME, and would sign with whatever profile lies there, or ask an
// instance's metadata service.
func baseEnv(f Function, tmp string) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"TMPDIR=" + tmp,
		"AWS_REGION=" + region(f),
		"AWS_DEFAULT_REGION=" + region(f),
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// identityEnv is what tells a function who and where it is; Env cannot change
// it.
func identityEnv(f Function, api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + logStream(time.Now()),
		"LAMBDA_TASK_ROOT=" + f.Dir,
		"_HANDLER=bootstrap",
	}
}

// environ returns a process's whole environment; later entries win.
func environ(f Function, api, tmp string) []string {
	env := append(baseEnv(f, tmp), f.Env...)
	return append(env, identityEnv(f, api)...)
}

func logStream(now time.Time) string {
	var tail [16]byte
	_, _ = rand.Read(tail[:]) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%s/[%s]%x", now.UTC().Format("2006/01/02"), version, tail)
}

// traceHeader returns an X-Ray trace header that asks for no sampling.
func traceHeader(now time.Time) string {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), id[:12], id[12:])
}

// region is the one that the function's Env names, the last if several do.
func region(f Function) string {
	found := defaultRegion
	for _, pair := range f.Env {
		if value, ok := strings.CutPrefix(pair, "AWS_REGION="); ok {
			found = value
		}
	}
	return found
}

func functionARN(f Function) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", region(f), account, f.Name)
}
