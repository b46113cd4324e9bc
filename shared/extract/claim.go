package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/object"
)

// claim is what an invocation that goes on with a run writes first, so that no
// other goes on from the same record at the same time: both would write parts of
// the same names.
type claim struct {
	At time.Time `json:"at"`
	// Released is true when the invocation gave up.
	Released bool `json:"released"`
}

const claimLimit = 1 << 16

func (r *run) claimLocation() object.Location {
	return object.Location{Bucket: r.Bucket, Key: r.Layout.Claim(r.Database, r.id, r.step)}
}

// take claims the record. It reports whether another invocation had it before,
// which is dead or gave up: what that published is to be looked for.
func (r *run) take(ctx context.Context) (takenOver bool, err error) {
	r.claimed, err = r.putClaim(ctx, claim{At: time.Now().UTC()}, "")
	if err == nil || !errors.Is(err, object.ErrExists) {
		return false, err
	}
	data, attributes, err := r.Store.Get(ctx, r.claimLocation(), claimLimit)
	if err != nil {
		return false, err
	}
	var before claim
	if err := json.Unmarshal(data, &before); err != nil {
		return false, fmt.Errorf("decoding %s: %w", r.claimLocation(), err)
	}
	if !before.Released && time.Since(before.At) < r.StaleAfter {
		return false, fmt.Errorf("run %s was taken up from here by another invocation, which may be at work; if it died, try again after %s",
			r.id, before.At.Add(r.StaleAfter).UTC().Format(time.RFC3339))
	}
	next := object.Location{Bucket: r.Bucket, Key: r.Layout.Partial(r.Database, r.id, r.step+1)}
	if _, err := r.Store.Stat(ctx, next); !errors.Is(err, object.ErrNotFound) {
		return false, errors.Join(err, fmt.Errorf("run %s is further than that: go on with %s.%d", r.id, r.id, r.step+1))
	}
	r.claimed, err = r.putClaim(ctx, claim{At: time.Now().UTC()}, attributes.ETag)
	return true, err
}

func (r *run) putClaim(ctx context.Context, c claim, over string) (string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encoding the claim on run %s: %w", r.id, err)
	}
	put, err := r.Store.Put(ctx, r.claimLocation(), data,
		object.PutOptions{Headers: object.Headers{ContentType: "application/json"}, IfMatch: over, IfAbsent: over == ""})
	return put.ETag, err
}

// release lets others go on from the record at once.
func (r *run) release(ctx context.Context) error {
	if r.claimed == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime/4)
	defer cancel()
	_, err := r.putClaim(ctx, claim{At: time.Now().UTC(), Released: true}, r.claimed)
	return err
}
