package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Later takes requests that are to be made once more after a while, at least
// once, each in the form of a message of a queue.
type Later interface {
	Send(ctx context.Context, request Request, after time.Duration) error
}

// Queue is an SQS queue that the function is invoked by.
type Queue struct {
	client *sqs.Client
	url    string
}

// NewQueue sends to the queue of that URL.
func NewQueue(cfg aws.Config, url string) *Queue { return &Queue{sqs.NewFromConfig(cfg), url} }

// Send has the request delivered in after, which is 15 minutes at the most
// ("SendMessage", DelaySeconds).
func (q *Queue) Send(ctx context.Context, request Request, after time.Duration) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding a request: %w", err)
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String(q.url), MessageBody: aws.String(string(body)), DelaySeconds: int32(min(after, longestWait).Seconds()),
	})
	if err != nil {
		return fmt.Errorf("handing s3://%s/%s on to queue %s: %w", request.Bucket, request.Key, q.url, err)
	}
	return nil
}

// How long is waited inside of an invocation, which is billed, and outside. A
// load that an event brings is waited for as long as most take; after that it is
// asked for by and by, a step that is not over within moments later again.
const (
	stepPatience  = 15 * time.Second
	laterPatience = time.Second
	shortestWait  = time.Minute
	longestWait   = 15 * time.Minute
	// longestLoad is longer than either warehouse lets a statement run.
	longestLoad = 25 * time.Hour
	// defaultOverdue is Job.Overdue when it is not set.
	defaultOverdue = 6 * time.Hour
)

// handOn leaves a load that has not ended to a later invocation, and says
// whether it did: one that runs in the warehouse, or that waits for another one
// which is not overdue. Pauses are an eighth of what has been waited for, so a
// COPY of three hours is asked for some thirty times.
func (j *Job) handOn(ctx context.Context, p planned, loaded Loaded, ended error) (bool, error) {
	limit, what := longestLoad, "it has run"
	switch {
	case j.Waiting == nil:
		return false, ended
	case ended == nil && loaded.State == warehouse.Running:
	case errors.Is(ended, warehouse.ErrHeld), errors.Is(ended, warehouse.ErrBusy):
		limit, what = j.overdue(), "it has waited"
	default:
		return false, ended
	}
	now := j.time()
	if p.since.IsZero() {
		p.since = now
	}
	waited := now.Sub(p.since)
	if waited >= limit {
		if ended == nil {
			ended = fmt.Errorf("loading %s: %w", loaded.Target, errOutOfTime)
		}
		return false, fmt.Errorf("%w; %s since %s", ended, what, p.since.UTC().Format(time.RFC3339))
	}
	request := Request{Bucket: p.again.Bucket, Key: p.again.Key, Handle: loaded.Handle, Since: p.since}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer cancel()
	if err := j.Waiting.Send(ctx, request, min(max(waited/8, shortestWait), longestWait, limit-waited)); err != nil {
		if ended == nil {
			ended = fmt.Errorf("loading %s: %w", loaded.Target, errOutOfTime)
		}
		return false, errors.Join(ended, err)
	}
	return true, nil
}

func (j *Job) overdue() time.Duration {
	if j.Overdue > 0 {
		return j.Overdue
	}
	return defaultOverdue
}

func (j *Job) time() time.Time {
	if j.now != nil {
		return j.now()
	}
	return time.Now()
}

// patience is how long a new step is waited for.
func (j *Job) patience() time.Duration { return stepPatience / max(j.hurry, 1) }

// deliver carries out what an event or a queue brought. What has not ended is
// handed on; where nobody takes it, that is an error, so that it is delivered
// again.
func (j *Job) deliver(ctx context.Context, p planned) ([]Loaded, error) {
	loaded, ended := j.load(ctx, p)
	handed, err := j.handOn(ctx, p, loaded, ended)
	switch {
	case handed:
		return []Loaded{loaded}, nil
	case err != nil:
		return nil, err
	case loaded.State == warehouse.Running:
		return nil, fmt.Errorf("loading %s: %w", loaded.Target, errOutOfTime)
	}
	held, err := j.loadHeld(ctx, p, loaded)
	return append([]Loaded{loaded}, held...), err
}

// again carries out a request that was handed on.
func (j *Job) again(ctx context.Context, m message, request Request) ([]Loaded, error) {
	planned, err := j.plan(ctx, []trigger.Object{{Bucket: request.Bucket, Key: request.Key}})
	var loads []Loaded
	problems := []error{err}
	for _, p := range planned {
		p.since, p.patience = request.Since, j.patience()
		if !m.redelivered() { // else it is begun anew: the handle may be of what failed
			p.handle = request.Handle
		}
		delivered, err := j.deliver(ctx, p)
		loads = append(loads, delivered...)
		problems = append(problems, err)
	}
	return loads, errors.Join(problems...)
}
