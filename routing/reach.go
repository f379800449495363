package routing

// Reach gives the routes by which a tenant can be reached, if it exists: one for
// each rule that means it, in order.
func (t *Table) Reach(tenant string) []*Route {
	var all []*Route
	entry := t.entry(tenant)
	for i := range t.rules {
		r := &t.rules[i]
		if r.source == FromNothing && r.literal != tenant {
			continue
		}
		f := found{r, tenant, r.source}
		if _, ok := t.exists(f, entry, nil); !ok {
			continue
		}
		if route, err := t.intern(f, entry, "", nil); err == nil {
			all = append(all, route)
		}
	}
	return all
}
