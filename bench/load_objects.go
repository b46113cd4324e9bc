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
	// routes have a target for each of gatherings; the header of each object
	// tells its columns.
	routes = `{"version": 1, "routes": [
 {"prefix": "landing/gathered/", "target": {"schema": "raw", "name": "gathered"}, "format": {"name": "csv", "header": true},
  "columns": [{"name": "id", "type": "bigint"}]},
 {"prefix": "landing/scattered/", "target": {"schema": "raw", "name": "scattered"}, "format": {"name": "csv", "header": true},
  "columns": [{"name": "id", "type": "bigint"}]}]}`
)

// gatherings are how the queue may hand a thousand messages over: all together,
// as the template asks for, or in as many invocations as pollers found them in.
var gatherings = []struct {
	target    string
	atOnce    int
	delivered string
}{
	{"gathered", smallOnes, "in one message batch"},
	{"scattered", smallOnes / 10, "in ten message batches"},
}

// smallObjects loads objects that have no receipt but a route, as the queue of
// the template delivers them. How long the queue gathers is not measured. Each
// message is delivered once more in the end, which must load nothing.
func (l *loading) smallObjects(ctx context.Context) error {
	if err := l.put(ctx, routesKey, routes); err != nil {
		return err
	}
	t := l.targets()[0] // objects without a receipt are loaded into Redshift alone
	host, err := l.Apart(t.function, []string{"LOAD_ROUTES=s3://" + stack.Bucket + "/" + routesKey}, stack.Timeout)
	if err != nil {
		return err
	}
	defer func() { _ = host.Close() }() // never fails
	fmt.Printf("\nload of %d objects of %d rows by a route, into %s\n  %-24s %7s  %6s  %12s  %11s  %s\n",
		smallOnes, smallRows, t.name, "", "seconds", "COPYs", "rows written", "rows loaded", "COPYs when delivered again")
	for _, g := range gatherings {
		step(fmt.Sprintf("measuring %d small objects, %s", smallOnes, g.delivered))
		messages, err := l.land(ctx, "landing/"+g.target+"/")
		if err != nil {
			return err
		}
		before := copiesOf(t)
		start := time.Now()
		if err := take(ctx, host, t, messages, g.atOnce); err != nil {
			return err
		}
		took, once := time.Since(start), copiesOf(t)
		if err := take(ctx, host, t, messages, g.atOnce); err != nil {
			return err
		}
		rows, err := count(ctx, t, `"raw"."`+g.target+`"`)
		if err != nil {
			return err
		}
		fmt.Printf("  %-24s %7.2f  %6d  %12d  %11d  %d\n", g.delivered, took.Seconds(), once-before, smallOnes*smallRows, rows, copiesOf(t)-once)
	}
	return nil
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
