package pool

import (
	"context"

	"tenantpool/wire"
)

// visitor is a customer that only wants to see a connection.
type visitor struct{ answer chan visit }

type visit struct {
	conn *Conn
	err  *wire.Error
}

func (v *visitor) Granted(c *Conn)       { v.answer <- visit{c, nil} }
func (v *visitor) Refused(e *wire.Error) { v.answer <- visit{nil, e} }

// welcomeOf is Welcome for an account: what its latest connection reported when
// it had logged in. If there has been none, it waits in the queue for the first.
func (p *Pool) welcomeOf(ctx context.Context, a *Account) (*Params, error) {
	at := p.accountPlace(a)
	if w := p.welcomed(at); w != nil {
		return w, nil
	}
	state, err := a.state()
	if err != nil {
		return nil, err
	}
	v := &visitor{make(chan visit, 1)}
	w := &Waiter{Customer: v, Want: state}
	c, refusal := p.Checkout(w)
	if c == nil && refusal == nil {
		c, refusal = p.await(ctx, w, v)
	}
	switch {
	case refusal != nil:
		return nil, refusal
	case c != nil:
		p.Release(c)
		return p.welcomed(at), nil
	}
	if e := p.LastError(state.profile); e != nil {
		return nil, e
	}
	return nil, ctx.Err()
}

func (p *Pool) welcomed(at *accountPlace) *Params {
	p.mu.Lock()
	defer p.mu.Unlock()
	return at.welcome
}

// await waits for the end of w's wait, as long as ctx allows: then it is neither
// a connection nor a refusal.
func (p *Pool) await(ctx context.Context, w *Waiter, v *visitor) (*Conn, *wire.Error) {
	select {
	case got := <-v.answer:
		return got.conn, got.err
	case <-ctx.Done():
	}
	if p.Abandon(w) {
		return nil, nil
	}
	got := <-v.answer
	return got.conn, got.err
}
