package integration

import (
	"fmt"
	"strings"

	"github.com/jackc/pgproto3/v2"
)

// line is one message of a script, with what a person reads of it.
type line struct {
	bytes []byte
	text  string
	scene int  // which part of the script it belongs to
	pause bool // the client reads all it is sure to be sent before it goes on
}

func (l line) kind() byte { return l.bytes[0] }

// ending is what a client does after its last line.
type ending int

const (
	stays      ending = iota // keeps its connection for another script
	terminates               // says so, and reads to the end
	halfCloses               // closes its own direction, and reads to the end
	deserts                  // closes and reads no more
)

func (e ending) String() string {
	return [...]string{"stays", "terminates", "half-closes", "deserts"}[e]
}

// script is a generated conversation.
type script struct {
	seed   uint64
	lines  []line
	ending ending
	blind  bool // what its last scene is sent cannot be counted: it is read by the end of the connection only
}

func (s script) last() int { return s.lines[len(s.lines)-1].scene }

// String is the script as a person reads it.
func (s script) String() string {
	var b strings.Builder
	for i, l := range s.lines {
		fmt.Fprintf(&b, "%3d.%-2d %s\n", i, l.scene, l.text)
		if l.pause {
			b.WriteString("       ...\n")
		}
	}
	fmt.Fprintf(&b, "       %v", s.ending)
	if s.blind {
		b.WriteString(", and reads nothing of its last scene before")
	}
	return b.String()
}

// without is the script without the lines that drop names.
func (s script) without(drop func(i int, l line) bool) script {
	shorter := s
	shorter.lines = nil
	for i, l := range s.lines {
		if !drop(i, l) {
			shorter.lines = append(shorter.lines, l)
		}
	}
	if shorter.blind && (len(shorter.lines) == 0 || shorter.last() != s.last()) {
		shorter.blind = false
	}
	return shorter
}

// The lines of scripts. The independent codec builds them; what it cannot say is built by hand.

func queryLine(sql string) line {
	return line{bytes: query(sql), text: fmt.Sprintf("Query    %.300q", sql)}
}

func parseLine(name, sql string, types ...uint32) line {
	return line{bytes: parse(name, sql, types...), text: fmt.Sprintf("Parse    %q: %.300q %v", name, sql, types)}
}

func bindLine(b *pgproto3.Bind) line {
	values := make([]string, len(b.Parameters))
	for i, p := range b.Parameters {
		values[i] = fmt.Sprintf("%.100q", p)
		if p == nil {
			values[i] = "NULL"
		}
	}
	return line{bytes: encode(b), text: fmt.Sprintf("Bind     %q to %q: %v, formats %v, results %v", b.DestinationPortal,
		b.PreparedStatement, values, b.ParameterFormatCodes, b.ResultFormatCodes)}
}

func describeLine(kind byte, name string) line {
	return line{bytes: encode(&pgproto3.Describe{ObjectType: kind, Name: name}), text: fmt.Sprintf("Describe %c %q", kind, name)}
}

func closeLine(kind byte, name string) line {
	return line{bytes: encode(&pgproto3.Close{ObjectType: kind, Name: name}), text: fmt.Sprintf("Close    %c %q", kind, name)}
}

func executeLine(portal string, rows uint32) line {
	return line{bytes: execute(portal, rows), text: fmt.Sprintf("Execute  %q, %d rows", portal, rows)}
}

func callLine(oid uint32, arguments ...string) line {
	return line{bytes: functionCall(oid, arguments...), text: fmt.Sprintf("FunctionCall %d %q", oid, arguments)}
}

func dataLine(data string) line {
	return line{bytes: copyData(data), text: fmt.Sprintf("CopyData %.100q, %d bytes", data, len(data))}
}

func failLine(why string) line {
	return line{bytes: copyFail(why), text: fmt.Sprintf("CopyFail %q", why)}
}

var (
	syncLine  = line{bytes: syncNow, text: "Sync"}
	flushLine = line{bytes: flush, text: "Flush"}
	doneLine  = line{bytes: copyDone, text: "CopyDone"}
)
