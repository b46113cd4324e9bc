package stack_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/header"
)

const mib = 1 << 20

// askHeader invokes header with a request that has to succeed.
func (b *bundle) askHeader(request string) header.Answer {
	b.Helper()
	result, err := b.Functions.Invoke(b.Context(), "header", []byte(request))
	if err != nil {
		b.Fatal(err)
	}
	if result.Error != nil {
		b.Fatal(result.Error)
	}
	var answer header.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		b.Fatal(err)
	}
	return answer
}

// grow makes an object of copies of another, inside the S3 server.
func (b *bundle) grow(from, to string, times int) {
	b.Helper()
	client := b.S3Client()
	created, err := client.CreateMultipartUpload(b.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(stack.Bucket), Key: &to})
	if err != nil {
		b.Fatal(err)
	}
	var parts []types.CompletedPart
	for n := range int32(times) {
		out, err := client.UploadPartCopy(b.Context(), &s3.UploadPartCopyInput{
			Bucket: aws.String(stack.Bucket), Key: &to, UploadId: created.UploadId, PartNumber: aws.Int32(n + 1),
			CopySource: aws.String(stack.Bucket + "/" + from),
		})
		if err != nil {
			b.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(n + 1), ETag: out.CopyPartResult.ETag})
	}
	_, err = client.CompleteMultipartUpload(b.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(stack.Bucket), Key: &to, UploadId: created.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// open reads an object.
func (b *bundle) open(key string) io.ReadCloser {
	b.Helper()
	out, err := b.S3Client().GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String(stack.Bucket), Key: &key})
	if err != nil {
		b.Fatal(err)
	}
	return out.Body
}

// wantSameStream compares two texts without holding them.
func wantSameStream(t *testing.T, got, want io.Reader) {
	t.Helper()
	a, b := make([]byte, mib), make([]byte, mib)
	for at := 0; ; at += len(a) {
		n, errA := io.ReadFull(got, a)
		m, errB := io.ReadFull(want, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			t.Fatalf("they differ within the MiB from byte %d, of %d and %d bytes", at, n, m)
		}
		if errA != nil || errB != nil {
			if fmt.Sprint(errA) != fmt.Sprint(errB) {
				t.Errorf("they end with %v and %v", errA, errB)
			}
			return
		}
	}
}

// A GiB gets its header by the function as it is deployed: no more than 6 MiB
// pass its door either way, it stays small, and the copy is what printf and cat
// would make.
func TestHeaderOfOneGiB(t *testing.T) {
	t.Parallel()
	var before *door.Door
	b := setup(t, stack.Options{Deaf: true, S3Endpoint: func(endpoint string) (string, error) {
		var err error
		before, err = door.Open(t.Context(), endpoint)
		return before.Endpoint(), err
	}}, "")
	t.Cleanup(func() { _ = before.Close() })
	line := "1234567,89012345,678901234567890\n"
	b.put("unload/piece", []byte(strings.Repeat(line, 64*mib/len(line))))
	b.grow("unload/piece", "unload/large.csv", 16)
	before.Reset()
	got := b.askHeader(`{"bucket":"stagelift-stage","key":"unload/large.csv","header":["id","customer","total"]}`).Objects[0]
	passed := before.Total()
	if passed.In > 6*mib || passed.Out > 6*mib {
		t.Errorf("%d bytes went to S3 and %d came from it, want at most 6 MiB each", passed.In, passed.Out)
	}
	if got.Copied < 1000*mib || got.Uploaded > passed.In || got.Downloaded > passed.Out {
		t.Errorf("answer %+v, but %d bytes went and %d came", got, passed.In, passed.Out)
	}
	copied, source := b.open("headed/large.csv"), b.open("unload/large.csv")
	defer func() { _, _ = copied.Close(), source.Close() }()
	wantSameStream(t, copied, io.MultiReader(strings.NewReader("id,customer,total\n"), source))
	b.wantSmall()
}

// wantSmall holds the processes of header to 64 MiB.
func (b *bundle) wantSmall() {
	const function = "header"
	b.Helper()
	for _, environment := range b.Functions.Environments(function) {
		b.Logf("%s held %d MiB", function, environment.PeakMemory/mib)
		if environment.PeakMemory > 64*mib {
			b.Errorf("%s held %d MiB, want 64 at most", function, environment.PeakMemory/mib)
		}
	}
}

