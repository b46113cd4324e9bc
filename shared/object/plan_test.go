package object

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small are limits at which every case can be counted on the fingers: a part has
// 3 to 10 bytes, and a source must exceed 3 bytes to be copied from.
var small = Limits{MinPart: 3, MaxPart: 10, MaxParts: 10_000, MinCopySource: 3, CopyPart: 10, UploadPart: 10}

func source(length int64) Span {
	return Span{Length: length, Source: true, SourceSize: length, Whole: true}
}

func own(length int64) Span { return Span{Length: length} }

func TestPlan(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, test := range map[string]struct {
		spans  []Span
		limits Limits
		want   []PlannedPart
	}{
		"nothing":                 {spans: nil, limits: small},
		"spans without bytes":     {spans: []Span{own(0), source(0)}, limits: small},
		"own bytes":               {spans: []Span{own(7)}, limits: small, want: []PlannedPart{{Pieces: []Piece{{0, 0, 7}}}}},
		"a whole object":          {spans: []Span{source(9)}, limits: small, want: []PlannedPart{{Copy: true, Pieces: []Piece{{0, 0, 9}}}}},
		"a small object alone":    {spans: []Span{source(3)}, limits: small, want: []PlannedPart{{Copy: true, Pieces: []Piece{{0, 0, 3}}}}},
		"a range of a small one":  {spans: []Span{{Length: 2, Source: true, SourceSize: 3}}, limits: small, want: []PlannedPart{{Pieces: []Piece{{0, 0, 2}}}}},
		"an object above MaxPart": {spans: []Span{source(11)}, limits: small, want: []PlannedPart{{Copy: true, Pieces: []Piece{{0, 0, 5}}}, {Copy: true, Pieces: []Piece{{0, 5, 6}}}}},
		"a header before a large object": {
			spans: []Span{own(1), source(9)}, limits: small,
			want: []PlannedPart{{Pieces: []Piece{{0, 0, 1}, {1, 0, 2}}}, {Copy: true, Pieces: []Piece{{1, 2, 7}}}},
		},
		"a header before an object that leaves one byte": {
			spans: []Span{own(1), source(4)}, limits: small,
			want: []PlannedPart{{Pieces: []Piece{{0, 0, 1}, {1, 0, 2}}}, {Copy: true, Pieces: []Piece{{1, 2, 2}}}},
		},
		"a header that fills a part": {
			spans: []Span{own(3), source(4)}, limits: small,
			want: []PlannedPart{{Pieces: []Piece{{0, 0, 3}}}, {Copy: true, Pieces: []Piece{{1, 0, 4}}}},
		},
		"a header at Amazon's scale": {
			spans: []Span{own(40), source(300 * mib)}, limits: s3Limits,
			want: []PlannedPart{
				{Pieces: []Piece{{0, 0, 40}, {1, 0, 5*mib - 40}}},
				{Copy: true, Pieces: []Piece{{1, 5*mib - 40, 103109986}}},
				{Copy: true, Pieces: []Piece{{1, 5*mib - 40 + 103109986, 103109987}}},
				{Copy: true, Pieces: []Piece{{1, 5*mib - 40 + 2*103109986 + 1, 103109987}}},
			},
		},
		"slices of a merge touch": {
			spans: []Span{source(4), source(5), source(3)}, limits: small,
			want: []PlannedPart{
				{Copy: true, Pieces: []Piece{{0, 0, 4}}}, {Copy: true, Pieces: []Piece{{1, 0, 5}}}, {Copy: true, Pieces: []Piece{{2, 0, 3}}},
			},
		},
		"a separator takes from the left first": {
			spans: []Span{source(6), own(1), source(6)}, limits: small,
			want: []PlannedPart{
				{Copy: true, Pieces: []Piece{{0, 0, 4}}},
				{Pieces: []Piece{{0, 4, 2}, {1, 0, 1}}},
				{Copy: true, Pieces: []Piece{{2, 0, 6}}},
			},
		},
		"a small slice in the middle is better than two large ones given up": {
			spans: []Span{source(4), source(1), source(9)}, limits: small,
			want: []PlannedPart{
				{Copy: true, Pieces: []Piece{{0, 0, 3}}},
				{Pieces: []Piece{{0, 3, 1}, {1, 0, 1}, {2, 0, 1}}},
				{Copy: true, Pieces: []Piece{{2, 1, 8}}},
			},
		},
		"a range of a large object may be small at the end": {
			spans: []Span{own(3), {Length: 1, Source: true, SourceSize: 50}}, limits: small,
			want: []PlannedPart{{Pieces: []Piece{{0, 0, 3}}}, {Copy: true, Pieces: []Piece{{1, 0, 1}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Plan(test.spans, test.limits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spans  []Span
		limits Limits
	}{
		"more than all parts can hold":     {spans: []Span{source(48 << 40), source(1 << 40)}, limits: s3Limits},
		"a negative length":                {spans: []Span{source(-1)}, limits: s3Limits},
		"limits that allow no equal parts": {spans: []Span{source(9)}, limits: Limits{MinPart: 3, MaxPart: 5, MaxParts: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Plan(test.spans, test.limits); err == nil {
				t.Errorf("plan of %d parts, want an error", len(got))
			}
		})
	}
}

// When S3's number of parts is not enough, plans grow their parts instead of
// failing.
func TestPlanStaysBelowMaxParts(t *testing.T) {
	t.Parallel()
	var separated []Span
	for range 9_000 {
		separated = append(separated, source(20<<20), own(1))
	}
	for name, spans := range map[string][]Span{
		"copied in small ranges":        {source(20 << 40)},
		"uploaded in small parts":       {own(1 << 40)},
		"copies and gaps by the dozens": separated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := Plan(spans, s3Limits)
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, spans, s3Limits, plan)
		})
	}
}

// FuzzPlan compares with an oracle that tries every way to cut the bytes.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{1, 0x89})
	f.Add([]byte{0xa6, 1, 0xa3, 0xa3, 0x86, 0xa2})
	f.Add([]byte{0x86, 1, 0x86})
	f.Add([]byte{0x83, 0x83, 0x84, 1, 0x85, 0x81, 0x8f})
	f.Add([]byte{0x84, 0x81, 0x84, 0x81, 0x84, 0x81, 0x84, 2, 0x90})
	f.Add([]byte{1, 0xc1, 0x83, 0x83, 0x83, 0x82, 0x89, 0x82, 0x84})
	f.Fuzz(func(t *testing.T, seed []byte) {
		if len(seed) > 14 {
			return
		}
		var spans []Span
		for _, b := range seed { // source?, a larger object?, known to be whole?, length
			span := Span{Length: int64(b & 0x1f), Source: b&0x80 != 0}
			if span.Source {
				span.SourceSize = span.Length
				span.Whole = b&0x60 == 0x20
			}
			if b&0x40 != 0 {
				span.SourceSize += 100
			}
			spans = append(spans, span)
		}
		plan, err := Plan(spans, small)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, spans, small, plan)
		if got, want := downloads(spans, plan), leastDownloads(spans, small); got != want {
			t.Errorf("downloads %d bytes, and %d would do\nspans %v\nplan %v", got, want, spans, plan)
		}
	})
}

