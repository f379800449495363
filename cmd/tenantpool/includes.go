package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"time"
)

// lookEvery is how often included files are looked at.
const lookEvery = time.Second

// includes reloads by itself when files that the configuration includes come,
// go or change: they are made by programs. The main file waits for HUP: whoever
// edits it by hand may save it half-way. The files are looked at rather than
// watched: patterns match what is not there yet, editors and configuration
// managers replace files, and links and network file systems tell nobody.
type includes struct {
	reload *reloader
	cancel context.CancelFunc
	ended  chan struct{}
}

func watchIncludes(r *reloader) *includes {
	ctx, cancel := context.WithCancel(context.Background())
	w := &includes{reload: r, cancel: cancel, ended: make(chan struct{})}
	go w.run(ctx)
	return w
}

func (w *includes) stop() {
	w.cancel()
	<-w.ended
}

// run reloads once files differ from what was loaded, and have stayed the same
// from one look to the next.
func (w *includes) run(ctx context.Context) {
	defer close(w.ended)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := w.reload.lookedAt()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		seen := look(w.reload.Config().Included())
		if seen != w.reload.lookedAt() && seen == last {
			w.reload.Reload(ctx)
		}
		last = seen
	}
}

// look sums up files by name, size, time and number.
func look(files []string) uint64 {
	sum := fnv.New64a()
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintln(sum, name, info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
	}
	return sum.Sum64()
}
