package header

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
)

// Prepend writes the headed copy of one object.
func (j *Job) Prepend(ctx context.Context, request Request) (Headed, error) {
	headed, err := j.prepend(ctx, object.Location{Bucket: request.Bucket, Key: request.Key}, request)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errOutOfTime) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if err != nil {
		return headed, fmt.Errorf("giving %s its header: %w", headed.Source, err)
	}
	return headed, nil
}

func (j *Job) prepend(ctx context.Context, source object.Location, request Request) (Headed, error) {
	headed := Headed{Source: source.String()}
	if _, name := split(request.Key); name == headerName {
		return j.skip(ctx, headed, "it is a header itself")
	}
	destination, err := j.destination(request)
	if err != nil {
		return headed, err
	}
	attributes, err := j.Store.Stat(ctx, source)
	switch {
	case err != nil:
		return headed, err
	case attributes.Metadata[mark] != "":
		return j.skip(ctx, headed, "it was written by this function")
	case attributes.Size == 0 && strings.HasSuffix(request.Key, "/"):
		return j.skip(ctx, headed, "it stands for a folder")
	}
	line, err := j.line(ctx, request)
	if err != nil {
		return headed, err
	}
	start, err := j.start(ctx, source, attributes)
	if err != nil {
		return headed, err
	}
	if line, err = fit(line, request.Key, start); err != nil {
		return headed, err
	}
	result, err := j.compose(ctx, source, attributes, line, destination)
	if err != nil {
		return headed, err
	}
	headed.Destination, headed.Bytes = destination.String(), result.Size
	headed.Downloaded, headed.Uploaded, headed.Copied = result.Downloaded+int64(len(start)), result.Uploaded, result.Copied
	j.Log.InfoContext(ctx, "object headed", "source", headed.Source, "destination", headed.Destination,
		"bytes", headed.Bytes, "downloaded", headed.Downloaded, "uploaded", headed.Uploaded, "copied", headed.Copied)
	return headed, nil
}

func (j *Job) skip(ctx context.Context, headed Headed, reason string) (Headed, error) {
	headed.Skipped = reason
	j.Log.InfoContext(ctx, "object skipped", "source", headed.Source, "reason", headed.Skipped)
	return headed, nil
}

// split cuts a key behind its last slash.
func split(key string) (folder, name string) {
	at := strings.LastIndexByte(key, '/') + 1
	return key[:at], key[at:]
}

// destination fills in what the request leaves open: the destination's bucket,
// and the source's key with one prefix in place of the other.
func (j *Job) destination(request Request) (object.Location, error) {
	to := object.Location{
		Bucket: cmp.Or(request.Destination.Bucket, j.Destination.Bucket),
		Key:    request.Destination.Key,
	}
	if to.Key == "" {
		rest, below := strings.CutPrefix(request.Key, j.Source.Prefix)
		if request.Bucket != j.Source.Bucket || !below {
			return to, fmt.Errorf("it is not below s3://%s/%s, so the request must give destination.key", j.Source.Bucket, j.Source.Prefix)
		}
		to.Key = j.Destination.Prefix + rest
		if to.Bucket == j.Source.Bucket && strings.HasPrefix(to.Key, j.Source.Prefix) {
			return to, fmt.Errorf("its copy would be %s, among the objects that are read, and might replace one of them; name another key", to)
		}
	}
	if to.Bucket == request.Bucket && to.Key == request.Key {
		return to, errors.New("the destination is the source itself; name another key")
	}
	return to, nil
}

// line finds the header: the request's list, or the _header object beside the
// data, whose text is taken as it stands.
func (j *Job) line(ctx context.Context, request Request) ([]byte, error) {
	if len(request.Header) > 0 {
		return encode.CSVHeader(request.Header, ","), nil
	}
	folder, _ := split(request.Key)
	beside := object.Location{Bucket: request.Bucket, Key: folder + headerName}
	text, _, err := j.Store.Get(ctx, beside, headerLimit)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return nil, fmt.Errorf("no header: the request lists none, and there is no object %s", beside)
	case err != nil:
		return nil, err
	case len(strings.TrimSpace(string(text))) == 0:
		return nil, fmt.Errorf("no header: object %s is empty", beside)
	case text[len(text)-1] != '\n':
		text = append(text, '\n')
	}
	return text, nil
}

// start reads the first bytes of the source, by which it is judged.
func (j *Job) start(ctx context.Context, source object.Location, a object.Attributes) ([]byte, error) {
	if a.Size == 0 {
		return nil, nil
	}
	r, err := j.Store.Open(ctx, source, object.OpenOptions{ETag: a.ETag, VersionID: a.VersionID, Length: min(a.Size, startBytes)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// compose writes the copy. The ETag pins the source: if it changes meanwhile,
// the copy fails instead of mixing two versions.
func (j *Job) compose(ctx context.Context, source object.Location, from object.Attributes, line []byte, to object.Location) (object.ComposeResult, error) {
	tags, err := j.Store.Tags(ctx, source, from.VersionID)
	if err != nil {
		return object.ComposeResult{}, err
	}
	metadata := maps.Clone(from.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[mark] = from.ETag
	segments := []object.Segment{{Bytes: line}}
	if from.Size > 0 {
		segments = append(segments, object.Segment{Source: source, ETag: from.ETag, VersionID: from.VersionID, Length: from.Size})
	}
	return j.Store.Compose(ctx, to, segments, object.ComposeOptions{
		ContentType: from.ContentType, ContentEncoding: from.ContentEncoding, ContentDisposition: from.ContentDisposition,
		ContentLanguage: from.ContentLanguage, CacheControl: from.CacheControl,
		StorageClass: from.StorageClass, Metadata: metadata, Tags: tags,
	})
}
