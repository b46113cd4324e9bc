package parquet

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

const maxEntries = 1 << 16

// dictionary numbers the distinct values of a column in a row group. It is a
// hash table of its own: a map would allocate for each entry.
type dictionary struct {
	// repeats is true for a column that has dictionaries; open as long as this
	// row group's takes values.
	repeats, open bool
	// lengths is true when each entry is behind its length.
	lengths   bool
	mostBytes int
	most      int

	values []byte // the dictionary page
	ends   []uint32
	slots  []uint32 // an entry's number plus one, 0 when free
	seed   maphash.Seed
}

func (d *dictionary) init(repeats, lengths bool, pageSize int) {
	*d = dictionary{
		repeats: repeats, open: repeats, lengths: lengths,
		mostBytes: pageSize, most: min(maxEntries, pageSize/16), seed: maphash.MakeSeed(),
	}
}

// index returns the number of a value; false when it is new and the dictionary
// full.
func (d *dictionary) index(value []byte) (uint32, bool) {
	if len(d.slots) == 0 {
		d.slots = make([]uint32, 64)
	}
	slot := d.find(value)
	if d.slots[slot] > 0 {
		return d.slots[slot] - 1, true
	}
	if len(d.ends) >= d.most || len(d.values)+len(value)+4 > d.mostBytes {
		return 0, false
	}
	if d.lengths {
		d.values = binary.LittleEndian.AppendUint32(d.values, uint32(len(value))) //nolint:gosec // less than a page
	}
	d.values = append(d.values, value...)
	d.ends = append(d.ends, uint32(len(d.values))) //nolint:gosec // at most a page
	number := uint32(len(d.ends))                  //nolint:gosec // at most maxEntries
	d.slots[slot] = number
	if 2*len(d.ends) > len(d.slots) {
		d.grow()
	}
	return number - 1, true
}

// find returns the slot that a value has, or would have.
func (d *dictionary) find(value []byte) uint64 {
	mask := uint64(len(d.slots) - 1) //nolint:gosec // a length
	slot := maphash.Bytes(d.seed, value) & mask
	for d.slots[slot] > 0 && !bytes.Equal(d.entry(d.slots[slot]-1), value) {
		slot = (slot + 1) & mask
	}
	return slot
}

func (d *dictionary) entry(i uint32) []byte {
	var from uint32
	if i > 0 {
		from = d.ends[i-1]
	}
	if d.lengths {
		from += 4
	}
	return d.values[from:d.ends[i]]
}

func (d *dictionary) grow() {
	d.slots = make([]uint32, 2*len(d.slots))
	for i := range d.ends {
		number := uint32(i)
		d.slots[d.find(d.entry(number))] = number + 1
	}
}

func (d *dictionary) entries() int { return len(d.ends) }

// width is how many bits an index needs. It is at least one, although none
// would do for a single entry: not every reader expects that.
func (d *dictionary) width() int { return max(1, bits.Len(uint(len(d.ends)-1))) }

// size is how many bytes the dictionary takes.
func (d *dictionary) size() int {
	if len(d.ends) == 0 {
		return 0
	}
	return len(d.values) + 4*len(d.ends) + 4*len(d.slots)
}

// forget empties the dictionary for the next row group.
func (d *dictionary) forget() {
	if len(d.ends) > 0 {
		clear(d.slots)
	}
	d.values, d.ends, d.open = d.values[:0], d.ends[:0], d.repeats
}
