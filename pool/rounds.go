package pool

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/wire"
)

// calm is the least time between two rounds asked for by RecheckSoon.
const calm = 100 * time.Millisecond

// watchSchemas looks for the schemas of the profiles in use, every
// Options.SchemaCheck and when asked to.
func (p *Pool) watchSchemas() {
	for {
		var tick <-chan time.Time
		if d := p.opts().SchemaCheck; d > 0 {
			tick = time.After(d)
		}
		select {
		case <-p.ctx.Done():
			return
		case <-p.retimed:
			continue
		case <-tick:
		case <-p.control.kick:
			if !wait(p.ctx, calm) {
				return
			}
		}
		p.round()
	}
}

// RecheckSoon has prof's schemas looked for at once: a client changed schemas,
// or a server said 42P01 or 3F000. It returns at once.
func (p *Pool) RecheckSoon(prof *Profile) {
	at := p.profilePlace(prof)
	p.mu.Lock()
	p.use(prof, at)
	p.mu.Unlock()
	p.control.hurry()
}

// hurry asks for a round.
func (x *control) hurry() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// watch is a profile in use and the schemas to look for on its behalf.
type watch struct {
	prof    *Profile
	at      *profilePlace
	schemas []string
}

// inUse takes the profiles used since it was last called: for each, the schemas
// that CheckSchema was asked for, or else the first of its path.
func (p *Pool) inUse() []watch {
	p.mu.Lock()
	defer p.mu.Unlock()
	watches := make([]watch, 0, len(p.using))
	for _, prof := range p.using {
		at := p.profilePlace(prof)
		at.used = false
		w := watch{prof, at, slices.Collect(maps.Keys(at.watched))}
		if len(w.schemas) == 0 && len(prof.spec.Path) > 0 && !prof.spec.Unchecked {
			w.schemas = prof.spec.Path[:1]
		}
		watches = append(watches, w)
	}
	clear(p.using)
	p.using = p.using[:0]
	return watches
}

// round looks for all of them in one query. If the server cannot be asked, what
// was known stands, and the profiles stay in use until it can.
func (p *Pool) round() {
	watches := p.inUse()
	var wants []want
	for _, w := range watches {
		for _, schema := range w.schemas {
			wants = append(wants, want{schema, w.prof.user()})
		}
	}
	if len(wants) == 0 {
		return
	}
	there, err := ask(p.ctx, &p.control, func(ctx context.Context, pg *pgconn.PgConn) ([]bool, error) {
		return lookFor(ctx, pg, wants)
	})
	for _, w := range watches {
		if err != nil {
			p.mu.Lock()
			p.use(w.prof, w.at)
			p.mu.Unlock()
			continue
		}
		p.record(w.prof, w.at, w.schemas, there[:len(w.schemas)])
		there = there[len(w.schemas):]
	}
}

// record keeps what was seen of a profile's schemas. While one of them is not
// there, everybody who wants the profile is refused.
func (p *Pool) record(prof *Profile, at *profilePlace, schemas []string, there []bool) {
	now := time.Now()
	p.mu.Lock()
	if at.watched == nil {
		at.watched = make(map[string]verdict)
	}
	for i, schema := range schemas {
		at.watched[schema] = verdict{there[i], now}
	}
	before := at.missing
	at.missing = nil
	if schema, missing := at.lacks(); missing {
		at.missing = errNoSchema(schema, prof.spec.Tenant)
	}
	after := at.missing
	p.mu.Unlock()
	switch {
	case after != nil && before == nil:
		p.event(Event{Kind: EventSchemaMissing, Tenant: prof.spec.Tenant, Err: after})
		p.sweep(func(w *Waiter) *wire.Error { return p.refusal(w.at) })
	case after == nil && before != nil:
		p.event(Event{Kind: EventSchemaBack, Tenant: prof.spec.Tenant})
	}
}

// lacks names a schema that was last seen missing, the first by name.
func (at *profilePlace) lacks() (schema string, missing bool) {
	for name, v := range at.watched {
		if !v.ok && (!missing || name < schema) {
			schema, missing = name, true
		}
	}
	return schema, missing
}
