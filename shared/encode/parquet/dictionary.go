package parquet

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

const (
	maxEntries = 1 << 16
	// trialValues are looked at before a dictionary that nobody promised to pay
	// may be given up, since hashing what does not repeat is for nothing. One
	// value in eight must have come before: that leaves a column of 20,000
	// values in no order its dictionary, and a key none.
	trialValues = 1 << 12
	trialRepeat = 8
	// dictionaryOverhead is what a dictionary costs besides its entries: a page
	// header and an offset in the footer.
	dictionaryOverhead = 64
)

// dictionary numbers the distinct values of a column in a row group. It is a
// hash table of its own: a map would allocate for each entry.
type dictionary struct {
	// possible is false for a column that has none; open as long as this row
	// group's takes values.
	possible, open bool
	// promised is true where statistics say that values repeat.
	promised bool
	// lengths is true when each entry is behind its length; numbers is 4 or 8
	// where each is a number of so many bytes.
	lengths   bool
	numbers   int
	mostBytes int
	most      int

	values []byte // the dictionary page
	ends   []uint32
	slots  []uint32 // an entry's number plus one, 0 when free
	seed   maphash.Seed
	// key makes the numbers' hash another in each process, so that no table's
	// rows can be made to meet in one slot.
	key uint64
}

func (d *dictionary) init(form form, promised bool, pageSize int) {
	seed := maphash.MakeSeed()
	*d = dictionary{
		possible: form.store != storeBit, promised: promised, lengths: form.store == storeBytes,
		mostBytes: pageSize, most: min(maxEntries, pageSize/16), seed: seed, key: maphash.Bytes(seed, nil),
	}
	switch form.store {
	case storeFour:
		d.numbers = 4
	case storeEight:
		d.numbers = 8
	case storeBytes, storeBit, storeFixed:
	}
	d.open = d.possible
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

// index64 is index of a number of eight bytes, which needs no look at bytes.
func (d *dictionary) index64(v uint64) (uint32, bool) {
	if mask := len(d.slots) - 1; mask > 0 {
		for slot := int(d.hash(v)) & mask; d.slots[slot] > 0; slot = (slot + 1) & mask { //nolint:gosec // masked
			if at := 8 * (d.slots[slot] - 1); binary.LittleEndian.Uint64(d.values[at:]) == v {
				return d.slots[slot] - 1, true
			}
		}
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	return d.index(b[:])
}

// index32 is index64 of a number of four bytes.
func (d *dictionary) index32(v uint32) (uint32, bool) {
	if mask := len(d.slots) - 1; mask > 0 {
		for slot := int(d.hash(uint64(v))) & mask; d.slots[slot] > 0; slot = (slot + 1) & mask { //nolint:gosec // masked
			if at := 4 * (d.slots[slot] - 1); binary.LittleEndian.Uint32(d.values[at:]) == v {
				return d.slots[slot] - 1, true
			}
		}
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	return d.index(b[:])
}

// hash mixes a number's bits by the two halves of a product.
func (d *dictionary) hash(v uint64) uint64 {
	high, low := bits.Mul64(v^d.key, 0x9e3779b97f4a7c15)
	return high ^ low
}

// hashed is the hash of a value, the same as hash for the numbers of a column.
func (d *dictionary) hashed(value []byte) uint64 {
	switch d.numbers {
	case 8:
		return d.hash(binary.LittleEndian.Uint64(value))
	case 4:
		return d.hash(uint64(binary.LittleEndian.Uint32(value)))
	}
	return maphash.Bytes(d.seed, value)
}

// find returns the slot that a value has, or would have.
func (d *dictionary) find(value []byte) uint64 {
	mask := uint64(len(d.slots) - 1) //nolint:gosec // a length
	slot := d.hashed(value) & mask
	for d.slots[slot] > 0 && !bytes.Equal(d.entry(d.slots[slot]-1), value) {
		slot = (slot + 1) & mask
	}
	return slot
}

// entry is a value without its length.
func (d *dictionary) entry(i uint32) []byte {
	if d.lengths {
		return d.plain(i)[4:]
	}
	return d.plain(i)
}

// plain is a value as PLAIN has it.
func (d *dictionary) plain(i uint32) []byte {
	var from uint32
	if i > 0 {
		from = d.ends[i-1]
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

// hopeless tells after so many values whether a dictionary should be given up
// before it costs more.
func (d *dictionary) hopeless(values int) bool {
	return values == trialValues && !d.promised && len(d.ends) > values-values/trialRepeat
}

// pays tells whether the dictionary and so many indices are clearly smaller than
// the values as PLAIN has them. What is left of values that repeat once they are
// compressed is small too.
func (d *dictionary) pays(indices, plain int) bool {
	return 3*(len(d.values)+indices*d.width()/8+dictionaryOverhead) <= 2*plain
}

// drop empties the dictionary and closes it for the row group.
func (d *dictionary) drop() {
	d.forget()
	d.open = false
}

// forget empties the dictionary for the next row group.
func (d *dictionary) forget() {
	if len(d.ends) > 0 {
		clear(d.slots)
	}
	d.values, d.ends, d.open = d.values[:0], d.ends[:0], d.possible
}
