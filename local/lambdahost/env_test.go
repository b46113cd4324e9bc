package lambdahost

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInvokeTellsTheFunction(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) {
		f.Env = []string{
			"BUCKET=stage", "AWS_ACCESS_KEY_ID=key", "AWS_REGION=eu-central-1", "TZ=:Europe/Berlin",
			"AWS_LAMBDA_FUNCTION_NAME=other", "AWS_LAMBDA_RUNTIME_API=other",
		}
	}))
	r := b.invoke(t, event{Do: "describe"})
	got := describe(t, r)

	if got.RequestID != r.RequestID || got.RequestID != (<-b.started).id {
		t.Errorf("request id %q in the function, %q in the result", got.RequestID, r.RequestID)
	}
	if want := "arn:aws:lambda:eu-central-1:123456789012:function:f"; got.ARN != want {
		t.Errorf("ARN %q, want %q", got.ARN, want)
	}
	if got.Left <= 50*time.Second || got.Left > time.Minute {
		t.Errorf("%v left until the deadline, want the timeout of a minute", got.Left)
	}
	dir := filepath.Join(programs, "bootstrap")
	if got.Dir != dir {
		t.Errorf("runs in %s, want %s", got.Dir, dir)
	}
	want := []string{
		"AWS_ACCESS_KEY_ID=key",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_DEFAULT_REGION=eu-central-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_FUNCTION_NAME=f",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f",
		"AWS_LAMBDA_LOG_STREAM_NAME=*",
		"AWS_LAMBDA_RUNTIME_API=*",
		"AWS_REGION=eu-central-1",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"BUCKET=stage",
		"LAMBDA_TASK_ROOT=" + dir,
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"TMPDIR=*",
		"TZ=:Europe/Berlin",
		"_HANDLER=bootstrap",
		"_X_AMZN_TRACE_ID=*",
	}
	if diff := cmp.Diff(want, mask(got.Env)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// mask hides the values that differ from run to run, and what /bin/sh adds when
// it is bash.
func mask(env []string) []string {
	shape := regexp.MustCompile(`^(AWS_LAMBDA_RUNTIME_API=127\.0\.0\.1:\d+|` +
		`AWS_LAMBDA_LOG_STREAM_NAME=\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}|TMPDIR=/\S+|` +
		`_X_AMZN_TRACE_ID=Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0)$`)
	shells := []string{"PWD", "OLDPWD", "SHLVL", "_"}
	var masked []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if shape.MatchString(pair) {
			pair = name + "=*"
		}
		if !slices.Contains(shells, name) {
			masked = append(masked, pair)
		}
	}
	slices.Sort(masked)
	return masked
}
