package soak

import (
	"fmt"
	"strings"
)

var settingTricks = []trick{
	{"setting changed", 8, (*client).setSome},
	{"setting reset", 3, (*client).resetSome},
	{"setting undone by an error", 3, (*client).setInVain},
	{"path of the tenant's own", 3, (*client).ownPath},
	{"path to nowhere", 1, (*client).nowhere},
	{"path to another tenant", 2, (*client).foreignPath},
	{"RESET ALL", 2, (*client).resetAll},
	{"RESET ALL before a query in one text", 1, (*client).resetAndAsk},
	{"DISCARD ALL", 2, (*client).discardAll},
	{"DISCARD of some kind", 2, (*client).discardSome},
	{"read-only default", 1, (*client).readOnly},
	{"SET ROLE", 2, (*client).otherRole},
	{"another tenant's table by name", 2, (*client).foreignTable},
}

// someSetting is one of the settings that a client may change in plain sight.
func (c *client) someSetting() setting {
	for {
		s := tracked[c.dice.IntN(len(tracked))]
		if len(s.values) > 0 && !c.soak.governed(s.name) {
			return s
		}
	}
}

// draw is a value for it.
func (c *client) draw(s setting) string {
	v := s.values[c.dice.IntN(len(s.values))]
	if strings.Contains(v, "%") {
		v = fmt.Sprintf(v, c.number)
	}
	return v
}

// change is a change of some setting, said in one of the ways there are.
func (c *client) change(local bool) (s setting, value, sql string) {
	s = c.someSetting()
	value = c.draw(s)
	switch word := map[bool]string{false: "SESSION", true: "LOCAL"}[local]; {
	case c.dice.IntN(3) > 0:
		sql = fmt.Sprintf("SET %s %s = '%s'", word, s.name, value)
	case s.name == "DateStyle":
		sql = fmt.Sprintf("SET %s %s TO %s", word, s.name, value)
	default:
		sql = fmt.Sprintf("SELECT tenant, pg_backend_pid(), set_config('%s', '%s', %v) FROM soak_whoami", s.name, value, local)
	}
	return s, value, sql
}

func (c *client) setSome() error {
	s, value, sql := c.change(false)
	request := query(sql)
	if c.dice.IntN(3) == 0 {
		request = once(sql)
	}
	if _, err := c.want(sql, 1, request, ""); err != nil {
		return err
	}
	c.model.set(s.name, value)
	return nil
}

func (c *client) setSomeLocal() error {
	s, value, sql := c.change(true)
	if err := c.do(sql); err != nil {
		return err
	}
	c.model.setLocal(s.name, value)
	return nil
}

func (c *client) resetSome() error {
	s := c.someSetting()
	if err := c.do("RESET " + s.name); err != nil {
		return err
	}
	c.model.reset(s.name)
	return nil
}

// setInVain changes a setting in a text or batch that then fails.
func (c *client) setInVain() error {
	_, _, sql := c.change(false)
	if c.dice.IntN(2) == 0 {
		return c.do(sql+"; SELECT 1/0", "22012")
	}
	_, err := c.want(sql+" in a batch that fails", 1, join(parse("", sql), bind("", ""), execute("", 0),
		parse("", "SELECT 1/0"), bind("", ""), execute("", 0), syncNow), "22012")
	return err
}

func (c *client) ownPath() error {
	if c.dice.IntN(3) == 0 {
		if err := c.do("RESET search_path"); err != nil {
			return err
		}
		c.model.reset("search_path")
		return c.look()
	}
	names := append([]string{"pg_catalog"}, c.probe.route.Path...)
	if c.dice.IntN(2) == 0 {
		names = append(append([]string{}, c.probe.route.Path...), "information_schema", "pg_temp")
	}
	if err := c.do("SET search_path TO " + pathSQL(names)); err != nil {
		return err
	}
	c.model.set("search_path", strings.Join(names, ","))
	return c.look()
}

// nowhere takes the path away: what is asked then is not found, or found among temporary tables.
func (c *client) nowhere() error {
	if err := c.do("SET search_path = ''"); err != nil {
		return err
	}
	if err := c.do(itemsSQL, "", "42P01"); err != nil {
		return err
	}
	if err := c.do("RESET search_path"); err != nil {
		return err
	}
	c.model.reset("search_path")
	return c.simple()
}

// other is another tenant.
func (c *client) other() *Probe {
	all := c.soak.ground.Probes
	return all[(c.probe.number+c.dice.IntN(max(1, len(all)-1)))%len(all)]
}

func (c *client) foreignPath() error {
	home := c.other().home
	sql := []string{
		"SET search_path TO " + ident(home), "SET LOCAL search_path = " + ident(home) + ", public",
		fmt.Sprintf("SELECT set_config('search_path', '%s', false)", home),
	}[c.dice.IntN(3)]
	return c.do(sql, "42501")
}

func (c *client) resetAll() error {
	if err := c.do("RESET ALL"); err != nil {
		return err
	}
	c.model.resetAll()
	return c.look()
}

// resetAndAsk leaves the second statement of a text without a tenant: it fails, which takes the reset
// back, or finds a temporary table of the tenant's.
func (c *client) resetAndAsk() error {
	a, err := c.want("RESET ALL; "+whoSQL, 1, query("RESET ALL; "+whoSQL), "", "42P01")
	if err != nil {
		return err
	}
	if a.code == "" {
		c.model.resetAll()
	}
	return c.look()
}

func (c *client) discardAll() error {
	if err := c.do("DISCARD ALL"); err != nil {
		return err
	}
	c.model.discardAll()
	c.pinned = false
	return c.look()
}

func (c *client) discardSome() error {
	switch c.dice.IntN(4) {
	case 0:
		c.model.sequence = ""
		return c.do("DISCARD SEQUENCES")
	case 1:
		c.forget("t_")
		return c.do("DISCARD TEMP")
	case 2:
		clear(c.model.prepared)
		c.forget("q_")
		return c.do("DEALLOCATE ALL")
	}
	return c.do("DISCARD PLANS")
}

// forget takes the objects of a kind out of the model.
func (c *client) forget(kind string) {
	for name := range c.model.objects {
		if strings.HasPrefix(name, kind) {
			delete(c.model.objects, name)
		}
	}
}

func (c *client) readOnly() error {
	if err := c.do("SET default_transaction_read_only = on"); err != nil {
		return err
	}
	if err := c.do(c.ledgerSQL(), "25006"); err != nil {
		return err
	}
	return c.do("RESET default_transaction_read_only")
}

func (c *client) otherRole() error {
	return c.do([]string{"SET ROLE ", "SET SESSION AUTHORIZATION ", "SET LOCAL ROLE "}[c.dice.IntN(3)]+ident(c.other().home), "42501")
}

// foreignTable names another tenant's table, which only privileges keep away.
func (c *client) foreignTable() error {
	if c.probe.route.Role == "" || c.other() == c.probe {
		return c.simple()
	}
	return c.do("SELECT tenant, pg_backend_pid() FROM "+ident(c.other().home)+".soak_items", "42501")
}
