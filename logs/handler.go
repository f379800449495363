package logs

import (
	"context"
	"log/slog"
	"slices"
)

// handler collapses what repeats and writes the rest.
type handler struct {
	log   *Log
	lines *lines
	inner slog.Handler // writes a record into lines.buf
	with  []slog.Attr
}

// Enabled is slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.log.Level() }

// WithAttrs is slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.log, h.lines, h.inner.WithAttrs(attrs), append(slices.Clip(h.with), attrs...)}
}

// WithGroup is slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.log, h.lines, h.inner.WithGroup(name), h.with}
}

// Handle is slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	write := func(r slog.Record) { _ = h.lines.write(ctx, h.inner, r) }
	if r.Level < slog.LevelInfo || h.log.runs.admit(r, h.with, write) {
		return h.lines.write(ctx, h.inner, r)
	}
	return nil
}
