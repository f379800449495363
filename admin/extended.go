package admin

import (
	"encoding/binary"
	"fmt"

	"tenantpool/wire"
)

// prepared is a statement of the extended protocol; nil words are an empty text.
type prepared struct{ words []word }

// portal is a statement bound to the formats of its answer. It runs once, and hands its rows out in
// as many pieces as it is asked to.
type portal struct {
	call    *call // nil: an empty text
	formats []int16
	ran     bool
	rows    []row
	tag     string
}

// extended handles a message of the extended protocol.
func (s *session) extended(m wire.ClientMsg, body []byte) error {
	switch m {
	case wire.ClientParse:
		return s.parse(body)
	case wire.ClientBind:
		return s.bind(body)
	case wire.ClientDescribe:
		return s.describe(body)
	case wire.ClientExecute:
		return s.executePortal(body)
	case wire.ClientClose:
		return s.closeTarget(body)
	}
	return &wire.Error{Code: "0A000", Message: "the console does not call functions"}
}

func (s *session) parse(body []byte) error {
	name, rest, ok := wire.SplitParse(body)
	if !ok || !wire.ValidParse(rest) {
		return malformed("Parse")
	}
	list, err := statements(string(wire.ParseText(rest)))
	switch {
	case err != nil:
		return err
	case len(list) > 1:
		return &wire.Error{Code: "42601", Message: "cannot insert multiple commands into a prepared statement"}
	case len(name) > 0 && s.prepared[string(name)] != nil:
		return &wire.Error{Code: "42P05", Message: fmt.Sprintf("prepared statement %q already exists", name)}
	}
	st := new(prepared)
	if len(list) == 1 {
		st.words = list[0]
		if _, err := s.find(st.words); err != nil {
			return err
		}
	}
	if len(s.prepared) >= 1000 {
		return &wire.Error{Code: "53400", Message: "a session of the console may have 1000 prepared statements"}
	}
	s.prepared[string(name)] = st
	s.out = wire.AppendEmpty(s.out, wire.ServerParseComplete)
	return nil
}

func (s *session) bind(body []byte) error {
	name, statement, rest, ok := wire.SplitBind(body)
	if !ok {
		return malformed("Bind")
	}
	st := s.prepared[string(statement)]
	if st == nil {
		return unknownStatement(statement)
	}
	params, formats, ok := splitFormats(rest)
	switch {
	case !ok:
		return malformed("Bind")
	case params > 0:
		return &wire.Error{Code: "08P01", Message: fmt.Sprintf("bind message supplies %d parameters, but commands of the console take none", params)}
	}
	p := &portal{formats: formats}
	if st.words != nil {
		var err error
		if p.call, err = s.find(st.words); err != nil {
			return err
		}
		if n := len(p.call.columns()); len(formats) > 1 && len(formats) != n {
			return &wire.Error{Code: "08P01", Message: fmt.Sprintf("bind message has %d result formats but query has %d columns", len(formats), n)}
		}
	}
	s.portals[string(name)] = p
	s.out = wire.AppendEmpty(s.out, wire.ServerBindComplete)
	return nil
}

// splitFormats reads the end of a Bind: how many parameters there are, and the formats of the answer.
func splitFormats(b []byte) (params int, formats []int16, ok bool) {
	number := func() int {
		if len(b) < 2 {
			b, ok = nil, false
			return 0
		}
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		return n
	}
	ok = true
	for range number() { // formats of parameters
		number()
	}
	if params = number(); params > 0 {
		return params, nil, ok
	}
	for range number() {
		formats = append(formats, int16(number()))
	}
	for _, f := range formats {
		ok = ok && (f == 0 || f == 1)
	}
	return params, formats, ok && len(b) == 0
}

func (s *session) describe(body []byte) error {
	kind, name, ok := wire.SplitTarget(body)
	if !ok {
		return malformed("Describe")
	}
	var c *call
	var formats []int16
	if kind == 'S' {
		st := s.prepared[string(name)]
		if st == nil {
			return unknownStatement(name)
		}
		at := len(s.out)
		s.out = finish(append(message(s.out, wire.ServerParameterDescription), 0, 0), at)
		if st.words != nil {
			c, _ = s.find(st.words) // Parse has found it
		}
	} else {
		p := s.portals[string(name)]
		if p == nil {
			return unknownPortal(name)
		}
		c, formats = p.call, p.formats
	}
	if c == nil || c.columns() == nil {
		s.out = wire.AppendEmpty(s.out, wire.ServerNoData)
		return nil
	}
	s.out = appendRowDescription(s.out, c.columns(), formats)
	return nil
}

func (s *session) executePortal(body []byte) error {
	end := len(body) - 5
	if end < 0 || body[end] != 0 {
		return malformed("Execute")
	}
	limit := int(int32(binary.BigEndian.Uint32(body[end+1:])))
	p := s.portals[string(body[:end])]
	switch {
	case p == nil:
		return unknownPortal(body[:end])
	case p.call == nil:
		s.out = wire.AppendEmpty(s.out, wire.ServerEmptyQuery)
		return nil
	case !p.ran:
		p.ran = true
		var err error
		if p.rows, p.tag, err = s.execute(p.call); err != nil {
			return err
		}
	}
	for n := 0; len(p.rows) > 0; n++ {
		if limit > 0 && n == limit {
			s.out = wire.AppendEmpty(s.out, wire.ServerPortalSuspended)
			return nil
		}
		s.out = appendDataRow(s.out, p.call.columns(), p.formats, p.rows[0])
		p.rows = p.rows[1:]
		if len(s.out) > flushSize {
			s.flush()
		}
	}
	s.out = wire.AppendCommandComplete(s.out, p.tag)
	return nil
}

func (s *session) closeTarget(body []byte) error {
	kind, name, ok := wire.SplitTarget(body)
	if !ok {
		return malformed("Close")
	}
	if kind == 'S' {
		delete(s.prepared, string(name))
	} else {
		delete(s.portals, string(name))
	}
	s.out = wire.AppendEmpty(s.out, wire.ServerCloseComplete)
	return nil
}

func malformed(what string) error { return &wire.Error{Code: "08P01", Message: "malformed " + what} }

func unknownStatement(name []byte) error {
	return &wire.Error{Code: "26000", Message: fmt.Sprintf("prepared statement %q does not exist", name)}
}

func unknownPortal(name []byte) error {
	return &wire.Error{Code: "34000", Message: fmt.Sprintf("portal %q does not exist", name)}
}
