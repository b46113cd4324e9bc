package stage

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/strict"
)

// Shelf is the bucket that documents lie in.
type Shelf struct {
	Store  *object.Store
	Bucket string
}

// Document is a JSON document at one key, which several may want to write. It is
// written whole, if it is absent or over the very version that was read, and read
// strictly.
type Document[T any] struct {
	Shelf Shelf
	Key   string
}

// Expiring are the tags of what may be removed when it is old: parts and
// manifests. Everything else is small, and says what was read; states that are in
// use need it, so no rule that removes objects by their age may reach it.
var Expiring = map[string]string{"stagelift": "staged"}

// documentLimit bounds what is read as a document.
const documentLimit = 256 << 20

// Document[T] is At its key.
func (d Document[T]) at() object.Location { return object.Location{Bucket: d.Shelf.Bucket, Key: d.Key} }

// String returns where the document lies.
func (d Document[T]) String() string { return d.at().String() }

// checker is a document that knows what is wrong with it.
type checker interface{ check() error }

// Read returns the document and its ETag. The error is object.ErrNotFound when
// there is none.
func (d Document[T]) Read(ctx context.Context) (value T, etag string, err error) {
	data, attributes, err := d.Shelf.Store.Get(ctx, d.at(), documentLimit)
	if err != nil {
		return value, "", err
	}
	if err := strict.Decode(data, &value); err != nil {
		return value, "", fmt.Errorf("reading %s: %w", d, err)
	}
	if c, checks := any(value).(checker); checks {
		err = c.check()
	}
	if err != nil {
		return value, "", fmt.Errorf("reading %s: %w", d, err)
	}
	return value, attributes.ETag, nil
}

// Create writes the document if there is none, and returns its ETag. The error is
// object.ErrExists when there is one.
func (d Document[T]) Create(ctx context.Context, value T) (string, error) {
	return d.put(ctx, value, object.PutOptions{IfAbsent: true})
}

// Replace writes the document over the version with this ETag; empty is none, as
// for Create. Conflict tells of an error that somebody else has written.
func (d Document[T]) Replace(ctx context.Context, value T, etag string) (string, error) {
	return d.put(ctx, value, object.PutOptions{IfMatch: etag, IfAbsent: etag == ""})
}

func (d Document[T]) put(ctx context.Context, value T, o object.PutOptions) (string, error) {
	data, err := encode(value)
	if err != nil {
		return "", fmt.Errorf("encoding %s: %w", d, err)
	}
	o.Headers = object.Headers{ContentType: "application/json"}
	put, err := d.Shelf.Store.Put(ctx, d.at(), data, o)
	return put.ETag, err
}

// Conflict tells whether a document was not written because another version of it
// is there, or none any more.
func Conflict(err error) bool {
	return errors.Is(err, object.ErrExists) || errors.Is(err, object.ErrChanged) || errors.Is(err, object.ErrNotFound)
}
