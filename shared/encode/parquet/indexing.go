package parquet

// Whether a column has a dictionary is decided anew in each row group, from its
// first page: there, values go through the dictionary until it is hopeless, is
// full or the page is. What it holds by then tells whether it pays; if it does
// not, the page becomes one of plain values, and so are all that follow.

// putIndex takes a value that the dictionary has, which is so many bytes as
// PLAIN has it.
func (c *column) putIndex(index uint32, plain int) error {
	c.indices = append(c.indices, index)
	c.indexed += plain
	if !c.chunk.indexed && c.dictionary.hopeless(len(c.indices)) {
		c.unindex()
	}
	return nil
}

// worthwhile tells whether the open page's indices are to stay.
func (c *column) worthwhile() bool {
	return c.chunk.indexed || c.dictionary.pays(len(c.indices), c.indexed)
}

// leaveDictionary goes on with plain values, for one that does not fit into the
// dictionary.
func (c *column) leaveDictionary() error {
	if len(c.indices) > 0 && c.worthwhile() {
		if err := c.closePage(); err != nil {
			return err
		}
		c.dictionary.open = false
		return nil
	}
	if c.chunk.indexed {
		c.dictionary.open = false
		return nil
	}
	c.unindex()
	return nil
}

// unindex turns the open page's indices into the values that they stand for,
// and drops the dictionary, which no other page knows.
func (c *column) unindex() {
	for _, index := range c.indices {
		c.values = append(c.values, c.dictionary.plain(index)...)
	}
	c.indices, c.indexed = c.indices[:0], 0
	c.dictionary.drop()
}
