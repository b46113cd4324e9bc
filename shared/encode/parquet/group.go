package parquet

// closeGroup writes the row group, if it has rows, and remembers it for the
// footer.
func (e *Encoder) closeGroup() error {
	if e.rows == 0 {
		return nil
	}
	for i := range e.columns {
		if err := e.columns[i].closeChunk(); err != nil {
			return err
		}
	}
	from, uncompressed := e.written, int64(0)
	e.footer.begin()
	e.footer.list(1, thriftStruct, len(e.columns))
	for i := range e.columns {
		c := &e.columns[i]
		if err := e.writeChunk(c); err != nil {
			return err
		}
		uncompressed += c.chunk.uncompressed
	}
	e.footer.i64(2, uncompressed)
	e.footer.i64(3, e.rows)
	e.footer.i64(5, from)
	e.footer.i64(6, e.written-from)
	e.footer.end()
	e.groups++
	e.total += e.rows
	e.forget()
	return nil
}

// writeChunk writes a column's pages, its dictionary first.
func (e *Encoder) writeChunk(c *column) error {
	from := e.written
	if err := e.pages.store.writeTo(e.write, c.chunk.dictionary); err != nil {
		return err
	}
	data := e.written
	for _, page := range c.chunk.pages {
		if err := e.pages.store.writeTo(e.write, page); err != nil {
			return err
		}
	}
	c.describeChunk(&e.footer, from, data, e.pages.codec.number())
	return nil
}

// forget makes room for the next row group.
func (e *Encoder) forget() {
	e.rows, e.open, e.unmeasured, e.pages.expanded = 0, 0, 0, 0
	for i := range e.columns {
		e.columns[i].forget(e.pageSize)
	}
	e.pages.forget(e.groupSize)
}