// Memory does not depend on size: 64 GiB by themselves, and 64 slices of 1 KiB to
// 300 MiB as one, go through the deployed function against an S3 that counts
// instead of storing, and holds the parts to S3's rules.
func TestHeaderOfAnySize(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	slices, manifest := map[string]int64{}, []string{}
	var total, small, meetings int64
	meets := true // the header is the first that is small
	for i := range 64 {
		// Evenly over the orders of magnitude.
		size := int64(1024 * math.Pow(300<<10, random.Float64()))
		key := fmt.Sprintf("unload/run/p_%04d_part_00", i)
		slices[key] = size - size%int64(len(countingLine)) + int64(len(countingLine))
		manifest, total = append(manifest, key), total+slices[key]
		if slices[key] <= 5*mib {
			small, meets = small+slices[key], true
		} else if meets {
			meetings, meets = meetings+1, false
		}
	}
	keys, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		sizes          map[string]int64
		request        string
		size, download int64
	}{
		"64 GiB": {
			map[string]int64{"unload/huge.csv": 64 << 30},
			`{"bucket":"stagelift-stage","key":"unload/huge.csv","header":["a","b","c"]}`,
			64<<30 + 6, 6 * mib,
		},
		"48 TiB": {
			map[string]int64{"unload/huge.csv": 48 << 40},
			`{"bucket":"stagelift-stage","key":"unload/huge.csv","header":["a","b","c"]}`,
			48<<40 + 6, 6 * mib,
		},
		"64 slices": {
			slices, `{"bucket":"stagelift-stage","keys":` + string(keys) + `,"merge":true,"header":["a","b","c"],"destination":{"key":"headed/merged.csv"}}`,
			// What is too small to be copied, what is looked at of each, and what
			// fills up the parts where small and large ones meet.
			total + 6, small + 64*5000 + 64<<10 + meetings*10*mib,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counted := newCounting(c.sizes)
			b := setup(t, stack.Options{Deaf: true, S3Endpoint: func(string) (string, error) { return counted.serve(t), nil }}, "")
			got := b.askHeader(c.request).Objects[0]
			counted.mu.Lock()
			defer counted.mu.Unlock()
			for _, problem := range counted.problems {
				t.Error(problem)
			}
			if counted.made != c.size || got.Bytes != c.size {
				t.Errorf("the copy has %d bytes, the answer says %d, want %d", counted.made, got.Bytes, c.size)
			}
			if counted.downloaded > c.download || counted.downloaded != got.Downloaded || counted.copied != got.Copied {
				t.Errorf("%d bytes were downloaded and %d copied, at most %d are allowed; the answer is %+v", counted.downloaded, counted.copied, c.download, got)
			}
			b.wantSmall()
		})
	}
}

// To compress anew holds no more than to copy.
func TestRewritingStaysSmall(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Deaf: true}, "")
	random := rand.New(rand.NewPCG(3, 4))
	var text bytes.Buffer
	for text.Len() < 24*mib {
		fmt.Fprintf(&text, "%x,%x\n", random.Uint64(), random.Uint64())
	}
	for _, program := range []string{"gzip", "zstd", "bzip2"} {
		cmd := exec.CommandContext(t.Context(), program, "-c")
		cmd.Stdin = bytes.NewReader(text.Bytes())
		packed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		b.put("unload/"+program, packed)
		b.askHeader(`{"bucket":"stagelift-stage","key":"unload/` + program + `","header":["a","b"],"rewrite":true}`)
		cmd = exec.CommandContext(t.Context(), program, "-dc")
		cmd.Stdin = bytes.NewReader(b.get("headed/" + program))
		got, err := cmd.Output()
		if err != nil || !bytes.Equal(got, append([]byte("a,b\n"), text.Bytes()...)) {
			t.Errorf("%s unpacks to %d bytes, %v; want %d", program, len(got), err, text.Len()+4)
		}
		b.wantSmall()
	}
}

// An UNLOAD of packed slices and its manifest, as events tell of it, in any order
// and twice: each slice has its header once.
func TestUnloadGetsItsHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Duplicate: true}, "")
	var entries []string
	for i := range 5 {
		key := fmt.Sprintf("unload/run 1/p_%04d_part_00.gz", i)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := fmt.Fprintf(w, "%d|x\n", i); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf(`{"url":"s3://stagelift-stage/%s","meta":{"content_length":%d}}`, key, packed.Len()))
		b.put(key, packed.Bytes())
	}
	b.put("unload/run 1/p_manifest", []byte(`{"entries":[`+strings.Join(entries, ",")+`],"schema":{"elements":[
		{"name":"id","type":{"base":"integer"}},{"name":"na|me","type":{"base":"character varying", 25}}]}}`))
	if err := b.Idle(t.Context()); err != nil { // slices that came before their manifest may have been given up
		t.Fatal(err)
	}
	for i := range 5 {
		r, err := gzip.NewReader(bytes.NewReader(b.get(fmt.Sprintf("headed/run 1/p_%04d_part_00.gz", i))))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if want := fmt.Sprintf("id|\"na|me\"\n%d|x\n", i); err != nil || string(text) != want {
			t.Errorf("slice %d is %q, %v; want %q", i, text, err, want)
		}
	}
	if keys := b.objects("headed/"); len(keys) != 5 {
		t.Errorf("objects made: %v", keys)
	}
}

