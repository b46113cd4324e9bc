package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/bus"
	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/run"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// row is one line of the closing table.
type row struct {
	table run.Outcome
	// source is how many rows the source has, redshift and snowflake what was
	// loaded of them.
	source, redshift, snowflake int64
	headed, verified            string
	receipt                     stage.Receipt
}

// headers puts each table's parts where Redshift's UNLOAD would have left
// them, with a _header object beside them, and checks what the function makes
// of each.
func (d *demo) headers(ctx context.Context) error {
	d.out.step("giving every staged object its header, copied inside S3")
	client := d.S3Client()
	for _, published := range d.answer.Tables {
		receipt, err := d.receipt(ctx, client, published.Receipt)
		if err != nil {
			return err
		}
		d.rows = append(d.rows, row{table: published, receipt: receipt})
		if len(receipt.Parts) == 0 {
			continue
		}
		folder := "unload/" + path.Base(path.Dir(path.Dir(published.Receipt))) + "/"
		line := encode.CSVHeader(encode.Names(receipt.Columns), ",")
		if err := put(ctx, client, folder+"_header", line); err != nil {
			return err
		}
		for _, part := range receipt.Parts {
			if err := copyObject(ctx, client, part.Key, folder+path.Base(part.Key)); err != nil {
				return err
			}
		}
	}
	if err := d.Idle(ctx); err != nil {
		return err
	}
	if err := d.noDeadLetters(); err != nil {
		return err
	}
	for i := range d.rows {
		if err := d.checkHeaders(ctx, client, &d.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkHeaders compares every headed copy with the header and the part, byte
// by byte.
func (d *demo) checkHeaders(ctx context.Context, client *s3.Client, r *row) error {
	r.headed = "-"
	line := encode.CSVHeader(encode.Names(r.receipt.Columns), ",")
	folder := "headed/" + path.Base(path.Dir(path.Dir(r.table.Receipt))) + "/"
	for _, part := range r.receipt.Parts {
		want, err := digest(ctx, client, part.Key, line)
		if err != nil {
			return err
		}
		got, err := digest(ctx, client, folder+path.Base(part.Key), nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(want, got) {
			return fmt.Errorf("the headed copy of %s is not the header and the part", part.Key)
		}
		r.headed = "equal"
	}
	return nil
}

// deliverAgain hands a receipt's event to both loads once more, as EventBridge
// may.
func (d *demo) deliverAgain(ctx context.Context) error {
	d.out.step("delivering one receipt's event a second time")
	receipt := d.answer.Tables[0].Receipt
	event := bus.Event{ID: "again", Time: time.Now(), Region: stack.Region, Account: stack.Account, Bucket: stack.Bucket, Key: receipt}
	for _, function := range []string{"load", stack.LoadSnowflake} {
		result, err := d.Functions.Invoke(ctx, function, event.EventBridge())
		if err != nil {
			return err
		}
		if result.Error != nil {
			return result.Error
		}
		var answer load.Answer
		if err := json.Unmarshal(result.Payload, &answer); err != nil {
			return err
		}
		if len(answer.Loads) != 1 || answer.Loads[0].State != warehouse.AlreadyLoaded {
			return fmt.Errorf("%s did not recognise a second delivery: %s", function, result.Payload)
		}
		d.out.printf("  %s, %s: %s, %d rows in the ledger, nothing changed\n",
			function, answer.Loads[0].Source, answer.Loads[0].State, answer.Loads[0].Rows)
	}
	return nil
}

// verify compares every table and prints the closing table.
func (d *demo) verify(ctx context.Context) error {
	d.out.step("comparing the source with Redshift and Snowflake, value by value")
	var problems []error
	for i := range d.rows {
		if err := d.check(ctx, &d.rows[i]); err != nil {
			problems = append(problems, err)
		}
	}
	if err := d.complete(ctx); err != nil {
		problems = append(problems, err)
	}
	d.out.table(d.rows)
	return errors.Join(problems...)
}

// check compares a table with what either warehouse holds of it.
func (d *demo) check(ctx context.Context, r *row) error {
	name := r.receipt.Table
	source, err := compare.Read(ctx, d.source, name)
	if err != nil {
		return err
	}
	var inRedshift, inSnowflake compare.Result
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		inRedshift, err = source.Redshift(ctx, d.redshift)
		return err
	})
	group.Go(func() (err error) {
		inSnowflake, err = source.Snowflake(ctx, d.snowflake)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	r.source, r.redshift, r.snowflake, r.verified = inRedshift.SourceRows, inRedshift.LoadedRows, inSnowflake.LoadedRows, "yes"
	if inRedshift.Equal && inSnowflake.Equal && r.source == r.table.Rows {
		return nil
	}
	r.verified = "NO"
	return fmt.Errorf("table %s differs: source %d rows, extracted %d, in Redshift %d (equal: %t), in Snowflake %d (equal: %t)",
		name, r.source, r.table.Rows, r.redshift, inRedshift.Equal, r.snowflake, inSnowflake.Equal)
}

// complete makes sure that no table was forgotten.
func (d *demo) complete(ctx context.Context) error {
	var tables int
	const query = `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
		AND relkind IN ('r', 'p') AND NOT relispartition`
	if err := d.source.QueryRow(ctx, query).Scan(&tables); err != nil {
		return err
	}
	if tables != len(d.rows) {
		return fmt.Errorf("the source has %d tables, but %d were extracted", tables, len(d.rows))
	}
	return nil
}

func (d *demo) receipt(ctx context.Context, client *s3.Client, key string) (stage.Receipt, error) {
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key)})
	if err != nil {
		return stage.Receipt{}, err
	}
	defer func() { _ = object.Body.Close() }() // read only
	data, err := io.ReadAll(object.Body)
	if err != nil {
		return stage.Receipt{}, err
	}
	return stage.Layout{Prefix: "stage/"}.DecodeReceipt(key, data)
}

func put(ctx context.Context, client *s3.Client, key string, body []byte) error {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key), Body: bytes.NewReader(body)})
	return err
}

func copyObject(ctx context.Context, client *s3.Client, from, to string) error {
	// CopySource is a URL path: the % of an escaped key is escaped once more.
	source := stack.Bucket + "/" + strings.ReplaceAll(from, "%", "%25")
	_, err := client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: aws.String(stack.Bucket), Key: aws.String(to), CopySource: aws.String(source),
	})
	return err
}

// digest reads an object through SHA-256, after the bytes of before.
func digest(ctx context.Context, client *s3.Client, key string, before []byte) ([]byte, error) {
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { _ = object.Body.Close() }() // read only
	sum := sha256.New()
	sum.Write(before)
	if _, err := io.Copy(sum, object.Body); err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	return sum.Sum(nil), nil
}
