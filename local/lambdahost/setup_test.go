package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/process"
)

// programs holds one task root per program below testdata.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdahost-")
	if err == nil {
		programs = dir
		err = errors.Join(build("bootstrap"), build("raw"))
	}
	if err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(program string) error {
	target := filepath.Join(programs, program, "bootstrap")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", target, "./testdata/"+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", program, err, output)
	}
	return nil
}

type bundle struct {
	*Host
	log     *buffer
	started chan start
	letters chan DeadLetter
}

type start struct {
	id  string
	pid int
}

// setup returns a host with the function "f", changed by the options given.
func setup(t testing.TB, change ...func(*Options)) *bundle {
	t.Helper()
	group, err := process.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bundle{log: &buffer{}, started: make(chan start, 1000), letters: make(chan DeadLetter, 1000)}
	options := Options{
		Functions:    []Function{{Name: "f", Dir: filepath.Join(programs, "bootstrap"), Timeout: time.Minute}},
		Group:        group,
		Log:          func(string) io.Writer { return b.log },
		RetryDelays:  []time.Duration{time.Millisecond, time.Millisecond},
		OnDeadLetter: func(d DeadLetter) { b.letters <- d },
		OnStart: func(_, id string, pid int) {
			select {
			case b.started <- start{id, pid}:
			default: // a benchmark does not look
			}
		},
	}
	for _, c := range change {
		c(&options)
	}
	b.Host, err = New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func with(change func(*Function)) func(*Options) {
	return func(o *Options) { change(&o.Functions[0]) }
}

func (b *bundle) invoke(t testing.TB, event any) Result {
	t.Helper()
	r, err := b.Invoke(t.Context(), "f", mustMarshal(event))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// event is what testdata/bootstrap takes.
type event struct {
	Do   string `json:"do"`
	Text string `json:"text,omitempty"`
	URL  string `json:"url,omitempty"`
	Size int    `json:"size,omitempty"`
}

// description is what testdata/bootstrap says of itself.
type description struct {
	Text      string
	PID       int
	Count     int
	RequestID string
	ARN       string
	Left      time.Duration
	Dir       string
	Env       []string
}

func describe(t *testing.T, r Result) description {
	t.Helper()
	if r.Error != nil {
		t.Fatal(r.Error)
	}
	var d description
	if err := json.Unmarshal(r.Payload, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// door is a server that functions call and that holds them until told how to
// go on.
type door struct {
	*httptest.Server
	// knocks gets the request id of every call.
	knocks chan string
	// answers holds the status for each call.
	answers chan int
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{knocks: make(chan string), answers: make(chan int)}
	closing := make(chan struct{})
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case d.knocks <- r.Header.Get("Request-Id"):
		case <-r.Context().Done():
			return
		case <-closing:
			return
		}
		select {
		case status := <-d.answers:
			w.WriteHeader(status)
		case <-r.Context().Done(): // the function has been killed
		case <-closing:
		}
	}))
	t.Cleanup(func() {
		close(closing)
		d.Close()
	})
	return d
}

func (d *door) call() event { return event{Do: "call", URL: d.URL} }

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
