package proxy

import (
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tenantpool/internal/certs"
	"tenantpool/pool"
	"tenantpool/wire"
)

// Poolers beside each other behind one address do not see each other's clients. A
// cancel request comes on a connection of its own and may land on any of them: a
// key says whose it is, and the request is sent there.

// Peer is another pooler that clients reach at the same address.
type Peer struct {
	ID      int    // 1 to MaxPeerID
	Network string // "tcp" or "unix"
	Address string
	Host    string // for its certificate
	TLS     pool.TLS
}

// MaxPeerID is the highest number of a pooler: a short key has 6 bits for it, and
// keeps 26 that nobody can guess, beside the process id, which is random too but
// in session mode.
const MaxPeerID = 1<<peerBits - 1

const peerBits = 6

// mark writes whose key it is into a secret.
func mark(secret []byte, id int) { secret[0] = secret[0]&(1<<(8-peerBits)-1) | byte(id)<<(8-peerBits) }

// owner reads whose key it is.
func owner(secret []byte) int { return int(secret[0] >> (8 - peerBits)) }

// forwarded follows the secret in a request that a sibling has sent on: no key has
// that length, and nobody sends it on again.
const forwarded = 0xF7

// cutForwarded takes that mark off a secret.
func cutForwarded(secret []byte) (rest []byte, was bool) {
	n := len(secret) - 1
	if (n == shortKey || n == longKey) && secret[n] == forwarded {
		return secret[:n], true
	}
	return secret, false
}

const (
	maxForwards = 16              // sockets to one sibling at once
	forwardWait = 5 * time.Second // for one of them, from the wait for it to the end
)

// sibling is a Peer and how it is reached.
type sibling struct {
	Peer
	certs *certs.Watched // nil: no TLS
	room  chan struct{}

	mu   sync.Mutex
	down bool // the last request did not get through: one at a time is tried
}

// siblings are the other poolers, by their numbers.
type siblings struct {
	own int // 0: there are none
	all []*sibling
	log *slog.Logger
}

func newSiblings(own int, peers []Peer, log *slog.Logger) *siblings {
	s := &siblings{own: own, log: log}
	for _, p := range peers {
		s.all = append(s.all, &sibling{Peer: p, certs: p.TLS.Watch(), room: make(chan struct{}, maxForwards)})
	}
	return s
}

// forward sends a request to the sibling whose key it bears, and returns when that
// has dealt with it. A key of nobody's costs nothing.
func (s *siblings) forward(ctx context.Context, r *wire.CancelRequest) {
	if s.own == 0 || len(r.Secret) != shortKey && len(r.Secret) != longKey {
		return
	}
	id := owner(r.Secret)
	i := slices.IndexFunc(s.all, func(b *sibling) bool { return b.ID == id })
	if i < 0 || id == s.own {
		return
	}
	ctx, stop := context.WithTimeout(ctx, forwardWait)
	defer stop()
	secret := append(slices.Clone(r.Secret), forwarded)
	if err := s.all[i].send(ctx, wire.AppendCancelRequest(nil, r.PID, secret)); err != nil {
		s.log.Warn("cannot forward a cancel request", "peer", id, "error", err)
	}
}

// send sends a request. While the sibling is down all but one at a time are
// dropped.
func (b *sibling) send(ctx context.Context, request []byte) error {
	if b.isDown() && len(b.room) > 0 {
		return nil
	}
	select {
	case b.room <- struct{}{}:
		defer func() { <-b.room }()
	case <-ctx.Done():
		return ctx.Err()
	}
	config, err := b.config()
	if err == nil {
		err = pool.SendCancel(ctx, b.Network, b.Address, config, request)
	}
	b.mu.Lock()
	b.down = err != nil
	b.mu.Unlock()
	return err
}

func (b *sibling) isDown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down
}

func (b *sibling) config() (*tls.Config, error) {
	if b.certs == nil || b.Network == "unix" {
		return nil, nil
	}
	set, err := b.certs.Current()
	if set == nil {
		return nil, err
	}
	config := set.Config.Clone()
	config.ServerName = b.Host
	return config, nil
}
