package parquet

// Page types and encodings (Parquet format, PageType and Encoding).
const (
	pageData       = 0
	pageDictionary = 2

	encodingPlain = 0
	// encodingDictionary is what version 1 calls PLAIN_DICTIONARY, in both kinds
	// of pages; the same bytes as version 2's PLAIN and RLE_DICTIONARY.
	encodingDictionary = 2
	encodingRLE        = 3
)

// pages compresses pages and keeps them until their row group is written. Its
// buffers serve all columns.
type pages struct {
	codec codec
	// thorough, where there is one, makes less of the same format and takes
	// longer.
	thorough codec
	store    store
	header   thrift
	// levels, body and packed are a page's levels, what is compressed of it,
	// and what becomes of that; rival is what thorough made of it.
	levels, body, packed, rival []byte
	// expanded counts bytes of values that are larger than they came.
	expanded int64
	// uncompressed and compressed are of all pages so far.
	uncompressed, compressed int64
}

// chunk is one column of a row group.
type chunk struct {
	pages                    []span
	dictionary               span
	values, nulls            int64
	uncompressed, compressed int64
	// indexed is true where there is a dictionary, plain where a page does
	// without.
	indexed, plain bool
	// effort is decided by the first page.
	effort effort
}

// effort is which of two codecs compresses a chunk.
type effort int

const (
	undecided effort = iota
	quick
	thorough
)

// worthEffort is the part of a page, one in so many, that must be saved for the
// thorough codec to be worth its time.
const worthEffort = 20

// page is what a page's header says of it.
type page struct {
	kind, encoding, values int
}

// add compresses a page and keeps it for the chunk.
func (p *pages) add(to *chunk, kept page, body []byte) (span, error) {
	packed, err := p.compress(to, body)
	if err != nil {
		return span{}, err
	}
	p.header.reset()
	kept.describe(&p.header, len(body), len(packed))
	piece := span{from: p.store.size}
	p.store.append(p.header.b)
	p.store.append(packed)
	piece.to = p.store.size
	to.uncompressed += int64(len(p.header.b) + len(body))
	to.compressed += piece.to - piece.from
	p.uncompressed += int64(len(body))
	p.compressed += int64(len(packed))
	return piece, nil
}

// compress returns what is stored of a page of the chunk.
func (p *pages) compress(to *chunk, body []byte) ([]byte, error) {
	var err error
	switch {
	case p.codec.number() == 0:
		// It is the body itself, which is the column's.
		return p.codec.compress(nil, body)
	case p.thorough != nil && to.effort == thorough:
		p.packed, err = p.thorough.compress(p.packed[:0], body)
		return p.packed, err
	}
	p.packed, err = p.codec.compress(p.packed[:0], body)
	// A row larger than a page is not held once more to decide.
	if err != nil || p.thorough == nil || to.effort == quick || len(body) > 2*maxPageBytes {
		return p.packed, err
	}
	p.rival, err = p.thorough.compress(p.rival[:0], body)
	to.effort = quick
	if len(p.packed)-len(p.rival) > len(p.packed)/worthEffort {
		to.effort = thorough
		p.packed, p.rival = p.rival, p.packed
	}
	return p.packed, err
}

// describe writes the header (Parquet format, PageHeader).
func (p page) describe(t *thrift, uncompressed, compressed int) {
	t.begin()
	t.i32(1, p.kind)
	t.i32(2, uncompressed)
	t.i32(3, compressed)
	if p.kind == pageDictionary {
		t.structure(7)
		t.i32(1, p.values)
		t.i32(2, p.encoding)
		t.end()
	} else {
		t.structure(5)
		t.i32(1, p.values)
		t.i32(2, p.encoding)
		t.i32(3, encodingRLE)
		t.i32(4, encodingRLE)
		t.end()
	}
	t.end()
}

// ratio is how well pages have compressed so far.
func (p *pages) ratio() float64 {
	if p.uncompressed == 0 {
		return 1
	}
	return float64(p.compressed) / float64(p.uncompressed)
}

// forget empties the store, and lets go of buffers that a large row has left.
func (p *pages) forget(groupSize int64) {
	p.store.forget(groupSize)
	for _, buffer := range []*[]byte{&p.levels, &p.body, &p.packed, &p.rival} {
		*buffer = trim(*buffer, 2*maxPageBytes)
	}
}

// trim empties a buffer, and drops it when it holds more than so many bytes.
func trim(buffer []byte, most int) []byte {
	if cap(buffer) > most {
		return nil
	}
	return buffer[:0]
}
