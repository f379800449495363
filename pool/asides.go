package pool

import (
	"slices"
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

// RestoreLost is Restore of what the server shows to have been reset. It is for a
// reset that may have been undone again: what has not been reset keeps its value.
func (p *Profile) RestoreLost(own []Setting, inTransaction bool) *Switch {
	all := slices.Concat(p.spec.Settings, own, []Setting{{"search_path", PathText(p.spec.Path)}})
	cs := []command{setLost(all)}
	if p.spec.Role != "" { // last: a role may not be allowed to set what the login may
		cs = append(cs, setLost([]Setting{{"role", p.spec.Role}}))
	}
	sw := newSwitch(cs)
	sw.inside = inTransaction
	return sw
}

// setLost sets those of the settings that stand at what a reset returns to. The
// server knows it of those that it lists; of the others it is the empty value,
// or no role.
func setLost(all []Setting) command {
	rows := make([]string, len(all))
	for i, s := range all {
		rows[i] = "(" + QuoteValue(settingName(s.Name)) + ", " + QuoteValue(s.Value) + ")"
	}
	const is = " OPERATOR(pg_catalog.=) "
	return command{"SELECT pg_catalog.count(pg_catalog.set_config(o.name, o.value, false)) FROM (VALUES " + strings.Join(rows, ", ") + ") o(name, value)" +
		" LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name)" + is + "o.name" +
		" WHERE CASE WHEN s.name IS NOT NULL THEN NOT s.source" + is + "'session'" +
		" ELSE coalesce(pg_catalog.current_setting(o.name, true)" + is + "ANY (ARRAY['', 'none']), true) END", selectTag}
}

// ReadMessage is the Query that reads settings back, in the order of names; its
// one row has NULL for those that do not exist. With doubted, statements have
// failed since the names were collected, and there is NULL also for what is as
// the login has it: it may never have been set, nor be anybody's to set. With
// foreign the values come in hexadecimal digits, of UTF-8: the client's encoding
// is another.
func ReadMessage(names []string, doubted, foreign bool) []byte {
	values := make([]string, len(names))
	for i, name := range names {
		v := "pg_catalog.current_setting(" + QuoteValue(name) + ", true)"
		if doubted && !custom(name) && name != "search_path" {
			v = "(SELECT pg_catalog.current_setting(s.name) FROM pg_catalog.pg_settings s WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) " +
				QuoteValue(name) + " AND s.setting OPERATOR(pg_catalog.<>) s.reset_val)"
		}
		if foreign {
			v = "pg_catalog.encode(pg_catalog.convert_to(" + v + ", 'UTF8'), 'hex')"
		}
		values[i] = v
	}
	return wire.AppendQuery(nil, "SELECT "+strings.Join(values, ", "))
}
