package object

import (
	"errors"
	"fmt"
)

// Limits are the rules that a plan keeps.
type Limits struct {
	// MinPart and MaxPart bound the size of a part; the last may be smaller.
	// MaxPart must be at least twice MinPart.
	MinPart, MaxPart int64
	// MaxParts bounds their number.
	MaxParts int
	// MinCopySource is the size that an object must exceed before ranges of it
	// can be copied; it is MinPart at most.
	MinCopySource int64
	// CopyPart and UploadPart are the sizes that long stretches are cut into, so
	// that they travel side by side, and uploads fit into memory. Parts grow
	// beyond them when there would be too many.
	CopyPart, UploadPart int64
}

// s3Limits are S3's own (S3 User Guide, "Amazon S3 multipart upload limits";
// API reference, UploadPartCopy, for MinCopySource).
var s3Limits = Limits{
	MinPart: minPart, MaxPart: maxPart, MaxParts: maxParts, MinCopySource: 5 << 20,
	CopyPart: 128 << 20, UploadPart: 8 << 20,
}

// Span is one stretch of the object to be built.
type Span struct {
	// Length is in bytes.
	Length int64
	// Source is true for a range of an existing object, false for own bytes.
	Source bool
	// SourceSize is the size of that object, or a lower bound of it.
	SourceSize int64
	// Whole says that the span is all of that object. Then it can be copied in
	// one piece whatever its size.
	Whole bool
}

// Piece is a part of a span.
type Piece struct {
	Span           int
	Offset, Length int64
}

// PlannedPart is one part of the object to be built: either one range for S3 to
// copy, or pieces to be uploaded, those of sources after a download.
type PlannedPart struct {
	Copy   bool
	Pieces []Piece
}

// Plan lays spans out as parts, in order, such that as few bytes as possible are
// downloaded. The plan is empty when there are no bytes.
//
// What has to be downloaded is, besides sources that are too small to be copied
// from, what fills up the parts that they and own bytes make. A run of them
// between sources that are larger is filled up from these: with less than
// MinPart where the next source has 2·MinPart or more, with less than 2·MinPart
// in any case.
//
// It is optimal as long as the parts are not too many. When they would be, it is
// the best plan whose parts have twice, four times … the smallest size, the first
// of these that is short enough.
func Plan(spans []Span, l Limits) ([]PlannedPart, error) {
	if l.MinPart < 1 || l.MaxPart < 2*l.MinPart || l.MaxParts < 1 || l.MinCopySource > l.MinPart {
		return nil, errors.New("planning parts: the limits contradict each other")
	}
	var total int64
	for i, s := range spans {
		if s.Length < 0 {
			return nil, fmt.Errorf("planning parts: span %d has %d bytes", i, s.Length)
		}
		total += s.Length
	}
	for smallest := l.MinPart; smallest <= l.MaxPart/2; smallest *= 2 {
		stretches := layOut(spans, chooseCopies(spans, smallest, l.MinCopySource))
		if parts, fit := l.cut(stretches); fit {
			return parts, nil
		}
	}
	return nil, fmt.Errorf("planning parts: %d bytes in %d pieces do not fit into %d parts of at most %d bytes",
		total, len(spans), l.MaxParts, l.MaxPart)
}

// stretch is a run of bytes that goes the same way.
type stretch struct {
	copy   bool
	pieces []Piece
	length int64
}

// layOut turns the choice of copied ranges, in order, into stretches.
func layOut(spans []Span, copies []Piece) []stretch {
	var stretches []stretch
	var upload stretch
	add := func(p Piece) {
		if p.Length > 0 {
			upload.pieces = append(upload.pieces, p)
			upload.length += p.Length
		}
	}
	flush := func() {
		if upload.length > 0 {
			stretches = append(stretches, upload)
		}
		upload = stretch{}
	}
	for i, s := range spans {
		if len(copies) == 0 || copies[0].Span != i {
			add(Piece{i, 0, s.Length})
			continue
		}
		c := copies[0]
		copies = copies[1:]
		add(Piece{i, 0, c.Offset})
		flush()
		stretches = append(stretches, stretch{copy: true, pieces: []Piece{c}, length: c.Length})
		end := c.Offset + c.Length
		add(Piece{i, end, s.Length - end})
	}
	flush()
	return stretches
}

// cut divides stretches into parts of the preferred sizes, or of larger ones if
// there would be too many.
func (l Limits) cut(stretches []stretch) ([]PlannedPart, bool) {
	copyPart, uploadPart := l.CopyPart, l.UploadPart
	for {
		count := 0
		for _, s := range stretches {
			count += l.count(s, copyPart, uploadPart)
		}
		if count <= l.MaxParts {
			break
		}
		if copyPart >= l.MaxPart && uploadPart >= l.MaxPart {
			return nil, false
		}
		copyPart, uploadPart = min(2*copyPart, l.MaxPart), min(2*uploadPart, l.MaxPart)
	}
	var parts []PlannedPart
	for _, s := range stretches {
		parts = append(parts, s.divide(l.count(s, copyPart, uploadPart))...)
	}
	return parts, true
}

// count returns into how many equal parts a stretch is divided.
func (l Limits) count(s stretch, copyPart, uploadPart int64) int {
	preferred := uploadPart
	if s.copy {
		preferred = copyPart
	}
	most := max(s.length/l.MinPart, 1)
	return int(max(min(ceil(s.length, preferred), most), ceil(s.length, l.MaxPart)))
}

func ceil(a, b int64) int64 {
	if b <= 0 {
		return 1
	}
	return (a + b - 1) / b
}

// divide cuts a stretch into n parts whose sizes differ by one byte at most.
func (s stretch) divide(n int) []PlannedPart {
	parts := make([]PlannedPart, 0, n)
	pieces, done := s.pieces, int64(0)
	for i := range n {
		part := PlannedPart{Copy: s.copy}
		// s.length·(i+1)/n without the overflow.
		end := s.length/int64(n)*int64(i+1) + s.length%int64(n)*int64(i+1)/int64(n)
		for done < end {
			p := pieces[0]
			p.Length = min(p.Length, end-done)
			part.Pieces = append(part.Pieces, p)
			done += p.Length
			if p.Length == pieces[0].Length {
				pieces = pieces[1:]
				continue
			}
			rest := pieces[0]
			rest.Offset, rest.Length = rest.Offset+p.Length, rest.Length-p.Length
			pieces = append([]Piece{rest}, pieces[1:]...)
		}
		parts = append(parts, part)
	}
	return parts
}
