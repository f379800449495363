package admin

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"tenantpool/wire"
)

// kind is the type of a column, by Postgres's number of it.
type kind uint32

const (
	textKind kind = 25
	intKind  kind = 20   // int8
	timeKind kind = 1184 // timestamptz
)

// column is one column of an answer.
type column struct {
	name string
	kind kind
}

// texts, ints and times are columns of one type.
func texts(names ...string) []column { return columns(textKind, names) }
func ints(names ...string) []column  { return columns(intKind, names) }
func times(names ...string) []column { return columns(timeKind, names) }

func columns(k kind, names []string) []column {
	list := make([]column, len(names))
	for i, name := range names {
		list[i] = column{name, k}
	}
	return list
}

// row is one row of an answer: nil, string, int64, uint64, int or time.Time each.
type row []any

// null is the value of a text, or nothing if it is empty.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// yes is 1 or 0, as PgBouncer has it.
func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}

// message begins a message of the server's, and finish ends it.
func message(dst []byte, m wire.ServerMsg) []byte { return append(dst, byte(m), 0, 0, 0, 0) }

func finish(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-1))
	return dst
}

// appendRowDescription describes columns; formats are as a Bind has given them.
func appendRowDescription(dst []byte, cols []column, formats []int16) []byte {
	at := len(dst)
	dst = message(dst, wire.ServerRowDescription)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(cols)))
	for i, c := range cols {
		dst = append(append(dst, c.name...), 0)
		dst = append(dst, 0, 0, 0, 0, 0, 0) // no table, no column of it
		dst = binary.BigEndian.AppendUint32(dst, uint32(c.kind))
		dst = binary.BigEndian.AppendUint16(dst, uint16(c.size()))
		dst = append(dst, 0xff, 0xff, 0xff, 0xff) // no modifier
		dst = binary.BigEndian.AppendUint16(dst, uint16(format(formats, i)))
	}
	return finish(dst, at)
}

func (c column) size() int16 {
	if c.kind == textKind {
		return -1
	}
	return 8
}

// format is that of the column at i: 0 is text, 1 binary.
func format(formats []int16, i int) int16 {
	switch len(formats) {
	case 0:
		return 0
	case 1:
		return formats[0]
	}
	return formats[i]
}

func appendDataRow(dst []byte, cols []column, formats []int16, values row) []byte {
	if len(values) != len(cols) {
		panic(fmt.Sprintf("BUG: %d values for %d columns, the first of which is %s", len(values), len(cols), cols[0].name))
	}
	at := len(dst)
	dst = message(dst, wire.ServerDataRow)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(values)))
	for i, v := range values {
		if v == nil {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		length := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = cols[i].append(dst, v, format(formats, i) == 1)
		binary.BigEndian.PutUint32(dst[length:], uint32(len(dst)-length-4))
	}
	return finish(dst, at)
}

// pgEpoch is where Postgres's time begins.
var pgEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// append appends a value in the format that was asked for.
func (c column) append(dst []byte, v any, binaryFormat bool) []byte {
	switch c.kind {
	case intKind:
		n := integer(v)
		if binaryFormat {
			return binary.BigEndian.AppendUint64(dst, uint64(n))
		}
		return strconv.AppendInt(dst, n, 10)
	case timeKind:
		t := v.(time.Time).UTC()
		if binaryFormat {
			return binary.BigEndian.AppendUint64(dst, uint64(t.Sub(pgEpoch).Microseconds()))
		}
		return t.AppendFormat(dst, "2006-01-02 15:04:05.000000+00")
	}
	return append(dst, v.(string)...)
}

func integer(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case uint64:
		return int64(n)
	case time.Duration:
		return n.Microseconds()
	}
	return int64(v.(int))
}
