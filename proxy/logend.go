package proxy

import (
	"context"
	"log/slog"
	"time"
)

// logEnd logs the end of a session, for whoever has asked for level debug: of
// everybody's the counts tell.
func (s *session) logEnd() {
	log, ctx := s.proxy.opts.Log, context.Background()
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	args := []any{"tenant", s.tally.tenant, "user", s.user.Value(), "session", uint64(s.id), "lasted", time.Duration(s.loop.now - s.began).Round(time.Millisecond)}
	if s.lastWords != [5]byte{} {
		args = append(args, "code", string(s.lastWords[:]))
	}
	log.DebugContext(ctx, "session ended", args...)
}
