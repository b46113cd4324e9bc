package header

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/unload"
)

// plan is what a request comes down to.
type plan struct {
	request *Request
	works   []*work
	// rest is the request for what a listing had besides; nil if nothing.
	rest *Request
}

// listed is how many objects of a prefix one invocation takes on.
const listed = 10_000

// plan finds out what a request is about.
func (h *handling) plan(ctx context.Context, r *Request) (*plan, error) {
	switch {
	case len(r.Keys) > 0:
		return h.spread(r, keysOf(r), "", object.Location{}, nil)
	case r.Prefix != "":
		return h.below(ctx, r)
	case r.Manifest != "":
		at := object.Location{Bucket: r.Bucket, Key: r.Manifest}
		m, err := h.library.manifest(ctx, at)
		if err != nil {
			return nil, err
		}
		return h.spread(r, m.entries, manifestStem(at.Key), at, m)
	}
	at := object.Location{Bucket: r.Bucket, Key: r.Key}
	if isManifestKey(r.Key) {
		switch m, err := h.library.manifest(ctx, at); {
		case err == nil:
			return h.spread(r, m.entries, manifestStem(at.Key), at, m)
		case !errors.Is(err, unload.ErrNotManifest):
			return nil, err
		}
	}
	return h.single(r, source{at, -1, 0})
}

// single is one object by itself, which is no merge.
func (h *handling) single(r *Request, s source) (*plan, error) {
	w := &work{job: h.job, library: h.library, request: r, sources: []source{s}}
	if _, name := split(s.Key); name == headerName {
		w.skip = "it is a header itself"
		return &plan{request: r, works: []*work{w}}, nil
	}
	var err error
	w.to, err = h.job.destination(r, s.Key)
	return &plan{request: r, works: []*work{w}}, err
}

// spread is several objects, to be merged under the name of stem or each by
// itself.
func (h *handling) spread(r *Request, sources []source, stem string, at object.Location, m *manifest) (*plan, error) {
	for _, s := range sources {
		if s.Bucket != r.Bucket {
			return nil, fmt.Errorf("manifest %s lists %s, in another bucket", at, s.Location)
		}
	}
	p := &plan{request: r}
	add := func(sources []source, key string) error {
		to, err := h.job.destination(r, key)
		if err != nil {
			return fmt.Errorf("%s: %w", sources[0].Location, err)
		}
		p.works = append(p.works, &work{
			job: h.job, library: h.library, request: r, sources: sources, merge: r.Merge, manifest: m, manifestAt: at, to: to,
		})
		return nil
	}
	if len(sources) == 0 {
		return p, nil
	}
	if r.Merge {
		if first := sources[0].Key; stem == "" || strings.HasPrefix(first, h.job.Source.Prefix) && !strings.HasPrefix(stem, h.job.Source.Prefix) {
			folder, _ := split(first)
			stem = folder + "merged"
		}
		return p, add(sources, stem)
	}
	var problems []error
	for _, s := range sources[min(r.Continue.From, len(sources)):] {
		problems = append(problems, add([]source{s}, s.Key))
	}
	return p, errors.Join(append(problems, p.distinct())...)
}

// distinct refuses copies that would replace each other.
func (p *plan) distinct() error {
	taken := map[object.Location]object.Location{}
	for _, w := range p.works {
		from := w.sources[0].Location
		if other, is := taken[w.to]; is {
			return fmt.Errorf("the copies of %s and %s would both be %s; put {key} into destination.key", other, from, w.to)
		}
		taken[w.to] = from
	}
	return nil
}

func keysOf(r *Request) []source {
	seen := map[string]bool{}
	var sources []source
	for _, key := range r.Keys {
		if !seen[key] {
			sources = append(sources, source{object.Location{Bucket: r.Bucket, Key: key}, -1, len(sources)})
		}
		seen[key] = true
	}
	return sources
}

// below lists a prefix. Headers, manifests and what stands for a folder are not
// data.
func (h *handling) below(ctx context.Context, r *Request) (*plan, error) {
	var sources []source
	more := false
	for o, err := range h.job.Store.List(ctx, r.Bucket, r.Prefix, r.Continue.After) {
		if err != nil {
			return nil, err
		}
		_, name := split(o.Key)
		if name == headerName || isManifestKey(o.Key) || strings.HasSuffix(o.Key, "/") {
			continue
		}
		if more = len(sources) == listed && !r.Merge; more {
			break
		}
		sources = append(sources, source{object.Location{Bucket: r.Bucket, Key: o.Key}, -1, len(sources)})
	}
	p, err := h.spread(r, sources, strings.TrimRight(r.Prefix, "/_-."), object.Location{}, nil)
	if err == nil && more {
		p.rest = p.after(sources[len(sources)-1].Key)
	}
	return p, err
}

// from is the request for a work and all that come after it.
func (p *plan) from(w *work) *Request {
	if p.request.Prefix == "" {
		again := *p.request
		again.Continue = Continue{From: w.sources[0].place}
		return &again
	}
	before := p.request.Continue.After
	for _, earlier := range p.works {
		if earlier == w {
			break
		}
		before = earlier.sources[0].Key
	}
	return p.after(before)
}

func (p *plan) after(key string) *Request {
	again := *p.request
	again.Continue = Continue{After: key}
	return &again
}
