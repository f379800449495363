package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tenantpool/proxy"
)

// Options say what is shown.
type Options struct {
	Proxy    *proxy.Proxy
	Version  string
	Instance string         // the pooler's name
	Events   func() []Event // what happened lately, oldest first; nil: nothing is told
}

// Event is something that happened, as the log has it.
type Event struct {
	Time  time.Time
	Level string // "info", "warn" or "error"
	Text  string
}

// Server answers over HTTP. Its methods may be called from any goroutine.
type Server struct {
	o        Options
	registry *prometheus.Registry
	reload   reload
	ready    readiness
	started  time.Time
	http     http.Server
}

// New makes a server; Serve has it answer, and Close ends it.
func New(o Options) *Server {
	s := &Server{o: o, registry: prometheus.NewRegistry(), started: time.Now()}
	s.ready.proxy = o.Proxy
	s.reload.note(true, s.started)
	s.registry.MustRegister(&collector{server: s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.http = http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	return s
}

// maxScrapes is how many scrapes are answered at a time.
const maxScrapes = 4

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready.serve)
	mux.HandleFunc("GET /status.json", s.serveStatus)
	mux.HandleFunc("GET /{$}", servePage)
	return hardened(mux)
}

// hardened has browsers take what is served for what it is called, ask again each
// time, and load and run nothing that is not part of it.
func hardened(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", pagePolicy)
		h.ServeHTTP(w, r)
	})
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// Serve answers on ln, which it closes in the end, until Close.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends the server. Answers under way may end until ctx does.
func (s *Server) Close(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

// snapshot is the proxy's.
func (s *Server) snapshot() *proxy.Snapshot { return s.o.Proxy.Snapshot() }