// FuzzPlanAtScale holds plans of S3's own sizes to S3's rules, and to the bound
// that Plan states.
func FuzzPlanAtScale(f *testing.F) {
	f.Add([]byte{0, 40, 12, 200, 255, 3}, uint16(40))
	f.Add([]byte{21, 21, 22, 1, 23, 40, 41, 0, 0, 80}, uint16(1))
	f.Fuzz(func(t *testing.T, seed []byte, header uint16) {
		if len(seed) > 200 {
			return
		}
		spans := []Span{own(int64(header))}
		for _, b := range seed { // from some bytes to 16 MiB, densest about 5 and 10 MiB
			spans = append(spans, source(int64(b)*(64<<10)+int64(b%7)))
		}
		plan, err := Plan(spans, s3Limits)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, spans, s3Limits, plan)
		if got, most := downloads(spans, plan), downloadBound(spans, s3Limits); got > most {
			t.Errorf("downloads %d bytes, at most %d are allowed\nspans %v\nplan %v", got, most, spans, plan)
		}
	})
}

// downloadBound is what Plan promises: the small sources, and what fills up
// each run of them and of own bytes from the sources beside it.
func downloadBound(spans []Span, l Limits) int64 {
	var bound, run int64
	for _, s := range spans {
		switch {
		case s.Length == 0:
		case !s.Source || s.SourceSize <= l.MinCopySource:
			run += s.Length
			if s.Source {
				bound += s.Length
			}
		default:
			if run > 0 {
				fill := l.MinPart
				if s.Length < 2*l.MinPart {
					fill = 2 * l.MinPart
				}
				bound += fill
			}
			run = 0
		}
	}
	return bound
}

