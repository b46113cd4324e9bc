package parquet

import "encoding/binary"

// Runs of bit-packed values count in groups of eight. They are kept short, so
// that their header is one byte: some readers were written with writers in mind
// that never have longer ones.
const maxGroups = 63

// levels are a page's definition levels: 1 for a value, 0 for NULL.
type levels struct {
	n, nulls int
	// bits has a bit for each, but only once there is a NULL.
	bits []byte
}

func (l *levels) present() {
	if l.nulls > 0 {
		l.grow()
		l.bits[l.n/8] |= 1 << (l.n % 8)
	}
	l.n++
}

func (l *levels) absent() {
	if l.nulls == 0 {
		for len(l.bits) < l.n/8 {
			l.bits = append(l.bits, 0xff)
		}
		if ones := l.n % 8; ones > 0 {
			l.bits = append(l.bits, 1<<ones-1)
		}
	}
	l.grow()
	l.n++
	l.nulls++
}

func (l *levels) grow() {
	if l.n%8 == 0 {
		l.bits = append(l.bits, 0)
	}
}

func (l *levels) size() int { return len(l.bits) }

func (l *levels) reset() { *l = levels{bits: l.bits[:0]} }

// append appends the levels as pages of version 1 have them, behind their
// length.
func (l *levels) append(to []byte) []byte {
	start := len(to)
	to = append(to, 0, 0, 0, 0)
	switch l.nulls {
	case 0:
		to = appendRun(to, 1, l.n, 1)
	case l.n:
		to = appendRun(to, 0, l.n, 1)
	default:
		for bits := l.bits; len(bits) > 0; {
			n := min(len(bits), maxGroups)
			to = append(to, byte(n<<1|1)) //nolint:gosec // at most 127
			to = append(to, bits[:n]...)
			bits = bits[n:]
		}
	}
	binary.LittleEndian.PutUint32(to[start:], uint32(len(to)-start-4)) //nolint:gosec // of at most a page's rows
	return to
}

// appendRun appends one value n times over.
func appendRun(to []byte, value uint32, n, width int) []byte {
	to = binary.AppendUvarint(to, uint64(n)<<1) //nolint:gosec // a count
	for ; width > 0; width -= 8 {
		to = append(to, byte(value))
		value >>= 8
	}
	return to
}

// appendIndices appends indices of so many bits in the hybrid of runs and
// packed groups that the format calls RLE.
func appendIndices(to []byte, indices []uint32, width int) []byte {
	packed := 0 // those before it are appended
	for i := 0; i < len(indices); {
		run := i + 1
		for run < len(indices) && indices[run] == indices[i] {
			run++
		}
		// Packed groups are of eight, so that a run can only begin where one
		// ends. Short runs are smaller packed.
		if run-i < 16 {
			i += 8
			continue
		}
		to = appendPacked(to, indices[packed:i], width)
		to = appendRun(to, indices[i], run-i, width)
		i, packed = run, run
	}
	return appendPacked(to, indices[packed:], width)
}

func appendPacked(to []byte, indices []uint32, width int) []byte {
	for len(indices) > 0 {
		n := min(len(indices), 8*maxGroups)
		groups := (n + 7) / 8
		to = append(to, byte(groups<<1|1)) //nolint:gosec // at most 127
		end := len(to) + groups*width
		var bits uint64
		filled := 0
		for _, index := range indices[:n] {
			bits |= uint64(index) << filled
			for filled += width; filled >= 8; filled -= 8 {
				to = append(to, byte(bits))
				bits >>= 8
			}
		}
		if filled > 0 {
			to = append(to, byte(bits))
		}
		for len(to) < end {
			to = append(to, 0)
		}
		indices = indices[n:]
	}
	return to
}
