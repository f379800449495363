package metrics

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"tenantpool/pool"
	"tenantpool/proxy"
)

// readiness says whether clients should be sent here: it is not draining, and at
// least one server answers.
type readiness struct {
	proxy *proxy.Proxy

	mu    sync.Mutex // held while the servers are asked
	asked time.Time
	fault string // "" is ready
}

// How long an answer holds, and how long the servers have to give one.
const (
	readyFor  = time.Second
	readyWait = 3 * time.Second
)

func (r *readiness) serve(w http.ResponseWriter, _ *http.Request) {
	fault := "draining"
	if !r.proxy.Draining() {
		fault = r.look()
	}
	if fault != "" {
		say(w, http.StatusServiceUnavailable, "not ready: "+fault)
		return
	}
	say(w, http.StatusOK, "ok")
}

// look asks the servers, unless that was done just now.
func (r *readiness) look() (fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) < readyFor {
		return r.fault
	}
	ctx, stop := context.WithTimeout(context.Background(), readyWait)
	defer stop()
	r.fault = askServers(ctx, r.proxy)
	r.asked = time.Now()
	return r.fault
}

var errGone = errors.New("the cluster has gone")

func ask(ctx context.Context, p *pool.Pool) error {
	if p == nil {
		return errGone
	}
	return p.Reachable(ctx)
}

// askServers asks all of them at once; the first that answers will do.
func askServers(ctx context.Context, p *proxy.Proxy) (fault string) {
	clusters := p.Clusters()
	answers := make(chan error, len(clusters))
	for _, name := range clusters {
		go func() { answers <- ask(ctx, p.Pool(name)) }()
	}
	for range clusters {
		if <-answers == nil {
			return ""
		}
	}
	return "no server answers; the log has the cause"
}
