package parquet

// blockBytes is small enough for a small table and large enough for a write.
const blockBytes = 64 << 10

// store keeps compressed pages of all columns, in the order in which they were
// closed. Blocks instead of one slice: a slice that grows is there twice while
// it does.
type store struct {
	blocks [][]byte
	size   int64
}

// span is a piece of a store.
type span struct{ from, to int64 }

func (s *store) append(b []byte) {
	for len(b) > 0 {
		block := int(s.size / blockBytes)
		if block == len(s.blocks) {
			s.blocks = append(s.blocks, make([]byte, blockBytes))
		}
		n := copy(s.blocks[block][s.size%blockBytes:], b)
		s.size += int64(n)
		b = b[n:]
	}
}

func (s *store) writeTo(write func([]byte) error, piece span) error {
	for at := piece.from; at < piece.to; {
		block := s.blocks[at/blockBytes][at%blockBytes:]
		n := min(int64(len(block)), piece.to-at)
		if err := write(block[:n]); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// forget empties the store and keeps so many bytes for what comes.
func (s *store) forget(keep int64) {
	s.size = 0
	if most := int(keep/blockBytes) + 1; len(s.blocks) > most {
		clear(s.blocks[most:])
		s.blocks = s.blocks[:most]
	}
}
