package admin

import (
	"errors"
	"sync"
	"time"

	"tenantpool/wire"
)

// process are the commands for the process as a whole.
var process = []command{
	{words: "RELOAD", doc: "Reads the configuration again, all of it or nothing, and says what has changed.", role: Operator, waits: true, run: act("RELOAD", reload)},
	{words: "SHUTDOWN", args: "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]", doc: "Ends the process: at once, when transactions have ended, or when the last client has gone.",
		takes: true, run: act("SHUTDOWN", shutdown)},
}

// reloaded is what came of one reload.
type reloaded struct {
	at      time.Time
	took    time.Duration
	by      string
	summary string
	err     error
}

// history keeps the last reloads.
type history struct {
	mu   sync.Mutex
	last []reloaded // oldest first
}

const keptReloads = 10

func (h *history) add(r reloaded) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = append(h.last, r)
	if n := len(h.last) - keptReloads; n > 0 {
		h.last = append([]reloaded(nil), h.last[n:]...)
	}
}

func (h *history) rows() (rows []row) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.last {
		result, problem := "ok", any(nil)
		if r.err != nil {
			result, problem = "failed", r.err.Error()
		}
		rows = append(rows, row{r.at, r.by, result, r.took, null(r.summary), problem})
	}
	return rows
}

// Reloaded notes a reload that was asked for in another way than by RELOAD, as by a signal.
func (c *Console) Reloaded(by string, began time.Time, summary string, err error) {
	if err == nil {
		c.runtime.Clear()
	}
	c.reloads.add(reloaded{began, time.Since(began), by, summary, err})
}

func reload(c *call) error {
	con := c.s.console
	if con.o.Reload == nil {
		return notHere("RELOAD")
	}
	began := time.Now()
	summary, err := con.o.Reload(c.ctx)
	con.Reloaded("console: "+c.s.op.User, began, summary, err)
	con.log(c, "RELOAD")
	if err != nil {
		e := &wire.Error{Code: "F0000", Message: "RELOAD failed: " + err.Error(), Hint: "Nothing has changed. tenantpool check shows every fault."}
		var given *wire.Error
		if errors.As(err, &given) {
			e.Message, e.Detail = "RELOAD failed: "+given.Message, given.Detail
		}
		return e
	}
	if summary != "" {
		c.s.notice(summary)
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
