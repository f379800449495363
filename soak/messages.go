package soak

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"
)

// The messages of a client.

func encode(m pgproto3.FrontendMessage) []byte {
	b, err := m.Encode(nil)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // these messages are small and legal
	}
	return b
}

func query(sql string) []byte       { return encode(&pgproto3.Query{String: sql}) }
func parse(name, sql string) []byte { return encode(&pgproto3.Parse{Name: name, Query: sql}) }

// bind binds parameters in text form and asks for results in text form.
func bind(portal, statement string, parameters ...string) []byte {
	m := &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
	for _, p := range parameters {
		m.Parameters = append(m.Parameters, []byte(p))
	}
	return encode(m)
}

func describe(kind byte, name string) []byte {
	return encode(&pgproto3.Describe{ObjectType: kind, Name: name})
}

func closeStatement(name string) []byte { return encode(&pgproto3.Close{ObjectType: 'S', Name: name}) }

func closePortal(name string) []byte { return encode(&pgproto3.Close{ObjectType: 'P', Name: name}) }

// execute runs a portal for a number of rows, all of them if it is 0.
func execute(portal string, rows uint32) []byte {
	return encode(&pgproto3.Execute{Portal: portal, MaxRows: rows})
}

func copyData(data string) []byte { return encode(&pgproto3.CopyData{Data: []byte(data)}) }
func copyFail() []byte            { return encode(&pgproto3.CopyFail{Message: "never mind"}) }

var (
	syncNow   = encode(&pgproto3.Sync{})
	flush     = encode(&pgproto3.Flush{})
	copyDone  = encode(&pgproto3.CopyDone{})
	terminate = encode(&pgproto3.Terminate{})
)

// once is a whole statement in one batch.
func once(sql string, parameters ...string) []byte {
	return join(parse("", sql), bind("", "", parameters...), describe('P', ""), execute("", 0), syncNow)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
