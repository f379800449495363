package admin

import (
	"fmt"
	"strings"

	"tenantpool/wire"
)

// courtesies are what clients of Postgres say without being asked to. They do nothing, but the answer
// is what the client waits for.
var courtesies = []command{
	{words: "BEGIN", role: Stats, takes: true, run: status("BEGIN", wire.TxOpen)},
	{words: "START TRANSACTION", role: Stats, takes: true, run: status("START TRANSACTION", wire.TxOpen)},
	{words: "COMMIT", role: Stats, takes: true, run: status("COMMIT", wire.TxIdle)},
	{words: "END", role: Stats, takes: true, run: status("COMMIT", wire.TxIdle)},
	{words: "ROLLBACK", role: Stats, takes: true, run: status("ROLLBACK", wire.TxIdle)},
	{words: "ABORT", role: Stats, takes: true, run: status("ROLLBACK", wire.TxIdle)},
	{words: "DISCARD", role: Stats, takes: true, run: act("DISCARD ALL", func(c *call) error { clear(c.s.prepared); return nil })},
	{words: "DEALLOCATE", role: Stats, takes: true, run: act("DEALLOCATE", func(*call) error { return nil })},
	{words: "RESET", role: Stats, takes: true, run: act("RESET", func(*call) error { return nil })},
	{words: "SET", args: "key = value", doc: "Changes a setting of this process until the next reload; SHOW CONFIG lists which can be changed.",
		role: Stats, takes: true, run: act("SET", set)},
}

// status changes the status of transaction that a client is told. There are no transactions.
func status(tag string, to byte) func(*call) ([]row, string, error) {
	return act(tag, func(c *call) error {
		c.s.status = to
		return nil
	})
}

// clientSettings are settings of a session of Postgres that clients set and that mean nothing here.
var clientSettings = []string{"extra_float_digits", "bytea_output", "statement_timeout", "lock_timeout", "search_path",
	"default_transaction_isolation", "transaction_isolation", "timezone", "datestyle", "idle_in_transaction_session_timeout"}

// set changes a setting: a client's own is taken and means nothing, one of the pooler's needs the
// right to.
func set(c *call) error {
	args := c.args
	if len(args) > 0 && (args[0].is("SESSION") || args[0].is("LOCAL")) {
		args = args[1:]
	}
	if len(args) > 0 && (args[0].is("CHARACTERISTICS") || args[0].is("TIME") || args[0].is("TRANSACTION")) {
		return nil
	}
	if len(args) < 3 || args[1].text != "=" && !args[1].is("TO") {
		return &wire.Error{Code: "42601", Message: "SET is followed by key = value"}
	}
	key, value := args[0].text, join(args[2:])
	if c.s.clients(key, value) {
		return nil
	}
	if c.s.role < Admin {
		return &wire.Error{Code: "42501", Message: fmt.Sprintf("permission denied for SET %s", clip(key)), Hint: "It needs the role admin."}
	}
	if c.s.console.o.Set == nil {
		return notHere("SET")
	}
	if err := c.s.console.o.Set(c.ctx, key, value); err != nil {
		return err
	}
	c.s.console.runtime.Store(strings.ReplaceAll(key, "log_level", "log.level"), value)
	c.s.console.log(c, "SET "+clip(key))
	return nil
}

// clients takes a setting that is the client's own.
func (s *session) clients(key, value string) bool {
	for name := range s.params {
		if strings.EqualFold(name, key) {
			if name == "application_name" {
				s.params[name] = value
				s.out = wire.AppendParameterStatus(s.out, name, value)
			}
			return true
		}
	}
	for _, name := range clientSettings {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// notHere is the error for what this process does not do.
func notHere(what string) error {
	return &wire.Error{Code: "0A000", Message: what + " is not supported by this version of tenantpool"}
}
