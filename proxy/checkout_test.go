package proxy

import (
	"testing"

	"tenantpool/routing"
)

// A cancel request that came for a wait that was refused is for nothing that
// comes later.
func TestARefusalEndsTheCancelThatWaitedWithIt(t *testing.T) {
	l, err := newLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer l.poller.close()
	s := &session{proxy: unchanging(), route: new(routing.Route), loop: l, phase: phaseWaiting, cancelNext: true}
	s.attribute(&tally{tenant: "acme"})
	s.timer.session = s
	s.refused(errShutdown)
	if s.cancelNext || s.phase != phaseIdle || s.refusal != errShutdown {
		t.Errorf("cancelNext %v, phase %d, refusal %v", s.cancelNext, s.phase, s.refusal)
	}
}

// unchanging is a proxy of which nothing is used but that it is never reloaded.
func unchanging() *Proxy {
	p := &Proxy{}
	p.live.Store(&live{})
	return p
}
