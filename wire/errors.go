package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Severities of an Error, as Postgres spells them in the unlocalised field V.
const (
	SeverityError   = "ERROR"
	SeverityFatal   = "FATAL"
	SeverityWarning = "WARNING"
)

// protocolViolation is the SQLSTATE of a broken frame or a message that its
// state does not allow.
const protocolViolation = "08P01"

// routine is the field R of every error the pooler makes itself, so that logs
// can tell who spoke.
const routine = "tenantpool"

// Error is an error the pooler tells a client, or one side's breach of the
// protocol. Code is a SQLSTATE. Empty Detail and Hint are left out; an empty
// Severity reads as ERROR, an empty Code as XX000.
type Error struct {
	Severity, Code, Message, Detail, Hint string
}

// FatalProtocol is the error for a client or server that broke the protocol:
// FATAL 08P01. The connection ends; nothing is resynchronised.
func FatalProtocol(format string, args ...any) *Error {
	return fatal(protocolViolation, format, args...)
}

func fatal(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error gives severity, message and SQLSTATE on one line, without detail and hint.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (SQLSTATE %s)", e.severity(), e.Message, e.code())
}

// WithSeverity is a copy of e under another severity.
func (e *Error) WithSeverity(s string) *Error {
	c := *e
	c.Severity = s
	return &c
}

// AppendTo appends e to dst as a whole ErrorResponse message. A NUL inside a
// text would end its field early for the reader, so the text is cut there.
func (e *Error) AppendTo(dst []byte) []byte {
	start := len(dst)
	dst = begin(dst, byte(ServerErrorResponse))
	dst = appendField(dst, 'S', e.severity())
	dst = appendField(dst, 'V', e.severity())
	dst = appendField(dst, 'C', e.code())
	dst = appendField(dst, 'M', e.Message)
	if e.Detail != "" {
		dst = appendField(dst, 'D', e.Detail)
	}
	if e.Hint != "" {
		dst = appendField(dst, 'H', e.Hint)
	}
	dst = append(appendField(dst, 'R', routine), 0)
	return finish(dst, start)
}

func (e *Error) severity() string {
	if e.Severity == "" {
		return SeverityError
	}
	return e.Severity
}

func (e *Error) code() string {
	if e.Code == "" {
		return "XX000"
	}
	return e.Code
}

func appendField(dst []byte, field byte, text string) []byte {
	text, _, _ = strings.Cut(text, "\x00")
	return append(append(append(dst, field), text...), 0)
}

// ErrorFields are the fields of an ErrorResponse or NoticeResponse that the
// pooler reads, as views into its body; a field that was not sent is nil.
// Severity is the unlocalised field V (9.6 and later) if there was one, else S.
type ErrorFields struct {
	Severity, Code, Message, Detail, Hint []byte
}

var errErrorFields = errors.New("malformed fields in an error or notice of the server")

// ParseErrorFields reads the body of an ErrorResponse or NoticeResponse. Which
// fields there are, and how often, is up to the server: unknown ones are
// skipped and of repeated ones the last counts, as in libpq. A field without
// its end, a missing terminator and bytes behind it are errors.
func ParseErrorFields(body []byte) (ErrorFields, error) {
	var f ErrorFields
	unlocalised := false
	for len(body) > 0 {
		field, rest := body[0], body[1:]
		if field == 0 {
			if len(rest) > 0 {
				return ErrorFields{}, errErrorFields
			}
			return f, nil
		}
		value, next, ok := cstring(rest)
		if !ok {
			break
		}
		body = next
		switch field {
		case 'V':
			f.Severity, unlocalised = value, true
		case 'S':
			if !unlocalised {
				f.Severity = value
			}
		case 'C':
			f.Code = value
		case 'M':
			f.Message = value
		case 'D':
			f.Detail = value
		case 'H':
			f.Hint = value
		}
	}
	return ErrorFields{}, errErrorFields
}
