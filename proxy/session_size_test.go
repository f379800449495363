package proxy

import (
	"testing"
	"unsafe"
)

// A session is most of what an idle client costs. The allocator adds 8 bytes to it,
// and takes what is over 640 with them to the next size.
func TestASessionFitsInto640Bytes(t *testing.T) {
	if size := unsafe.Sizeof(session{}) + 8; size > 640 {
		t.Errorf("a session takes %d bytes", size)
	}
}
