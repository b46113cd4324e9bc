package stack_test

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// shortly is long enough to begin a load: the function keeps five seconds back.
const shortly = 8 * time.Second

// A COPY that outlasts an invocation is gone on with by its handle, in another
// one, and in another process.
func TestLoadIsGoneOnWithByItsHandle(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hold := func(ctx context.Context, _ string, _ int, sql string) error {
		if strings.HasPrefix(sql, "COPY ") {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	}
	b := setupBoth(t, stack.Options{Deaf: true, BeforeStatement: hold, BeforeSnowflakeStatement: hold}, fewRows)
	receipt := b.extract(`{"tables":["public.t"]}`).Tables[0].Receipt
	handles := map[string]string{}
	for _, function := range []string{"load", stack.LoadSnowflake} {
		host := b.apart(function)
		started := time.Now()
		if loaded := b.request(host, function, receipt, ""); loaded.State != warehouse.Running || loaded.Handle == "" {
			t.Fatalf("%s answered %+v", function, loaded)
		} else {
			handles[function] = loaded.Handle
		}
		if took := time.Since(started); took > shortly {
			t.Errorf("%s was let run for %v", function, took)
		}
	}
	close(release)
	for function, handle := range handles {
		if loaded := b.request(b.apart(function), function, receipt, handle); loaded.State != warehouse.Loaded || loaded.Rows != 5000 {
			t.Errorf("%s answered %+v", function, loaded)
		}
	}
	b.wantInBoth("public.t")
}

// apart is a host of one function whose invocations may run shortly.
func (b *both) apart(function string) *lambdahost.Host {
	b.Helper()
	host, err := b.Apart(function, nil, shortly)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = host.Close() })
	return host
}

func (b *both) request(host *lambdahost.Host, function, receipt, handle string) load.Loaded {
	b.Helper()
	payload, err := json.Marshal(load.Request{Bucket: stack.Bucket, Key: receipt, Handle: handle})
	if err != nil {
		b.Fatal(err)
	}
	result, err := host.Invoke(b.Context(), function, payload)
	if err != nil {
		b.Fatal(err)
	}
	var answer load.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil || result.Error != nil || len(answer.Loads) != 1 {
		b.Fatalf("%s answered %s: %v, %v", function, result.Payload, result.Error, err)
	}
	return answer.Loads[0]
}

// Whoever asked is told of objects as they appear: a table's parts, its
// manifest, its receipt, and how its load ended.
func TestObjectsAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	b := setup(t, stack.Options{OnCreated: func(bucket, key string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(key, "/public.t/") {
			told = append(told, path.Base(key))
		} else if strings.Contains(key, "/_loads/") && bucket == stack.Bucket {
			told = append(told, "_loads/")
		}
	}}, fewRows)
	b.extract(`{"tables":["public.t"]}`)
	b.await()
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"part-00000.csv", "manifest.json", "receipt.json", "_loads/"}, told); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
