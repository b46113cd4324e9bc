package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

// ErrTampered marks staged objects that are not as their receipt says.
var ErrTampered = errors.New("not as the receipt says")

// lookups is how many parts are looked at together.
const lookups = 16

// verify makes sure that the manifest and every part are as the receipt says, those
// of its sweep too.
func (j *Job) verify(ctx context.Context, receipt stage.Receipt) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	check := func(manifest string, parts []stage.Part) {
		if len(parts) == 0 {
			return
		}
		group.Go(func() error { return j.checkManifest(ctx, manifest, parts) })
		for _, part := range parts {
			group.Go(func() error { return j.checkPart(ctx, part) })
		}
	}
	check(receipt.Manifest, receipt.Parts)
	if receipt.Sweep != nil {
		check(receipt.Sweep.Manifest, receipt.Sweep.Parts)
	}
	return group.Wait()
}

func (j *Job) checkPart(ctx context.Context, part stage.Part) error {
	location := object.Location{Bucket: j.Bucket, Key: part.Key}
	found, err := j.Store.Stat(ctx, location)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return fmt.Errorf("%w: part %s is missing", ErrTampered, location)
	case err != nil:
		return err
	case found.Size != part.Bytes:
		return fmt.Errorf("%w: part %s has %d bytes, want %d", ErrTampered, location, found.Size, part.Bytes)
	case found.CRC32C != part.CRC32C:
		return fmt.Errorf("%w: part %s has CRC-32C %q, want %q", ErrTampered, location, found.CRC32C, part.CRC32C)
	}
	return nil
}

// checkManifest compares the manifest with what the receipt's parts give.
func (j *Job) checkManifest(ctx context.Context, key string, parts []stage.Part) error {
	want, err := stage.NewManifest(j.Bucket, parts).Encode()
	if err != nil {
		return err
	}
	location := object.Location{Bucket: j.Bucket, Key: key}
	got, _, err := j.Store.Get(ctx, location, receiptLimit)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return fmt.Errorf("%w: the manifest is missing: %w", ErrTampered, err)
	case err != nil:
		return err
	case !bytes.Equal(got, want):
		return fmt.Errorf("%w: manifest %s does not list the receipt's parts", ErrTampered, location)
	}
	return nil
}
