package stack_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/secretscan"
	"github.com/stagelift/stagelift/local/stack"
)

// logFile is a log that can be read while it is written.
type logFile struct{ *os.File }

func newLogFile(t *testing.T, name string) logFile {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return logFile{file}
}

func (f logFile) String() string {
	text, _ := os.ReadFile(f.Name())
	return string(text)
}

// record is what a stack says while a test runs: the logs of its functions and
// its servers, and what every invocation answered, errors among it.
type record struct {
	functions, servers logFile

	mu      sync.Mutex
	answers strings.Builder
}

func newRecord(t *testing.T) *record {
	t.Helper()
	return &record{functions: newLogFile(t, "functions"), servers: newLogFile(t, "servers")}
}

func (r *record) result(function string, result lambdahost.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.answers, "%s: %s\n", function, result.Payload)
}

func (r *record) answered() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers.String()
}

// wantNoSecrets looks for secrets when a test is over. All tests of this
// package end with it.
func (r *record) wantNoSecrets(b *bundle) {
	b.Helper()
	keys, err := b.S3Config.Credentials.Retrieve(context.WithoutCancel(b.Context()))
	if err != nil {
		b.Fatal(err)
	}
	known := map[string]string{"the AWS secret key": keys.SecretAccessKey}
	if b.Snowflake != nil {
		known["the user's private key"] = string(b.Snowflake.PrivateKey())
	}
	for where, found := range r.scan(b, known) {
		b.Errorf("%s holds %s", where, strings.Join(found, ", "))
	}
}

// scan looks for secrets in all that was said so far, in what was asked of the
// warehouses and in every object, and returns what it found by where.
func (r *record) scan(b *bundle, known map[string]string) map[string][]string {
	b.Helper()
	scanner, err := secretscan.New(known)
	if err != nil {
		b.Fatal(err)
	}
	texts := map[string]string{
		"the functions' log": r.functions.String(), "the servers' log": r.servers.String(), "an answer": r.answered(),
	}
	for _, letter := range b.DeadLetters() {
		texts["an event that was given up"] += fmt.Sprintf("%s %v\n", letter.Payload, letter.Error)
	}
	for _, call := range b.Redshift.Statements() {
		texts["a statement of Redshift"] += call.Name + strings.Join(call.SQL, "\n") + "\n"
	}
	if b.Snowflake != nil {
		for _, request := range b.Snowflake.Statements() {
			texts["a statement of Snowflake"] += request.SQL + "\n"
		}
	}
	places := map[string][]string{}
	for where, text := range texts {
		if found := scanner.Find(text); found != nil {
			places[where] = found
		}
	}
	b.eachObject(func(key, text string) {
		if found := scanner.Find(text); found != nil {
			places["object "+key] = found
		}
	})
	return places
}

// mostScanned is how much is read of an object: all of every document, and the
// beginning of data that a test makes by the gigabyte.
const mostScanned = 8 << 20

// eachObject reads the objects' keys, metadata and content.
func (b *bundle) eachObject(do func(key, text string)) {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	pages := s3.NewListObjectsV2Paginator(b.S3Client(), &s3.ListObjectsV2Input{Bucket: aws.String(stack.Bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			b.Fatal(err)
		}
		for _, listed := range page.Contents {
			object, err := b.S3Client().GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(stack.Bucket), Key: listed.Key})
			if err != nil {
				b.Fatalf("%s: %v", *listed.Key, err)
			}
			content, err := io.ReadAll(io.LimitReader(object.Body, mostScanned))
			_ = object.Body.Close() // read as far as it is wanted
			if err != nil {
				b.Fatalf("%s: %v", *listed.Key, err)
			}
			do(*listed.Key, fmt.Sprint(*listed.Key, object.Metadata, string(content)))
		}
	}
}

// What all tests rely on: a word that is said everywhere is found everywhere.
func TestSecretsWouldBeFound(t *testing.T) {
	t.Parallel()
	b := setupBoth(t, stack.Options{}, strings.ReplaceAll(fewRows, " t ", " told_to_everybody "))
	answer := b.extract(`{"tables":["public.told_to_everybody"]}`)
	b.await()
	b.wantInBoth("public.told_to_everybody")
	if _, err := b.tryExtract(`{"tables":["public.told_to_nobody"]}`); err == nil {
		t.Error("a table that is not there was extracted")
	}
	places := b.said.scan(b.bundle, map[string]string{
		"the word": "told_to_everybody", "the error": "told_to_nobody", "what a server does": "msg=submitted",
	})
	both := []string{"the error", "the word"}
	for where, want := range map[string][]string{
		"the functions' log": both, "an answer": both,
		"a statement of Redshift": {"the word"}, "a statement of Snowflake": {"the word"},
		"object " + answer.Tables[0].Receipt: {"the word"}, "the servers' log": {"the word", "what a server does"},
	} {
		if diff := cmp.Diff(want, places[where]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
	}
}
