package bzip2

// sorter sorts the rotations of a block. It keeps its memory for the next block.
type sorter struct {
	order, next   []int32 // rotations by their start
	class, reborn []int32 // equal for rotations that are equal so far
	count         []int32
	last          []byte
}

// transform returns the last bytes of the block's rotations in their order (the
// Burrows-Wheeler transform), and the place of the block itself among them. The
// bytes are good until the next call.
//
// Rotations are sorted by their first byte, then by twice as many bytes in each
// round, with a counting sort: the time does not depend on what the block holds,
// as it does when rotations are compared byte by byte.
func (s *sorter) transform(block []byte) (last []byte, origin int) {
	n := len(block)
	s.resize(n)
	classes := s.byFirst(block)
	for length := 1; length < n && classes < n; length *= 2 {
		classes = s.double(length, classes)
	}
	for i, start := range s.order {
		if start == 0 {
			origin = i
			start = int32(n) //nolint:gosec // below 900,000
		}
		s.last[i] = block[start-1]
	}
	return s.last, origin
}

func (s *sorter) resize(n int) {
	if cap(s.order) < n {
		s.order, s.next = make([]int32, n), make([]int32, n)
		s.class, s.reborn = make([]int32, n), make([]int32, n)
		s.count, s.last = make([]int32, max(n, 256)+1), make([]byte, n)
	}
	s.order, s.next, s.class, s.reborn, s.last = s.order[:n], s.next[:n], s.class[:n], s.reborn[:n], s.last[:n]
}

// byFirst sorts by the first byte and returns how many classes there are.
func (s *sorter) byFirst(block []byte) int {
	for i, b := range block {
		s.class[i], s.next[i] = int32(b), int32(i)
	}
	s.place(256)
	return s.classify(func(i int32) [2]int32 { return [2]int32{int32(block[i])} })
}

// double sorts by the first 2·length bytes what is sorted by the first length.
// Rotations that start length earlier are in the order of their second halves
// already; a stable sort by their first halves is all that is left.
func (s *sorter) double(length, classes int) int {
	n := int32(len(s.order)) //nolint:gosec // below 900,000
	step := int32(length)    //nolint:gosec // below n
	for i, start := range s.order {
		if start -= step; start < 0 {
			start += n
		}
		s.next[i] = start
	}
	s.place(classes)
	return s.classify(func(i int32) [2]int32 {
		second := i + step
		if second >= n {
			second -= n
		}
		return [2]int32{s.class[i], s.class[second]}
	})
}

// place sorts the rotations in next by their class into order, stably.
func (s *sorter) place(classes int) {
	count := s.count[:classes+1]
	clear(count)
	for _, c := range s.class {
		count[c+1]++
	}
	for c := 1; c <= classes; c++ {
		count[c] += count[c-1]
	}
	for _, i := range s.next {
		c := s.class[i]
		s.order[count[c]] = i
		count[c]++
	}
}

// classify numbers the rotations anew, in order: those with equal keys are of one
// class.
func (s *sorter) classify(key func(int32) [2]int32) int {
	classes := int32(0)
	previous := key(s.order[0])
	for _, i := range s.order {
		if k := key(i); k != previous {
			classes++
			previous = k
		}
		s.reborn[i] = classes
	}
	s.class, s.reborn = s.reborn, s.class
	return int(classes) + 1
}
