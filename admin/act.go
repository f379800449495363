package admin

import (
	"fmt"
	"strconv"
	"strings"

	"tenantpool/proxy"
	"tenantpool/routing"
	"tenantpool/wire"
)

// whom is how an operator says for whom a verb is.
const whom = "[database | TENANT name]"

// lifecycle are the verbs for tenants, for databases, which are the clusters here, and for everybody.
var lifecycle = []command{
	{words: "PAUSE", args: whom, doc: "Lets present transactions end and makes new work wait; returns when no server connection is in use. Of a database, or of all, they are closed.",
		role: Operator, takes: true, waits: true, run: verb("PAUSE", func(c *call, sc proxy.Scope) error { return c.s.console.proxy.Pause(c.ctx, sc) })},
	{words: "RESUME", args: whom, doc: "Ends PAUSE, SUSPEND, DRAIN, and the pause that KILL leaves.", role: Operator, takes: true, run: verb("RESUME", resume)},
	{words: "SUSPEND", args: "database | TENANT name ['reason'] [NOW]", doc: "Ends sessions with 57P03 and the reason, when their transactions end or NOW, and refuses logins with the same.",
		takes: true, run: act("SUSPEND", suspend)},
	{words: "DRAIN", args: whom, doc: "Ends sessions with 57P01 when their transactions end, and refuses logins; returns when the last has gone.",
		takes: true, waits: true, run: verb("DRAIN", func(c *call, sc proxy.Scope) error { return c.s.console.proxy.Retire(c.ctx, sc) })},
	{words: "DISABLE", args: "database | TENANT name", doc: "Refuses new logins; sessions stay.", takes: true, run: verb("DISABLE", disable)},
	{words: "ENABLE", args: "database | TENANT name", doc: "Ends DISABLE.", takes: true, run: verb("ENABLE", enable)},
	{words: "KILL", args: whom, doc: "Ends sessions at once with 57P01 and cancels what they run. A database, or all, is paused besides, until RESUME.",
		role: Operator, takes: true, run: verb("KILL", kill)},
	{words: "RECONNECT", args: whom, doc: "Replaces server connections: idle ones at once, others when they are given back.", role: Operator, takes: true,
		run: verb("RECONNECT", func(c *call, sc proxy.Scope) error { c.s.console.proxy.Reconnect(sc); return nil })},
	{words: "WAIT_CLOSE", args: whom, doc: "Waits until the server connections that RECONNECT replaces have gone.", takes: true, waits: true,
		run: verb("WAIT_CLOSE", func(c *call, sc proxy.Scope) error { return c.s.console.proxy.WaitClose(c.ctx, sc) })},
	{words: "KILL_CLIENT", args: "id", doc: "Ends one session, by its id in SHOW CLIENTS.", takes: true,
		run: byID("KILL_CLIENT", "client", func(c *call, id uint64) bool { return c.s.console.proxy.KillClient(id) })},
	{words: "KILL_SERVER", args: "id", doc: "Closes one server connection, by its id in SHOW SERVERS, and ends the session that has it.", takes: true,
		run: byID("KILL_SERVER", "server connection", func(c *call, id uint64) bool { return c.s.console.proxy.KillServer(id) })},
}

// verb makes a command's function of a verb of the lifecycle.
func verb(tag string, do func(*call, proxy.Scope) error) func(*call) ([]row, string, error) {
	return act(tag, func(c *call) error {
		sc, rest, err := c.scope()
		switch {
		case err != nil:
			return err
		case len(rest) > 0:
			return &wire.Error{Code: "42601", Message: fmt.Sprintf("%s: nothing is expected at %q", tag, clip(rest[0].text))}
		}
		c.s.console.log(c, tag+" "+sc.String())
		return do(c, sc)
	})
}

