package bzip2

import (
	"cmp"
	"slices"
)

const (
	// groupSize symbols share a code; here all groups do.
	groupSize = 50
	// maxLength is the longest code that the reference implementation writes.
	maxLength = 17
)

// writeSymbols writes what follows a block's head: the bytes that occur, the code,
// and the transformed bytes, each as how recently it was last seen.
func writeSymbols(out *bitWriter, last []byte) {
	used, alphabet := usedBytes(last)
	symbols := moveToFront(last, alphabet)
	frequencies := make([]int, len(alphabet)+2)
	for _, s := range symbols {
		frequencies[s]++
	}
	lengths := codeLengths(frequencies)
	writeUsed(out, used)
	const tables = 2 // the format's least
	out.write(3, tables)
	groups := (len(symbols) + groupSize - 1) / groupSize
	out.write(15, uint64(groups))
	for range groups {
		out.write(1, 0) // the same table as before
	}
	for range tables {
		writeLengths(out, lengths)
	}
	codes := codesOf(lengths)
	for _, s := range symbols {
		out.write(uint(lengths[s]), codes[s])
	}
}

func usedBytes(block []byte) (used [256]bool, alphabet []byte) {
	for _, b := range block {
		used[b] = true
	}
	for b := range used {
		if used[b] {
			alphabet = append(alphabet, byte(b))
		}
	}
	return used, alphabet
}

// writeUsed writes sixteen bits for the sixteens that have a byte in use, then
// sixteen for each of these.
func writeUsed(out *bitWriter, used [256]bool) {
	var sixteens uint64
	var rows []uint64
	for first := 0; first < 256; first += 16 {
		var row uint64
		for _, u := range used[first : first+16] {
			row <<= 1
			if u {
				row |= 1
			}
		}
		sixteens <<= 1
		if row != 0 {
			sixteens |= 1
			rows = append(rows, row)
		}
	}
	out.write(16, sixteens)
	for _, row := range rows {
		out.write(16, row)
	}
}

// moveToFront turns bytes into their places in a list where what was seen last is
// first. Runs of the first place become digits; the end is a symbol, too.
func moveToFront(block, alphabet []byte) []uint16 {
	list := slices.Clone(alphabet)
	symbols := make([]uint16, 0, len(block)+1)
	run := 0
	endRun := func() {
		for ; run > 0; run = (run - 1) / 2 { // digits 1 and 2, the lowest first, as symbols 0 and 1
			symbols = append(symbols, uint16((run-1)%2))
		}
	}
	for _, b := range block {
		at := slices.Index(list, b)
		if at == 0 {
			run++
			continue
		}
		endRun()
		copy(list[1:], list[:at])
		list[0] = b
		symbols = append(symbols, uint16(at+1)) //nolint:gosec // 256 at most
	}
	endRun()
	return append(symbols, uint16(len(alphabet)+1)) //nolint:gosec // 257 at most
}

// codeLengths returns the lengths of a Huffman code. Every symbol has one. When
// the longest would be too long, frequencies are brought closer to each other.
func codeLengths(frequencies []int) []int {
	weights := make([]int, len(frequencies))
	for i, f := range frequencies {
		weights[i] = max(f, 1)
	}
	for {
		lengths := huffman(weights)
		if slices.Max(lengths) <= maxLength {
			return lengths
		}
		for i := range weights {
			weights[i] = weights[i]/2 + 1
		}
	}
}

// huffman joins the two lightest trees until one is left.
func huffman(weights []int) []int {
	type tree struct{ weight, index int }
	n := len(weights)
	parents := make([]int, 2*n)
	var leaves, joined []tree // both in order of weight
	for i, w := range weights {
		leaves = append(leaves, tree{w, i})
	}
	slices.SortStableFunc(leaves, func(a, b tree) int { return cmp.Compare(a.weight, b.weight) })
	lightest := func() tree {
		from := &leaves
		if len(leaves) == 0 || len(joined) > 0 && joined[0].weight < leaves[0].weight {
			from = &joined
		}
		t := (*from)[0]
		*from = (*from)[1:]
		return t
	}
	for next := n; next < 2*n-1; next++ {
		a, b := lightest(), lightest()
		parents[a.index], parents[b.index] = next, next
		joined = append(joined, tree{a.weight + b.weight, next})
	}
	depths := make([]int, 2*n)
	for i := 2*n - 3; i >= 0; i-- { // the root, 2n-2, is at depth 0
		depths[i] = depths[parents[i]] + 1
	}
	return depths[:n]
}

// writeLengths writes each length as its difference from the one before.
func writeLengths(out *bitWriter, lengths []int) {
	current := lengths[0]
	out.write(5, uint64(current)) //nolint:gosec // 1 to 17
	for _, length := range lengths {
		for ; current < length; current++ {
			out.write(2, 0b10)
		}
		for ; current > length; current-- {
			out.write(2, 0b11)
		}
		out.write(1, 0)
	}
}

// codesOf numbers the codes of each length in the order of their symbols.
func codesOf(lengths []int) []uint64 {
	codes := make([]uint64, len(lengths))
	next := uint64(0)
	for length := 1; length <= maxLength; length++ {
		for symbol, l := range lengths {
			if l == length {
				codes[symbol] = next
				next++
			}
		}
		next <<= 1
	}
	return codes
}
