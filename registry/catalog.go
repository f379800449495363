package registry

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"tenantpool/routing"
)

// Catalog is the routing table in force: the configuration's, and what a Source
// has read. It is safe for use by several goroutines.
type Catalog struct {
	admit   func(Row) error      // what else speaks against a row
	publish func(*routing.Table) // called for every new table, one at a time
	log     *slog.Logger

	mu      sync.Mutex
	base    *routing.Table // as the configuration has it
	now     *routing.Table
	read    bool              // at least once
	refused map[string]string // reasons, by what the row is called

	secrets sync.Map // passwords of tenants' own logins, by tenant
}

// NewCatalog makes a catalog. admit may refuse a row for reasons of its own; it
// must not call the catalog. publish puts a table in force.
func NewCatalog(admit func(Row) error, publish func(*routing.Table), log *slog.Logger) *Catalog {
	return &Catalog{admit: admit, publish: publish, log: log, refused: make(map[string]string)}
}

// Rebase has another configuration's table take the place of the one before.
// What was read of a registry stays listed where it still can be; without a
// registry, nothing does. apply puts the table in force.
func (c *Catalog) Rebase(base *routing.Table, registry bool, apply func(*routing.Table)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := base
	switch {
	case registry && !c.read:
		next = base.Unread()
	case registry:
		edit := base.Relist(c.now)
		coming := make(map[string]bool, c.now.Listed())
		for entry := range c.now.Registered() {
			coming[entry.Name] = true
		}
		edit.Coming(coming)
		for entry, domains := range c.now.Registered() {
			_ = edit.Put(entry, domains) // what cannot stay is told when it is read again
		}
		next = edit.Table()
	default:
		c.read = false
		c.refused = make(map[string]string)
		c.secrets.Clear()
	}
	c.base, c.now = base, next
	apply(next)
}

// Secret is the password that the registry has for a tenant's own login.
func (c *Catalog) Secret(tenant string) (string, bool) {
	v, ok := c.secrets.Load(tenant)
	if !ok {
		return "", false
	}
	return v.(string), true
}

// Refused gives the rows that are refused, with their reasons.
func (c *Catalog) Refused() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refused)
}

// reading is rows on their way into a table.
type reading struct {
	c       *Catalog
	edit    *routing.Edit
	refused map[string]string
	later   []Row // that must not take what another has
}

// all takes the place of everything that was read before. Rows whose names were
// listed before come first, so that a new row that wants what an old one has is
// the one that is refused.
func (c *Catalog) all(rows [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &reading{c: c, edit: c.base.Relist(c.now), refused: make(map[string]string)}
	coming := make(map[string]bool, len(rows))
	for _, text := range rows {
		coming[rowName(text)] = true
	}
	r.edit.Coming(coming)
	seen := make(map[string]bool, len(rows))
	for i, text := range rows {
		row, name, err := parseRow(text)
		switch {
		case err != nil:
			r.refuse(cmp.Or(name, fmt.Sprintf("row %d", i+1)), err)
		case seen[name]:
			r.refuse(name, errTwice)
		case c.read && !c.now.Registers(name):
			r.later = append(r.later, row)
		default:
			r.put(row)
		}
		seen[name] = true
	}
	slices.SortFunc(r.later, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	for _, row := range r.later {
		r.put(row)
	}
	c.secrets.Range(func(name, _ any) bool {
		if !seen[name.(string)] {
			c.secrets.Delete(name)
		}
		return true
	})
	c.tell(r.refused)
	c.refused, c.read = r.refused, true
	c.set(r.edit.Table())
}

var errTwice = errors.New("there are two rows of that name, of which the first counts")

// some takes the rows of these names: those that have none are gone.
func (c *Catalog) some(names []string, rows [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &reading{c: c, edit: c.now.Edit(), refused: make(map[string]string)}
	seen := make(map[string]bool, len(rows))
	for _, text := range rows {
		row, name, err := parseRow(text)
		switch {
		case seen[name]:
			r.refuse(name, errTwice)
		case err != nil:
			r.edit.Drop(name)
			r.refuse(name, err)
		default:
			r.put(row)
		}
		seen[name] = true
	}
	for _, name := range names {
		if !seen[name] {
			r.edit.Drop(name)
			c.secrets.Delete(name)
		}
	}
	c.tell(r.refused)
	for _, name := range names {
		delete(c.refused, name)
	}
	maps.Copy(c.refused, r.refused)
	c.set(r.edit.Table())
}

func (c *Catalog) set(t *routing.Table) {
	c.now = t
	c.publish(t)
}

func (r *reading) put(row Row) {
	err := r.c.admit(row)
	if err == nil {
		err = r.edit.Put(row.TenantEntry, row.Domains)
	} else {
		r.edit.Drop(row.Name)
	}
	if err != nil {
		r.c.secrets.Delete(row.Name) // the configuration may have the tenant now, and another
		r.refuse(row.Name, err)
		return
	}
	if row.Password != nil {
		r.c.secrets.Store(row.Name, *row.Password)
	} else {
		r.c.secrets.Delete(row.Name)
	}
}

func (r *reading) refuse(name string, err error) {
	r.refused[name] = strings.ReplaceAll(err.Error(), "\n", "; ")
}

// maxTold is how many refused rows are logged one by one at a time.
const maxTold = 20

// tell logs refusals that are new.
func (c *Catalog) tell(refused map[string]string) {
	told := 0
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		if c.refused[name] == refused[name] {
			continue
		}
		if told++; told <= maxTold {
			c.log.Warn("a row of the registry is refused", "tenant", name, "reason", refused[name])
		}
	}
	if told > maxTold {
		c.log.Warn("more rows of the registry are refused", "rows", told-maxTold)
	}
}

func sortSettings(list []routing.Setting) {
	slices.SortFunc(list, func(a, b routing.Setting) int { return strings.Compare(a.Name, b.Name) })
}
