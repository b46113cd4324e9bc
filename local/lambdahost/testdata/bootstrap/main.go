// Command bootstrap is a function that behaves as its event asks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string `json:"do"`
	Text string `json:"text"`
	URL  string `json:"url"`
	Size int    `json:"size"`
}

type answer struct {
	Text      string
	PID       int
	Count     int
	RequestID string
	ARN       string
	Left      time.Duration
	Dir       string
	Env       []string
}

type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

var count int

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Fprint(os.Stderr, "cannot initialise") // no newline: the host ends the line
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour) // the runtime would find out a deadlock
	case "sigterm":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
			_, _ = call(context.Background(), os.Getenv("SIGTERM_URL"))
		}))
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (any, error) {
	count++
	switch e.Do {
	case "echo":
		return e.Text, nil
	case "error":
		return nil, &brokenError{e.Text}
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(1)
	case "quit":
		os.Exit(0)
	case "big":
		return strings.Repeat("x", e.Size), nil
	case "hang":
		time.Sleep(time.Hour)
	case "print":
		for range 100 {
			fmt.Println(e.Text)
		}
		return nil, nil
	case "call":
		return call(ctx, e.URL)
	}
	return describe(ctx)
}

// call lets the test hold the function, and decide how it ends.
func call(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		request.Header.Set("Request-Id", lc.AwsRequestID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(body), err
}

func describe(ctx context.Context) (answer, error) {
	deadline, _ := ctx.Deadline()
	lc, _ := lambdacontext.FromContext(ctx)
	dir, err := os.Getwd()
	return answer{
		PID:       os.Getpid(),
		Count:     count,
		RequestID: lc.AwsRequestID,
		ARN:       lc.InvokedFunctionArn,
		Left:      time.Until(deadline),
		Dir:       dir,
		Env:       os.Environ(),
	}, err
}
