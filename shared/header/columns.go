package header

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/unload"
)

const (
	// headerName is the object that holds the header of its folder and of those
	// below.
	headerName = "_header"
	// headerLimit bounds a _header object.
	headerLimit = 16 << 20
	// columnsKey is the metadata key of an object's own column names, separated
	// by commas.
	columnsKey = "stagelift-columns"
)

// errNoHeader is returned when a header was looked for everywhere.
var errNoHeader = errors.New("no header")

// columns is a header before it is fitted to the data.
type columns struct {
	// names are to be quoted and joined; or else text is the line as it stands,
	// without its end.
	names []string
	text  []byte
	// place is where they were found.
	place string
}

// line fits the header to the data.
func (c columns) line(d dialect) ([]byte, error) {
	if c.names == nil {
		return slices.Concat(c.text, []byte(d.ending)), nil
	}
	return d.line(c.names)
}

// library keeps what an invocation has read of manifests and _header objects,
// each once however many objects ask for it.
type library struct {
	store *object.Store

	mu    sync.Mutex
	books map[object.Location]*book
}

type book struct {
	once     sync.Once
	text     []byte
	manifest *manifest
	err      error
}

func (l *library) book(at object.Location) *book {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.books[at] == nil {
		l.books[at] = &book{}
	}
	return l.books[at]
}

// read returns a _header object's text, nil if there is none.
func (l *library) read(ctx context.Context, at object.Location) ([]byte, error) {
	b := l.book(at)
	b.once.Do(func() {
		b.text, _, b.err = l.store.Get(ctx, at, headerLimit)
		if errors.Is(b.err, object.ErrNotFound) {
			b.text, b.err = nil, nil
			return
		}
		b.text = bytes.TrimRight(bytes.TrimPrefix(b.text, []byte(bom)), "\r\n")
		if b.err == nil && len(bytes.TrimSpace(b.text)) == 0 {
			b.err = fmt.Errorf("%w: object %s is empty", errNoHeader, at)
		}
	})
	return b.text, b.err
}

// manifest returns a manifest. The error is ErrNotFound or unload.ErrNotManifest
// where there is none.
func (l *library) manifest(ctx context.Context, at object.Location) (*manifest, error) {
	b := l.book(at)
	b.once.Do(func() {
		var text []byte
		if text, _, b.err = l.store.Get(ctx, at, manifestLimit); b.err != nil {
			return
		}
		if b.manifest, b.err = parseManifest(text); b.err != nil {
			b.err = fmt.Errorf("reading manifest %s: %w", at, b.err)
		}
	})
	return b.manifest, b.err
}

// columns finds the header of an object. The places are, in this order: the
// request's list, the manifest that it was named by or one beside it that lists
// it, a _header object in the nearest folder upwards, its own metadata.
func (l *library) columns(ctx context.Context, w *work, of object.Location, metadata map[string]string) (columns, error) {
	if len(w.request.Header) > 0 {
		return columns{names: w.request.Header, place: "the request"}, nil
	}
	if w.manifest != nil && len(w.manifest.names) > 0 {
		return columns{names: w.manifest.names, place: "manifest " + w.manifestAt.String()}, nil
	}
	looked := []string{"the request lists none"}
	if w.manifest != nil {
		looked = append(looked, fmt.Sprintf("manifest %s has no schema (UNLOAD writes one with MANIFEST VERBOSE)", w.manifestAt))
	}
	for _, find := range []func(context.Context, *work, object.Location) (columns, []string, error){l.besideIt, l.above} {
		c, places, err := find(ctx, w, of)
		if err != nil || c.place != "" {
			return c, err
		}
		looked = append(looked, places...)
	}
	if text := metadata[columnsKey]; text != "" {
		names, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			return columns{}, fmt.Errorf("reading the names in its metadata %s: %w", columnsKey, err)
		}
		return columns{names: names, place: "its metadata"}, nil
	}
	looked = append(looked, "its metadata has no "+columnsKey)
	return columns{}, fmt.Errorf("%w: %s", errNoHeader, strings.Join(looked, "; "))
}

// besideIt looks for a manifest that lists the object.
func (l *library) besideIt(ctx context.Context, w *work, of object.Location) (columns, []string, error) {
	var looked []string
	if w.manifest != nil {
		return columns{}, nil, nil
	}
	for _, key := range manifestsBeside(of.Key) {
		at := object.Location{Bucket: of.Bucket, Key: key}
		m, err := l.manifest(ctx, at)
		switch {
		case errors.Is(err, object.ErrNotFound), errors.Is(err, unload.ErrNotManifest):
			looked = append(looked, fmt.Sprintf("there is no manifest %s", at))
		case err != nil:
			return columns{}, nil, err
		case !slices.ContainsFunc(m.entries, func(s source) bool { return s.Location == of }):
			looked = append(looked, fmt.Sprintf("manifest %s does not list it", at))
		case len(m.names) == 0:
			looked = append(looked, fmt.Sprintf("manifest %s has no schema", at))
		default:
			return columns{names: m.names, place: "manifest " + at.String()}, nil, nil
		}
	}
	return columns{}, looked, nil
}

// above looks for _header in the object's folder and those above it, but not
// above the prefix that the function reads from.
func (l *library) above(ctx context.Context, w *work, of object.Location) (columns, []string, error) {
	var looked []string
	folder, _ := split(of.Key)
	for {
		at := object.Location{Bucket: of.Bucket, Key: folder + headerName}
		text, err := l.read(ctx, at)
		switch {
		case err != nil:
			return columns{}, nil, err
		case text != nil:
			return columns{text: text, place: "object " + at.String()}, nil, nil
		}
		looked = append(looked, fmt.Sprintf("there is no object %s", at))
		up, _ := split(strings.TrimSuffix(folder, "/"))
		if folder == "" || of.Bucket == w.job.Source.Bucket && strings.HasPrefix(folder, w.job.Source.Prefix) && !strings.HasPrefix(up, w.job.Source.Prefix) {
			return columns{}, looked, nil
		}
		folder = up
	}
}
