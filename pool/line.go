package pool

// line is those of one tenant who wait for connections of one account: first
// come, first served.
type line struct {
	tenant  *tenantPlace
	account *accountPlace
	waiters waiterList
	in      *lines  // nil: nobody waits, or the tenant holds as many as it may
	at      int     // where it stands there
	order   float64 // as of when it was last looked at
	wanted  int     // connections that it could use
	seat    int     // where it stands among Pool.lines
	next    *line   // of the tenant's, of which somebody waits in each
}

// lines is a heap of lines, that of the tenant that is next first.
type lines struct {
	heap   []*line
	wanted int
}

// before says that l is served rather than m.
func (l *line) before(m *line) bool {
	if l.order != m.order {
		return l.order < m.order
	}
	return l.waiters.first.ticket < m.waiters.first.ticket
}

func (ls *lines) put(l *line, at int) {
	ls.heap[at] = l
	l.at = at
}

// fix moves l to where its order belongs.
func (ls *lines) fix(l *line) {
	at := l.at
	for at > 0 && l.before(ls.heap[(at-1)/2]) {
		ls.put(ls.heap[(at-1)/2], at)
		at = (at - 1) / 2
	}
	for {
		next := 2*at + 1
		if next+1 < len(ls.heap) && ls.heap[next+1].before(ls.heap[next]) {
			next++
		}
		if next >= len(ls.heap) || !ls.heap[next].before(l) {
			break
		}
		ls.put(ls.heap[next], at)
		at = next
	}
	ls.put(l, at)
}

// add takes a line in that is in none.
func (ls *lines) add(l *line) {
	l.in, l.at = ls, len(ls.heap)
	ls.heap = append(ls.heap, l)
}

// drop lets a line go.
func (ls *lines) drop(l *line) {
	ls.wanted -= l.wanted
	l.in, l.wanted = nil, 0
	n := len(ls.heap) - 1
	last := ls.heap[n]
	ls.heap[n] = nil
	ls.heap = ls.heap[:n]
	if last != l {
		ls.put(last, l.at)
		ls.fix(last)
	}
}

// lineOf is where a waiter for that state stands: its account's, or its tenant's
// among those that share the cluster's login.
func (p *Pool) lineOf(at *statePlace) *line {
	if at.account == p.own {
		return &at.tenant.line
	}
	return &at.account.line
}

// join puts w at the end of its line.
func (p *Pool) join(w *Waiter) *line {
	l := p.lineOf(w.at)
	if l.waiters.n == 0 {
		l.tenant, l.account = w.at.tenant, w.at.account
		l.seat = len(p.lines)
		p.lines = append(p.lines, l)
		l.next, l.tenant.lines = l.tenant.lines, l
	}
	l.waiters.pushBack(w)
	l.tenant.waiting++
	p.waiting.Add(1)
	return l
}

// quit takes w out of its line.
func (p *Pool) quit(w *Waiter) *line {
	l := p.lineOf(w.at)
	l.waiters.remove(w)
	l.tenant.waiting--
	p.waiting.Add(-1)
	if l.waiters.n > 0 {
		return l
	}
	p.moveTo(l, nil)
	n := len(p.lines) - 1
	last := p.lines[n]
	p.lines[l.seat], last.seat = last, l.seat
	p.lines[n] = nil
	p.lines = p.lines[:n]
	for at := &l.tenant.lines; *at != nil; at = &(*at).next {
		if *at == l {
			*at, l.next = l.next, nil
			break
		}
	}
	return l
}

// refresh puts a line where it belongs, after a change of who waits there, of
// what its tenant holds, or of the time.
func (p *Pool) refresh(l *line, now int64) {
	t := l.tenant
	t.settle(now)
	w := l.waiters.first
	a := l.account
	switch {
	case w == nil || w.MaxServers > 0 && t.lent >= int(w.MaxServers):
		p.moveTo(l, nil)
		return
	case t.borrows(now):
		p.moveTo(l, &a.borrowers)
	default:
		p.moveTo(l, &a.ready)
	}
	wanted := l.waiters.n
	if w.MaxServers > 0 {
		wanted = min(wanted, int(w.MaxServers)-t.lent)
	}
	l.in.wanted += wanted - l.wanted
	l.wanted = wanted
	l.order = t.order(now)
	l.in.fix(l)
}

// moveTo takes a line out of the heap that it is in and puts it into another,
// or into none.
func (p *Pool) moveTo(l *line, in *lines) {
	if l.in == in {
		return
	}
	if l.in != nil {
		l.in.drop(l)
	}
	if in != nil {
		in.add(l)
	}
	p.starve(l.account)
}

// starve keeps the list of the accounts for which somebody waits.
func (p *Pool) starve(a *accountPlace) {
	switch hungry := len(a.ready.heap)+len(a.borrowers.heap) > 0; {
	case hungry == a.hungry:
		return
	case hungry:
		a.rank = len(p.hungry)
		p.hungry = append(p.hungry, a)
	default:
		n := len(p.hungry) - 1
		last := p.hungry[n]
		p.hungry[a.rank], last.rank = last, a.rank
		p.hungry[n] = nil
		p.hungry = p.hungry[:n]
	}
	a.hungry = !a.hungry
}

// next is the line of an account that is served next, nil if nobody may be. What
// stands first is looked at anew until it still does: time has only moved it back.
func (p *Pool) next(a *accountPlace, now int64) *line {
	best := p.first(&a.ready, now)
	if !p.free() {
		return best
	}
	if l := p.first(&a.borrowers, now); l != nil && (best == nil || l.before(best)) {
		return l
	}
	return best
}

func (p *Pool) first(in *lines, now int64) *line {
	for len(in.heap) > 0 {
		l := in.heap[0]
		p.refresh(l, now)
		if len(in.heap) > 0 && in.heap[0] == l {
			return l
		}
	}
	return nil
}

// wanted is how many connections those of an account could use who may have one.
func (p *Pool) wanted(a *accountPlace) int {
	if p.free() {
		return a.ready.wanted + a.borrowers.wanted
	}
	return a.ready.wanted
}
