package proxy

import "sync/atomic"

// sweepStep is how many sessions a loop visits before it looks at its events
// again.
const sweepStep = 256

// each runs f for every session of sc, on its loop, and returns when that
// is done everywhere. A session that ends or begins meanwhile may be left out.
func (p *Proxy) each(sc Scope, f func(*session)) {
	done := make(chan struct{}, len(p.loops))
	for _, l := range p.loops {
		l.post(func(l *Loop) {
			all := make([]*session, 0, len(l.all))
			for s := range l.all {
				if sc.covers(s.route.Cluster, s.route.Tenant) {
					all = append(all, s)
				}
			}
			l.sweep(all, f, done)
		})
	}
	for range p.loops {
		select {
		case <-done:
		case <-p.stopped:
			return
		}
	}
}

// sweep visits some of the sessions and posts the rest to itself.
func (l *Loop) sweep(all []*session, f func(*session), done chan<- struct{}) {
	n := min(sweepStep, len(all))
	for _, s := range all[:n] {
		l.visit(s, f)
	}
	if n == len(all) {
		done <- struct{}{}
		return
	}
	go l.post(func(l *Loop) { l.sweep(all[n:], f, done) }) // from elsewhere, so that it comes with the next mail
}

func (l *Loop) visit(s *session, f func(*session)) {
	defer l.fence(s)
	if s.phase != phaseClosed {
		f(s)
	}
}

// count is how many sessions of sc f says yes to.
func (p *Proxy) count(sc Scope, f func(*session) bool) int {
	var n atomic.Int64
	p.each(sc, func(s *session) {
		if f(s) {
			n.Add(1)
		}
	})
	return int(n.Load())
}
