package pool

import (
	"strings"

	"tenantpool/wire"
)

var undo = newSwitch([]command{{"ROLLBACK", "ROLLBACK"}})

// RollbackMessage ends the transaction that a session has left open. It is
// checked like a switch but proves nothing about the connection's state.
func RollbackMessage() *Switch { return undo }

// Restore sets what p decides, and own, once more, behind a reset of the client's. It
// shares the fate of the client's transaction if one is open. It proves nothing:
// the next checkout switches.
func (p *Profile) Restore(own []Setting, inTransaction bool) *Switch {
	cs := appendSets(appendSets(nil, p.spec.Settings), own)
	cs = append(cs, command{"SET search_path TO " + quotePath(p.spec.Path), "SET"})
	if role := p.spec.Role; role != "" {
		cs = append(cs, command{"SET ROLE " + QuoteIdent(role), "SET"})
	}
	sw := newSwitch(cs)
	sw.inside = inTransaction
	return sw
}

// RestoreOwn is Restore for settings of the client's own alone.
func RestoreOwn(own []Setting, inTransaction bool) *Switch {
	sw := newSwitch(appendSets(nil, own))
	sw.inside = inTransaction
	return sw
}

// ReadMessage is the Query that reads settings back, in the order of names; its
// one row has NULL for those that do not exist. Values come as UTF-8, whatever
// the client speaks: as such they are set again.
func ReadMessage(names []string) []byte {
	calls := make([]string, len(names))
	for i, name := range names {
		calls[i] = "pg_catalog.current_setting(" + QuoteValue(name) + ", true)"
	}
	return wire.AppendQuery(nil, "SET LOCAL client_encoding TO 'UTF8'; SELECT "+strings.Join(calls, ", "))
}
