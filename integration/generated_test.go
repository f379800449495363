package integration

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Conversations without number, each made from a seed, held with the server itself and through a
// pooler: they must be answered the same, and leave the same rows behind. See author for what is
// said.
//
// TENANTPOOL_CONVERSATIONS says how many; TENANTPOOL_SEED holds one again, and prints it.
const (
	conversationsUsually = 10_080

	// blockSize is how many scripts follow each other on equal terms: one delivery, and connections
	// that are kept for the next script or not.
	blockSize = 8
)

// room is where scripts are held: a version of Postgres, and a pooler of a mode and a size.
type room struct {
	version, mode string
	size          int
	cluster       string // further lines of its configuration
}

func rooms() (all []room) {
	for _, version := range versions {
		for _, size := range []int{1, 2} {
			all = append(all, room{version, "transaction", size, ""}, room{version, "session", size, ""}, room{version, "statement", size, ""})
		}
		all = append(all, room{version, "transaction", 2, `same_tenant = "switch"`})
	}
	return all
}

func (r room) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s mode %d servers %s", r.version, r.mode, r.size, r.cluster))
}

func (r room) dialect() dialect {
	return dialect{transactions: r.mode != "statement", pins: r.mode == "session" || r.mode == "transaction" && r.size > 1}
}

func TestGeneratedConversationsAreAnsweredAsByTheServerItself(t *testing.T) {
	count, chosen := number(t, "TENANTPOOL_CONVERSATIONS", conversationsUsually), number(t, "TENANTPOOL_SEED", -1)
	var held atomic.Int64
	begin := time.Now()
	t.Run("rooms", func(t *testing.T) {
		for i, r := range rooms() {
			if chosen >= 0 && chosen/blockSize%len(rooms()) != i {
				continue
			}
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				v := newVisit(t, r, &held)
				if chosen >= 0 {
					v.show = true
					v.block(uint64(chosen / blockSize))
					return
				}
				for block := i; block*blockSize < count; block += len(rooms()) {
					v.block(uint64(block))
				}
			})
		}
	})
	t.Logf("%d conversations in %v", held.Load(), time.Since(begin).Round(time.Second))
	if chosen < 0 && !t.Failed() && int(held.Load()) < count {
		t.Errorf("%d conversations were held, not %d", held.Load(), count)
	}
}

func number(t *testing.T, variable string, usually int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usually
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}
