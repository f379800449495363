package proxy

// Chunks hold what is half-way: input waiting for the rest of its message or
// for a server, output that the peer has not taken yet. A connection with
// nothing half-way holds none. Each loop keeps its own spare chunks.

// chunkSizes are the capacities handed out: the small one fits a query waiting
// for a server, the large one a whole read.
var chunkSizes = [...]int{512, 4 << 10, idleHold, 2 * idleHold, readSize + 4<<10}

// spareChunks bounds how many of each size a loop keeps.
var spareChunks = [...]int{256, 64, 16, 8, 8}

type chunks struct {
	spare [len(chunkSizes)][][]byte
}

// get returns an empty slice with room for n bytes. One that exceeds the
// largest size is made for the occasion.
func (c *chunks) get(n int) []byte {
	for i, size := range chunkSizes {
		if n > size {
			continue
		}
		if k := len(c.spare[i]); k > 0 {
			b := c.spare[i][k-1]
			c.spare[i] = c.spare[i][:k-1]
			return b
		}
		return make([]byte, 0, size)
	}
	return make([]byte, 0, n)
}

// put takes back a slice that get returned; nil is fine.
func (c *chunks) put(b []byte) {
	for i, size := range chunkSizes {
		if cap(b) == size {
			if len(c.spare[i]) < spareChunks[i] {
				c.spare[i] = append(c.spare[i], b[:0])
			}
			return
		}
	}
}

// fit returns b in a chunk no larger than it needs.
func (c *chunks) fit(b []byte) []byte {
	for _, size := range chunkSizes {
		if size >= cap(b) {
			break
		}
		if size >= len(b) {
			smaller := append(c.get(len(b)), b...)
			c.put(b)
			return smaller
		}
	}
	return b
}

// grow returns b with room for n more bytes, moved to a larger chunk if needed.
func (c *chunks) grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	bigger := append(c.get(len(b)+n), b...)
	c.put(b)
	return bigger
}
