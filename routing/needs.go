package routing

// LoginNeed is a login at the level Dedicated that the configuration alone
// calls for.
type LoginNeed struct {
	Tenant  string // "" if any schema of the server's may be one
	Login   string // "" if Tenant is
	Cluster string
	Rule    int // index of the rule that calls for it
	Entry   int // index of the tenant's entry; -1 if it has none
}

// LoginNeeds gives the logins that rules and the tenants listed call for, once
// for each rule that may serve the tenant.
func (t *Table) LoginNeeds(tenants []TenantEntry) []LoginNeed {
	var needs []LoginNeed
	for i := range t.rules {
		r := &t.rules[i]
		if r.source == FromNothing {
			needs = t.appendNeed(needs, r, r.literal, entryOf(tenants, r.literal))
			continue
		}
		for n, e := range tenants {
			needs = t.appendNeed(needs, r, e.Name, n)
		}
		if r.Isolation == Dedicated && r.Existence == BySchema {
			needs = append(needs, LoginNeed{Cluster: r.Cluster, Rule: i, Entry: -1})
		}
	}
	return needs
}

func entryOf(tenants []TenantEntry, name string) int {
	for i, e := range tenants {
		if e.Name == name {
			return i
		}
	}
	return -1
}

func (t *Table) appendNeed(needs []LoginNeed, r *rule, name string, entry int) []LoginNeed {
	level, e := r.Isolation, t.tenants[name]
	if e != nil {
		level = valueOr(e.Isolation, level)
	}
	if level != Dedicated {
		return needs
	}
	route := r.freeze(name, r.source, e)
	return append(needs, LoginNeed{name, route.Login, route.Cluster, r.index, entry})
}
