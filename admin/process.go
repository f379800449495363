package admin

import (
	"fmt"
	"strings"

	"tenantpool/wire"
)

// process are the commands for the process as a whole.
var process = []command{
	{words: "RELOAD", doc: "Reads the configuration again, all of it or nothing, and says what has changed.", role: Operator, waits: true, run: act("RELOAD", reload)},
	{words: "SHUTDOWN", args: "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]", doc: "Ends the process: at once, when transactions have ended, or when the last client has gone.",
		takes: true, run: act("SHUTDOWN", shutdown)},
}

// showReloads are the last reloads.
func showReloads(c *call) (rows []row, err error) {
	r := c.s.console.reloader()
	if r == nil {
		return nil, nil
	}
	for _, one := range r.Reloads() {
		result := "failed"
		if one.OK {
			result = "ok"
		}
		rows = append(rows, row{one.At, result, one.Took, null(strings.Join(one.Changes, "\n")), null(strings.Join(one.Problems, "\n"))})
	}
	return rows, nil
}

func reload(c *call) error {
	con := c.s.console
	r := con.reloader()
	if r == nil {
		return notHere("RELOAD")
	}
	con.log(c, "RELOAD")
	out := r.Reload(c.ctx)
	if !out.OK {
		e := &wire.Error{Code: "F0000", Message: "RELOAD failed", Hint: "Nothing has changed. tenantpool check shows every fault."}
		switch n := len(out.Problems); {
		case n == 1:
			e.Message += ": " + out.Problems[0]
		case n > 1:
			e.Message += fmt.Sprintf(" for %d reasons; nothing has changed", n)
			e.Detail = strings.Join(out.Problems, "\n")
		}
		return e
	}
	con.runtime.Clear()
	for _, change := range out.Changes {
		c.s.notice(change)
	}
	return nil
}

func shutdown(c *call) error {
	when := AtOnce
	switch {
	case c.s.console.o.Shutdown == nil:
		return notHere("SHUTDOWN")
	case len(c.args) == 0:
	case len(c.args) == 1 && c.args[0].is("WAIT_FOR_SERVERS"):
		when = AfterServers
	case len(c.args) == 1 && c.args[0].is("WAIT_FOR_CLIENTS"):
		when = AfterClients
	default:
		return &wire.Error{Code: "42601", Message: "SHUTDOWN may be followed by WAIT_FOR_SERVERS or WAIT_FOR_CLIENTS"}
	}
	c.s.console.log(c, "SHUTDOWN "+join(c.args))
	c.s.console.o.Shutdown(when)
	return nil
}