// scope reads for whom a verb is, and returns the words behind that.
func (c *call) scope() (proxy.Scope, []word, error) {
	args := c.args
	switch {
	case len(args) == 0:
		return proxy.Scope{}, nil, nil
	case args[0].is("TENANT") && len(args) == 1:
		return proxy.Scope{}, nil, &wire.Error{Code: "42601", Message: "TENANT is followed by a name"}
	case args[0].is("TENANT"):
		name := args[1].text
		if err := routing.CheckName(name); err != nil {
			return proxy.Scope{}, nil, &wire.Error{Code: "42602", Message: err.Error()}
		}
		if !c.s.console.knows(name) {
			c.s.notice(fmt.Sprintf("no client of tenant %q has been seen yet", name))
		}
		return proxy.Scope{Tenant: name}, args[2:], nil
	}
	name := args[0].text
	if c.s.console.proxy.Pool(name) == nil {
		return proxy.Scope{}, nil, &wire.Error{Code: "3D000", Message: fmt.Sprintf("there is no database %q", clip(name)),
			Hint: fmt.Sprintf("SHOW DATABASES lists them: they are the clusters of the configuration. A tenant is named by TENANT %s.", clip(name))}
	}
	return proxy.Scope{Cluster: name}, args[1:], nil
}

func resume(c *call, sc proxy.Scope) error {
	if !c.s.console.proxy.Resume(sc) {
		c.s.notice(fmt.Sprintf("nothing held %s back", sc))
	}
	all, _ := c.s.console.proxy.Standing(sc.Cluster, sc.Tenant)
	if all.String() != "active" {
		c.s.notice(fmt.Sprintf("%s is still %s, for another reason: see SHOW TENANTS, SHOW DATABASES, SHOW STATE and the configuration", sc, all))
	}
	return nil
}

func suspend(c *call) error {
	if len(c.args) == 0 {
		return &wire.Error{Code: "0A000", Message: "SUSPEND of everybody is not supported", Hint: "For a restart send SIGTERM, or say PAUSE; SUSPEND takes a database or TENANT name."}
	}
	sc, rest, err := c.scope()
	if err != nil {
		return err
	}
	now := len(rest) > 0 && rest[len(rest)-1].is("NOW")
	if now {
		rest = rest[:len(rest)-1]
	}
	reason := join(rest)
	if len(reason) > 500 {
		return &wire.Error{Code: "22001", Message: "a reason is 500 bytes long at most"}
	}
	c.s.console.log(c, "SUSPEND "+sc.String())
	c.s.console.proxy.Suspend(sc, reason, now)
	return nil
}

// named refuses a verb for everybody.
func named(tag string, sc proxy.Scope) error {
	if sc == (proxy.Scope{}) {
		return &wire.Error{Code: "42601", Message: tag + " is followed by a database or TENANT name"}
	}
	return nil
}

func disable(c *call, sc proxy.Scope) error {
	if err := named("DISABLE", sc); err != nil {
		return err
	}
	c.s.console.proxy.Disable(sc)
	return nil
}

func enable(c *call, sc proxy.Scope) error {
	if err := named("ENABLE", sc); err != nil {
		return err
	}
	if !c.s.console.proxy.Enable(sc) {
		c.s.notice(fmt.Sprintf("%s was not disabled", sc))
	}
	return nil
}

func kill(c *call, sc proxy.Scope) error {
	if sc.Tenant == "" {
		c.s.console.proxy.Hold(sc)
	}
	n := c.s.console.proxy.Kill(sc)
	c.s.notice(fmt.Sprintf("%d sessions ended", n))
	return nil
}

// byID makes a command's function of one that ends something by its number.
func byID(tag, what string, do func(*call, uint64) bool) func(*call) ([]row, string, error) {
	return act(tag, func(c *call) error {
		id, err := strconv.ParseUint(strings.TrimLeft(join(c.args), "cs"), 10, 48)
		if err != nil {
			return &wire.Error{Code: "42601", Message: tag + " is followed by the id of a " + what}
		}
		if !do(c, id) {
			return &wire.Error{Code: "42704", Message: fmt.Sprintf("there is no %s %d", what, id)}
		}
		c.s.console.log(c, fmt.Sprintf("%s %d", tag, id))
		return nil
	})
}

// log notes what an operator has done.
func (c *Console) log(by *call, what string) {
	c.o.Log.Info("console", "user", by.s.op.User, "command", what)
	c.o.Events.Add(Event{Kind: "console", Text: what + " by " + by.s.op.User})
}
