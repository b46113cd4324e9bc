package header

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/trigger"
)

// handling is one invocation.
type handling struct {
	job     *Job
	library *library
}

// works is how many copies are made side by side.
const works = 8

// outcome is what became of one work; done is false if it was not begun.
type outcome struct {
	headed Headed
	err    error
	done   bool
}

// event deals with the objects of an event. They are held to the source place:
// what it may read and write is the operator's to say, not the event's.
func (h *handling) event(ctx context.Context, objects []trigger.Object) (Answer, error) {
	var list []*work
	var problems []error
	for _, o := range objects {
		if o.Bucket != h.job.Source.Bucket || !strings.HasPrefix(o.Key, h.job.Source.Prefix) {
			return Answer{}, fmt.Errorf("object s3://%s/%s is not below s3://%s/%s, which is all that this function reads",
				o.Bucket, o.Key, h.job.Source.Bucket, h.job.Source.Prefix)
		}
		request := h.job.Options
		request.Bucket, request.Key = o.Bucket, o.Key
		p, err := h.plan(ctx, &request)
		if err == nil {
			err = h.job.within(p.works)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("giving s3://%s/%s its header: %w", o.Bucket, o.Key, err))
			continue
		}
		for _, w := range p.works {
			if request.Merge && !w.merge && w.skip == "" {
				w.skip = "it waits for its manifest"
			}
		}
		list = append(list, p.works...)
	}
	outcomes := h.do(ctx, unique(list))
	answer, failed, missed := h.sum(ctx, outcomes)
	if missed >= 0 {
		failed = append(failed, outcomes[missed].err, fmt.Errorf("%w: %d of %d objects are done; the others will be when the event comes again", errOutOfTime, len(answer.Objects), len(outcomes)))
	}
	return answer, errors.Join(append(problems, failed...)...)
}

// within refuses what a manifest lists outside of the source place.
func (j *Job) within(list []*work) error {
	for _, w := range list {
		for _, s := range w.sources {
			if s.Bucket != j.Source.Bucket || !strings.HasPrefix(s.Key, j.Source.Prefix) {
				return fmt.Errorf("its manifest lists %s, which is not below s3://%s/%s", s.Location, j.Source.Bucket, j.Source.Prefix)
			}
		}
	}
	return nil
}

// unique leaves out what would be made twice, as when an event tells of a slice
// and of the manifest that lists it.
func unique(list []*work) []*work {
	type copied struct{ from, to object.Location }
	seen := map[copied]bool{}
	var once []*work
	for _, w := range list {
		c := copied{w.sources[0].Location, w.to}
		if w.skip == "" && seen[c] {
			continue
		}
		seen[c] = w.skip == ""
		once = append(once, w)
	}
	return once
}

// request deals with a direct request.
func (h *handling) request(ctx context.Context, request Request) (Answer, error) {
	p, err := h.plan(ctx, &request)
	if err != nil {
		return Answer{}, fmt.Errorf("giving s3://%s/%s%s%s its header: %w", request.Bucket, request.Key, request.Manifest, request.Prefix, err)
	}
	if len(p.works) == 1 {
		p.works[0].keep = true
	}
	outcomes := h.do(ctx, p.works)
	answer, problems, missed := h.sum(ctx, outcomes)
	if missed < 0 {
		answer.Continuation = p.rest
		return answer, errors.Join(problems...)
	}
	made := slices.ContainsFunc(answer.Objects, func(o Headed) bool { return o.Skipped == "" })
	if kept, ok := errors.AsType[*resumable](outcomes[missed].err); ok {
		again := request
		again.Continue.Upload, again.Continue.Recipe = kept.UploadID, kept.recipe
		answer.Continuation = &again
		h.job.Log.InfoContext(ctx, "object unfinished", "destination", p.works[missed].to.String(),
			"parts", kept.Done, "parts_of", kept.Parts, "bytes", kept.Bytes, "bytes_of", kept.Size)
	} else if made || missed > 0 {
		answer.Continuation = p.from(p.works[missed])
	} else { // to go on would end here again
		problems = append(problems, errOutOfTime, outcomes[missed].err)
	}
	return answer, errors.Join(problems...)
}

// do makes the copies. It begins none once time is up.
func (h *handling) do(ctx context.Context, list []*work) []outcome {
	outcomes := make([]outcome, len(list))
	var group errgroup.Group
	group.SetLimit(works)
	for i, w := range list {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			headed, err := w.make(ctx)
			outcomes[i] = outcome{headed, err, true}
			return nil
		})
	}
	_ = group.Wait() // errors are in the outcomes
	return outcomes
}

// sum puts the outcomes into an answer. missed is the first that ran out of time,
// -1 if none did.
func (h *handling) sum(ctx context.Context, outcomes []outcome) (answer Answer, problems []error, missed int) {
	answer, missed = Answer{Objects: []Headed{}}, -1
	for i, o := range outcomes {
		switch {
		case !o.done || errors.Is(o.err, errOutOfTime):
			if missed < 0 {
				missed = i
			}
		case o.err != nil:
			problems = append(problems, o.err)
		default:
			h.log(ctx, o.headed)
			answer.Objects = append(answer.Objects, o.headed)
		}
	}
	if err := h.measure(answer.Objects, len(problems)); err != nil {
		h.job.Log.WarnContext(ctx, "metrics not written", "error", err)
	}
	return answer, problems, missed
}

func (h *handling) log(ctx context.Context, o Headed) {
	if o.Skipped != "" {
		h.job.Log.InfoContext(ctx, "object skipped", "source", o.Source, "reason", o.Skipped)
		return
	}
	h.job.Log.InfoContext(ctx, "object headed", "source", o.Source, "sources", o.Sources, "destination", o.Destination, "header", o.Header,
		"bytes", o.Bytes, "downloaded", o.Downloaded, "uploaded", o.Uploaded, "copied", o.Copied, "parts", o.Parts, "seconds", o.Seconds)
}

// measure writes one line of metrics for the invocation.
func (h *handling) measure(objects []Headed, failed int) error {
	var total Headed
	made := 0
	for _, o := range objects {
		if o.Skipped == "" {
			made++
		}
		total.Downloaded, total.Uploaded, total.Copied = total.Downloaded+o.Downloaded, total.Uploaded+o.Uploaded, total.Copied+o.Copied
		total.Parts, total.Seconds = total.Parts+o.Parts, total.Seconds+o.Seconds
	}
	return h.job.Metrics.Write([]metrics.Dimension{{Name: "Function", Value: "header"}},
		metrics.Metric{Name: "ObjectsHeaded", Unit: metrics.Count, Value: float64(made)},
		metrics.Metric{Name: "ObjectsSkipped", Unit: metrics.Count, Value: float64(len(objects) - made)},
		metrics.Metric{Name: "ObjectsFailed", Unit: metrics.Count, Value: float64(failed)},
		metrics.Metric{Name: "BytesDownloaded", Unit: metrics.Bytes, Value: float64(total.Downloaded)},
		metrics.Metric{Name: "BytesUploaded", Unit: metrics.Bytes, Value: float64(total.Uploaded)},
		metrics.Metric{Name: "BytesCopied", Unit: metrics.Bytes, Value: float64(total.Copied)},
		metrics.Metric{Name: "Parts", Unit: metrics.Count, Value: float64(total.Parts)},
		metrics.Metric{Name: "HeaderTime", Unit: metrics.Seconds, Value: total.Seconds})
}
