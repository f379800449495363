package integration

import (
	"encoding/binary"

	"github.com/jackc/pgproto3/v2"
)

// The messages of a client, built by a codec that shares nothing with the pooler's.

func encode(m pgproto3.FrontendMessage) []byte {
	b, err := m.Encode(nil)
	if err != nil {
		panic(err) // a fault of the test: these messages are small and legal
	}
	return b
}

func query(sql string) []byte { return encode(&pgproto3.Query{String: sql}) }

func parse(name, sql string, types ...uint32) []byte {
	return encode(&pgproto3.Parse{Name: name, Query: sql, ParameterOIDs: types})
}

// bind binds parameters in text form and asks for results in text form.
func bind(portal, statement string, parameters ...string) []byte {
	m := &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
	for _, p := range parameters {
		m.Parameters = append(m.Parameters, []byte(p))
	}
	return encode(m)
}

func describeStatement(name string) []byte {
	return encode(&pgproto3.Describe{ObjectType: 'S', Name: name})
}

func describePortal(name string) []byte {
	return encode(&pgproto3.Describe{ObjectType: 'P', Name: name})
}

// execute runs a portal for a number of rows, all of them if it is 0.
func execute(portal string, rows uint32) []byte {
	return encode(&pgproto3.Execute{Portal: portal, MaxRows: rows})
}

func closeStatement(name string) []byte { return encode(&pgproto3.Close{ObjectType: 'S', Name: name}) }
func closePortal(name string) []byte    { return encode(&pgproto3.Close{ObjectType: 'P', Name: name}) }
func copyData(data string) []byte       { return encode(&pgproto3.CopyData{Data: []byte(data)}) }
func copyFail(why string) []byte        { return encode(&pgproto3.CopyFail{Message: why}) }

var (
	syncNow   = encode(&pgproto3.Sync{})
	flush     = encode(&pgproto3.Flush{})
	copyDone  = encode(&pgproto3.CopyDone{})
	terminate = encode(&pgproto3.Terminate{})
)

// functionCall calls a function by its number with arguments in text form.
func functionCall(oid uint32, arguments ...string) []byte {
	m := &pgproto3.FunctionCall{Function: oid}
	for _, a := range arguments {
		m.Arguments = append(m.Arguments, []byte(a))
	}
	return encode(m)
}

// once is a whole statement in one batch: Parse, Bind, Describe, Execute, Sync.
func once(sql string, parameters ...string) []byte {
	return join(parse("", sql), bind("", "", parameters...), describePortal(""), execute("", 0), syncNow)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// packet is a message of the startup phase, which has no type byte.
func packet(code uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, code), body...)
}

const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSENC = 80877104
	version30  = 3 << 16
	version32  = 3<<16 | 2
)

// startup is a startup packet with names and values in turn.
func startup(version uint32, namesAndValues ...string) []byte {
	var body []byte
	for _, s := range append(namesAndValues, "") {
		body = append(append(body, s...), 0)
	}
	return packet(version, body)
}

func cancelRequest(pid uint32, key []byte) []byte {
	return packet(codeCancel, append(binary.BigEndian.AppendUint32(nil, pid), key...))
}
