package routing

// Served gives the routes that the configuration alone calls for: those of every
// rule for one tenant, and of every listed tenant under each rule that may serve
// it. Nothing is interned.
func (t *Table) Served(tenants []TenantEntry) (all []*Route) {
	for i := range t.rules {
		r := &t.rules[i]
		if r.source == FromNothing {
			all = append(all, r.freeze(r.literal, r.source, t.tenants[r.literal]))
			continue
		}
		for _, e := range tenants {
			if !e.Disabled {
				all = append(all, r.freeze(e.Name, r.source, t.tenants[e.Name]))
			}
		}
	}
	return all
}
