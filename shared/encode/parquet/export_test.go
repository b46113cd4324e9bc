package parquet

// Footprint is how many bytes the encoder's buffers hold, used or not.
func (e *Encoder) Footprint() int64 {
	sum := int64(len(e.pages.store.blocks)) * blockBytes
	sum += int64(cap(e.pages.levels) + cap(e.pages.body) + cap(e.pages.packed) + cap(e.pages.rival))
	for i := range e.columns {
		c := &e.columns[i]
		sum += int64(cap(c.values) + 4*cap(c.indices) + cap(c.levels.bits) + cap(c.scratch))
		sum += int64(cap(c.dictionary.values) + 4*cap(c.dictionary.ends) + 4*cap(c.dictionary.slots))
	}
	return sum
}

// Held is how many bytes pages hold, open or kept.
func (e *Encoder) Held() int64 { return e.pages.store.size + e.open + e.unmeasured }