// An invocation that is killed in the middle leaves nothing to be seen, and the
// next delivery makes the copy.
func TestHeaderKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	var (
		once sync.Once
		mu   sync.Mutex
		pid  int
	)
	killed := make(chan struct{})
	b := setup(t, stack.Options{
		OnStart: func(function, _ string, p int) {
			mu.Lock()
			defer mu.Unlock()
			if function == "header" {
				pid = p
			}
		},
		S3Endpoint: func(endpoint string) (string, error) {
			return openDoor(t, endpoint, func(r *http.Request) *door.Failure {
				if door.Operation(r) == "UploadPartCopy" {
					once.Do(func() {
						mu.Lock()
						defer mu.Unlock()
						_ = syscall.Kill(pid, syscall.SIGKILL)
						close(killed)
					})
				}
				return nil
			})
		},
	}, "")
	content := bytes.Repeat([]byte(countingLine), 12*mib/len(countingLine))
	b.put("unload/_header", []byte("a,b,c\n"))
	b.put("unload/a.csv", content)
	select {
	case <-killed:
	case <-time.After(time.Minute):
		t.Fatal("it was not killed")
	}
	b.await()
	if got := b.get("headed/a.csv"); !bytes.Equal(got, append([]byte("a,b,c\n"), content...)) {
		t.Errorf("the copy has %d bytes, want %d", len(got), len(content)+6)
	}
	uploads, err := b.S3Client().ListMultipartUploads(context.WithoutCancel(t.Context()), &s3.ListMultipartUploadsInput{Bucket: aws.String(stack.Bucket)})
	if err != nil || len(uploads.Uploads) != 1 {
		t.Errorf("uploads left: %v, %v; want that of the killed invocation", uploads.Uploads, err)
	}
}

// The samples that name no objects of ours fail by saying so; none is refused for
// its form.
func TestHeaderSamplesReachTheirObjects(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Deaf: true}, "")
	b.put("unload/_header", []byte("id,total\n"))
	b.put("unload/customers_0000_part_00", []byte("1,2\n"))
	b.put("unload/customers_0000_part_00.gz", []byte("1,2\n"))
	b.put("unload/north + south/sales_0000_part_00", []byte("1,2\n"))
	for i := range 2 {
		b.put(fmt.Sprintf("unload/2026-11-21/sales_%04d_part_00", i), []byte("1,2\n"))
	}
	b.put("unload/2026-11-21/sales_manifest", []byte(`{"entries":[
		{"url":"s3://stagelift-stage/unload/2026-11-21/sales_0000_part_00"},{"url":"s3://stagelift-stage/unload/2026-11-21/sales_0001_part_00"}]}`))
	entries, err := os.ReadDir(root(t) + "/events")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		// What deletes goes last.
		if name := entry.Name(); strings.HasPrefix(name, "header-") && name != "header-delete.json" && name != "header-quotes.json" {
			b.askHeader(string(event(t, name)))
		}
	}
	for key, want := range map[string]string{
		"headed/customers_0000_part_00.csv": "id,name\n1,2\n", "headed/2026-11-21/sales_0000_part_00": "id,total\n1,2\n",
		"headed/2026-11-21/sales_0001_part_00.csv": "id,total\n1,2\n", "headed/north + south/sales_0000_part_00": "id|total\n1,2\n",
	} {
		if got := string(b.get(key)); key != "headed/north + south/sales_0000_part_00" && got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	b.askHeader(string(event(t, "header-quotes.json")))
	if got := string(b.get("headed/customers_0000_part_00")); got != "\xef\xbb\xbfid\tname, as given\r\n1,2\n" {
		t.Errorf("with quotes: %q", got)
	}
	b.askHeader(string(event(t, "header-delete.json")))
	if got := b.objects("unload/customers_0000_part_00"); len(got) != 1 {
		t.Errorf("after the copy: %v, want the packed one alone", got)
	}
}
