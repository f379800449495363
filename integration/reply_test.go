package integration

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// reply is one message of a server, as it came.
type reply struct {
	kind byte
	body []byte
}

// maxReply bounds what one message may announce in these tests.
const maxReply = 64 << 20

func readReply(r *bufio.Reader) (reply, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return reply{}, err
	}
	n := int64(binary.BigEndian.Uint32(head[1:])) - 4
	if n < 0 || n > maxReply {
		return reply{}, fmt.Errorf("a message %q of %d bytes", head[0], n)
	}
	m := reply{head[0], make([]byte, n)}
	if _, err := io.ReadFull(r, m.body); err != nil {
		return reply{}, fmt.Errorf("inside a message %q: %w", head[0], err)
	}
	return m, nil
}

// serverError is an ErrorResponse or NoticeResponse.
type serverError struct {
	severity, code, message, detail, hint, routine string

	fields []field // in the order they came
}

type field struct {
	kind byte
	text string
}

func (e *serverError) Error() string {
	return fmt.Sprintf("%s %s: %s (detail %q, hint %q)", e.severity, e.code, e.message, e.detail, e.hint)
}

func parseError(body []byte) *serverError {
	e := &serverError{}
	for len(body) > 1 {
		text, rest, ok := bytes.Cut(body[1:], []byte{0})
		if !ok {
			break
		}
		e.fields = append(e.fields, field{body[0], string(text)})
		body = rest
	}
	for _, f := range e.fields {
		if at := e.known(f.kind); at != nil {
			*at = f.text
		}
	}
	return e
}

func (e *serverError) known(kind byte) *string {
	switch kind {
	case 'S':
		return &e.severity
	case 'C':
		return &e.code
	case 'M':
		return &e.message
	case 'D':
		return &e.detail
	case 'H':
		return &e.hint
	case 'R':
		return &e.routine
	}
	return nil
}

// row splits a DataRow into its fields; NULL is "<null>".
func (m reply) row() []string {
	fields := make([]string, 0, 4)
	for b := m.body[2:]; len(b) >= 4; {
		n := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if n < 0 {
			fields = append(fields, "<null>")
			continue
		}
		fields = append(fields, string(b[:n]))
		b = b[n:]
	}
	return fields
}

// kinds are the types of messages, in their order.
func kinds(replies []reply) string {
	var b []byte
	for _, m := range replies {
		b = append(b, m.kind)
	}
	return string(b)
}

// firstError is the first ErrorResponse among replies, or nil.
func firstError(replies []reply) *serverError {
	for _, m := range replies {
		if m.kind == 'E' {
			return parseError(m.body)
		}
	}
	return nil
}

// bytes are the whole message as it came.
func (m reply) bytes() []byte {
	b := binary.BigEndian.AppendUint32([]byte{m.kind}, uint32(len(m.body)+4))
	return append(b, m.body...)
}
