package wire

import (
	"bytes"
	"encoding/binary"
)

// The decoders below return views into the body they are given. They look at
// the front of a message only, so that a long one need not be held whole.

// cstring splits b behind its first zero byte; ok is false if there is none.
func cstring(b []byte) (s, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

// SplitParse splits a Parse body, or its beginning, into the statement's name
// and what follows: text, zero byte, parameter types.
func SplitParse(body []byte) (name, rest []byte, ok bool) { return cstring(body) }

// SplitBind splits a Bind body, or its beginning, into portal name, statement
// name and what follows.
func SplitBind(body []byte) (portal, statement, rest []byte, ok bool) {
	portal, rest, ok = cstring(body)
	if !ok {
		return nil, nil, nil, false
	}
	statement, rest, ok = cstring(rest)
	return portal, statement, rest, ok
}

// SplitTarget splits the body of a Describe or Close into its kind ('S' or
// 'P') and name. ok is false if the body is not exactly that.
func SplitTarget(body []byte) (kind byte, name []byte, ok bool) {
	if len(body) < 2 || body[0] != 'S' && body[0] != 'P' {
		return 0, nil, false
	}
	name, rest, ok := cstring(body[1:])
	return body[0], name, ok && len(rest) == 0
}

// QueryText returns the text of a whole Query body. ok is false if it does not
// end in exactly one zero byte.
func QueryText(body []byte) (sql []byte, ok bool) {
	sql, rest, ok := cstring(body)
	return sql, ok && len(rest) == 0
}

// ValidParse says whether rest, what follows the name in a whole Parse body, is
// a text, a count and as many parameter types.
func ValidParse(rest []byte) bool {
	_, types, ok := cstring(rest)
	if !ok || len(types) < 2 {
		return false
	}
	return len(types) == 2+4*int(binary.BigEndian.Uint16(types))
}

// ParseText is the text in what follows the name in a Parse body; the whole of
// it if it is cut before its end.
func ParseText(rest []byte) []byte {
	if text, _, ok := cstring(rest); ok {
		return text
	}
	return rest
}

// SplitParameterStatus splits a ParameterStatus body into name and value.
func SplitParameterStatus(body []byte) (name, value []byte, ok bool) {
	name, rest, ok := cstring(body)
	if !ok {
		return nil, nil, false
	}
	value, rest, ok = cstring(rest)
	return name, value, ok && len(rest) == 0
}

// CommandTag is the tag in a CommandComplete body.
func CommandTag(body []byte) (tag []byte, ok bool) {
	tag, rest, ok := cstring(body)
	return tag, ok && len(rest) == 0
}