// checkPlan holds a plan to S3's rules, and to all bytes in order.
func checkPlan(t *testing.T, spans []Span, l Limits, plan []PlannedPart) {
	t.Helper()
	if len(plan) > l.MaxParts {
		t.Errorf("%d parts, more than %d", len(plan), l.MaxParts)
	}
	span, offset := 0, int64(0)
	for i, part := range plan {
		var size int64
		for _, p := range part.Pieces {
			for span < len(spans) && offset == spans[span].Length {
				span, offset = span+1, 0
			}
			if p.Span != span || p.Offset != offset || p.Length < 1 {
				t.Fatalf("part %d: piece %v, want one at byte %d of span %d", i+1, p, offset, span)
			}
			offset += p.Length
			size += p.Length
		}
		if size > l.MaxPart || size < l.MinPart && i < len(plan)-1 {
			t.Errorf("part %d of %d has %d bytes", i+1, len(plan), size)
		}
		if s := spans[span]; part.Copy && (len(part.Pieces) != 1 || !s.Source || s.SourceSize <= l.MinCopySource && (!s.Whole || size != s.Length)) {
			t.Errorf("part %d copies what cannot be copied: %v of %v", i+1, part.Pieces, s)
		}
	}
	for span < len(spans) && offset == spans[span].Length {
		span, offset = span+1, 0
	}
	if span != len(spans) {
		t.Errorf("the plan ends at byte %d of span %d, there are %d", offset, span, len(spans))
	}
}

func downloads(spans []Span, plan []PlannedPart) int64 {
	var total int64
	for _, part := range plan {
		for _, p := range part.Pieces {
			if !part.Copy && spans[p.Span].Source {
				total += p.Length
			}
		}
	}
	return total
}

// leastDownloads finds the optimum the slow way: over all ends of all parts.
func leastDownloads(spans []Span, l Limits) int64 {
	var owner []int // span of each byte
	for i, s := range spans {
		for range s.Length {
			owner = append(owner, i)
		}
	}
	const never = 1 << 60
	least := make([]int64, len(owner)+1)
	for end := 1; end <= len(owner); end++ {
		least[end] = never
		for start := max(0, end-int(l.MaxPart)); start < end; start++ {
			if end-start < int(l.MinPart) && end < len(owner) || least[start] == never {
				continue
			}
			least[end] = min(least[end], least[start]+partDownloads(spans, l, owner[start:end]))
		}
	}
	return least[len(owner)]
}

func partDownloads(spans []Span, l Limits, owner []int) int64 {
	first := spans[owner[0]]
	whole := first.Whole && int64(len(owner)) == first.Length
	if owner[0] == owner[len(owner)-1] && first.Source && (first.SourceSize > l.MinCopySource || whole) {
		return 0
	}
	var total int64
	for _, o := range owner {
		if spans[o].Source {
			total++
		}
	}
	return total
}
