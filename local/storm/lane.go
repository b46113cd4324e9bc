package storm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/storm/truth"
)

// The functions of a lane are one program under several settings.
const (
	// normal has time enough for everything.
	normal = "extract"
	// hasty reaches its deadline about a second after it begins: it keeps ten
	// seconds for cleaning up.
	hasty = "extract-hasty"
	// settled takes what an earlier run left for a dead run's, as it would be
	// some time later. It must be alone.
	settled = "extract-settled"
)

// lane plays rounds, one after the other, in a database of its own: what is open
// in one database does not hold up another.
type lane struct {
	*world
	database *rds.Instance
	admin    *pgx.Conn // for the log and the schemas
	door     *door.Door
	host     *lambdahost.Host
	said     transcript
	// modern is true when extract knows the fields of its newer contract.
	modern bool
}

func (w *world) newLane(ctx context.Context, number int) (*lane, error) {
	l := &lane{world: w}
	var err error
	if l.database, err = w.rds.WithDatabase(ctx, "lane"+strconv.Itoa(number)); err != nil {
		return nil, err
	}
	if l.admin, err = l.connect(ctx); err != nil {
		return nil, err
	}
	_, err = l.admin.Exec(ctx, "SET lock_timeout = 0") // what it waits for always ends
	if err = errors.Join(err, truth.Create(ctx, l.admin)); err != nil {
		return nil, errors.Join(err, l.admin.Close(ctx))
	}
	if l.door, err = door.Open(ctx, w.s3.Endpoint()); err != nil {
		return nil, errors.Join(err, l.admin.Close(ctx))
	}
	l.host, err = lambdahost.New(lambdahost.Options{
		Group: w.group, Log: func(string) io.Writer { return &l.said },
		Functions: []lambdahost.Function{
			l.function(normal, 30*time.Second, time.Minute),
			l.function(hasty, 11*time.Second, time.Minute),
			l.function(settled, 30*time.Second, 0),
		},
	})
	if err != nil {
		return nil, errors.Join(err, l.door.Close(), l.admin.Close(ctx))
	}
	return l, nil
}

func (l *lane) close(ctx context.Context) error {
	return errors.Join(l.host.Close(), l.door.Close(), l.admin.Close(context.WithoutCancel(ctx)))
}

func (l *lane) function(name string, timeout, stale time.Duration) lambdahost.Function {
	return lambdahost.Function{Name: name, Dir: l.taskRoot, Timeout: timeout, MemoryMB: 2048, Env: []string{
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + l.secret,
		"AWS_ENDPOINT_URL_S3=" + l.door.Endpoint(), "STAGE_BUCKET=" + bucket, "STAGE_PREFIX=" + prefix,
		"SOURCE_HOST=" + l.database.Host(), "SOURCE_PORT=" + strconv.Itoa(l.database.Port()),
		"SOURCE_DATABASE=" + l.database.Database(), "SOURCE_USER=" + user, "STALE_UPLOAD_AGE=" + stale.String(),
	}}
}

// connect opens a session of the superuser, as the application has them.
func (l *lane) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(l.database.AdminURL())
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = "storm"
	config.RuntimeParams["lock_timeout"] = "1200ms"
	config.RuntimeParams["TimeZone"] = "UTC"
	// Names change under prepared statements.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return pgx.ConnectConfig(ctx, config)
}

// Name is the bucket's, as staged.Bucket wants it.
func (l *lane) Name() string { return bucket }

// Get reads an object past the door.
func (l *lane) Get(ctx context.Context, key string) ([]byte, error) {
	object, err := l.client.GetObject(ctx, &s3client.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { _ = object.Body.Close() }()
	return io.ReadAll(object.Body)
}

// stagedPrefix is where everything of the lane lies.
func (l *lane) stagedPrefix() string { return prefix + l.database.Database() + "/" }

// keys lists what lies in the bucket of this lane.
func (l *lane) keys(ctx context.Context) ([]string, error) {
	var keys []string
	pages := s3client.NewListObjectsV2Paginator(l.client, &s3client.ListObjectsV2Input{
		Bucket: aws.String(bucket), Prefix: aws.String(l.stagedPrefix()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", l.stagedPrefix(), err)
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return keys, nil
}

// sweep removes what lies in the bucket of this lane.
func (l *lane) sweep(ctx context.Context) error {
	keys, err := l.keys(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	for len(keys) > 0 {
		some := keys[:min(len(keys), 1000)]
		keys = keys[len(some):]
		objects := make([]types.ObjectIdentifier, len(some))
		for i, key := range some {
			objects[i].Key = aws.String(key)
		}
		_, err := l.client.DeleteObjects(ctx, &s3client.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: objects}})
		if err != nil {
			return fmt.Errorf("removing the round's objects: %w", err)
		}
	}
	return nil
}

// transcript is what the functions logged in this round.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text.String()
	t.text.Reset()
	return text
}
