package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/table"
)

const (
	// smallOnes objects have smallRows rows each.
	smallOnes, smallRows = 1000, 20
	// takers is how many invocations at most take from the queue at a time, as
	// the template says.
	takers = 2
	// puts is how many objects are written at a time.
	puts = 16

	routesKey = "config/routes.json"
	// landing is below what Snowflake's stage points at on this stack.
	landing = "stage/landing/"
)

// gathering is how the queue hands a thousand messages over: all together, as
// the template asks for, or in as many invocations as pollers found them in.
type gathering struct {
	table, name string
	atOnce      int
}

var gatherings = []gathering{
	{"gathered", "one message batch", smallOnes},
	{"scattered", "ten message batches", smallOnes / 10},
}

// prefix is that of the objects of one target.
func (g gathering) prefix(t target) string { return landing + t.function + "/" + g.table + "/" }

// writeRoutes gives each target and gathering a route. The header of each object
// tells the columns.
func (l *loading) writeRoutes(ctx context.Context) error {
	document := load.Routes{Version: load.RoutesVersion}
	for _, t := range l.targets() {
		for _, g := range gatherings {
			document.Routes = append(document.Routes, load.Route{
				Prefix: g.prefix(t), Target: table.Name{Schema: "raw", Table: g.table},
				Format: load.RouteFormat{Name: "csv", Header: true}, Columns: []load.RouteColumn{{Name: "id", Type: "bigint"}},
			})
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return l.put(ctx, routesKey, string(text))
}

// smallObjects loads objects that have no receipt but a route, as the queue of
// the template delivers them. How long the queue gathers is not measured.
func (l *loading) smallObjects(ctx context.Context) error {
	if err := l.writeRoutes(ctx); err != nil {
		return err
	}
	fmt.Printf("\nload of %d objects of %d rows by a route\n  %-31s %7s  %6s  %12s  %11s  %s\n",
		smallOnes, smallRows, "", "seconds", "COPYs", "rows written", "rows loaded", "COPYs when delivered again")
	for _, t := range l.targets() {
		for _, g := range gatherings {
			step(fmt.Sprintf("measuring %d small objects into %s, %s", smallOnes, t.name, g.name))
			if err := l.gather(ctx, t, g); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

// gather measures one way. Each message is delivered once more in the end, which
// must load nothing.
func (l *loading) gather(ctx context.Context, t target, g gathering) error {
	host, err := l.Apart(t.function, []string{"LOAD_ROUTES=s3://" + stack.Bucket + "/" + routesKey}, stack.Timeout)
	if err != nil {
		return err
	}
	defer func() { _ = host.Close() }() // never fails
	messages, err := l.land(ctx, g.prefix(t))
	if err != nil {
		return err
	}
	before, start := copiesOf(t), time.Now()
	if err := take(ctx, host, t, messages, g.atOnce); err != nil {
		return err
	}
	took, once := time.Since(start), copiesOf(t)
	if err := take(ctx, host, t, messages, g.atOnce); err != nil {
		return err
	}
	rows, err := count(ctx, t, `"raw"."`+g.table+`"`)
	fmt.Printf("  %-9s %-21s %7.2f  %6d  %12d  %11d  %d\n",
		t.name, g.name, took.Seconds(), once-before, smallOnes*smallRows, rows, copiesOf(t)-once)
	return err
}

func copiesOf(t target) (copies int) {
	for _, s := range t.statements() {
		copies += s.copies
	}
	return copies
}

func (l *loading) put(ctx context.Context, key, content string) error {
	_, err := l.S3Client().PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key), Body: strings.NewReader(content)})
	return err
}

// message is one of SQS, with what EventBridge has put into it.
type message struct {
	MessageID   string `json:"messageId"`
	EventSource string `json:"eventSource"`
	Body        string `json:"body"`
}

// land writes the objects and returns the messages that tell of them.
func (l *loading) land(ctx context.Context, prefix string) ([]message, error) {
	messages := make([]message, smallOnes)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(puts)
	for i := range messages {
		group.Go(func() error {
			var content strings.Builder
			content.WriteString("id,note\n")
			for row := range smallRows {
				fmt.Fprintf(&content, "%d,note %d of object %d\n", i*smallRows+row, row, i)
			}
			key := fmt.Sprintf("%s%04d.csv", prefix, i)
			if err := l.put(ctx, key, content.String()); err != nil {
				return err
			}
			event, err := l.event(ctx, key)
			messages[i] = message{fmt.Sprintf("%s%d", prefix, i), "aws:sqs", string(event.EventBridge())}
			return err
		})
	}
	return messages, group.Wait()
}

// take hands the messages over as Lambda does that polls the queue.
func take(ctx context.Context, host *lambdahost.Host, t target, messages []message, atOnce int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(takers)
	for first := 0; first < len(messages); first += atOnce {
		group.Go(func() error {
			payload, err := json.Marshal(map[string]any{"Records": messages[first:min(first+atOnce, len(messages))]})
			if err != nil {
				return err
			}
			result, err := host.Invoke(ctx, t.function, payload)
			if err != nil {
				return err
			}
			var answer load.Answer
			switch {
			case result.Error != nil:
				return result.Error
			case json.Unmarshal(result.Payload, &answer) != nil || len(answer.Failures) > 0:
				return fmt.Errorf("load answered %s, want no failures", result.Payload)
			}
			return nil
		})
	}
	return group.Wait()
}
