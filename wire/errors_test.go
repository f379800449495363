package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

var sampleError = Error{
	Severity: "FATAL", Code: "3D000", Message: `database "acme" does not exist`,
	Detail: "It was never there.", Hint: "SHOW WHY says more.",
}

func TestAnErrorReadsBackAsItWasWritten(t *testing.T) {
	for _, e := range []Error{sampleError, {Severity: "WARNING", Code: "01000", Message: "careful"}, {Message: "é"}} {
		msg := e.AppendTo([]byte("before"))
		msg = bytes.TrimPrefix(msg, []byte("before"))
		typ, n, headErr := ServerHeader(msg)
		if headErr != nil || typ != ServerErrorResponse || n != len(msg) {
			t.Fatalf("header %c, %d of %d bytes, %v", typ, n, len(msg), headErr)
		}
		f, err := ParseErrorFields(msg[HeaderSize:])
		if err != nil {
			t.Fatal(err)
		}
		got := Error{string(f.Severity), string(f.Code), string(f.Message), string(f.Detail), string(f.Hint)}
		if want := (Error{e.severity(), e.code(), e.Message, e.Detail, e.Hint}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestAnotherCodecReadsTheSameError(t *testing.T) {
	var got pgproto3.ErrorResponse
	if err := got.Decode(sampleError.AppendTo(nil)[HeaderSize:]); err != nil {
		t.Fatal(err)
	}
	want := pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "3D000", Message: sampleError.Message,
		Detail: sampleError.Detail, Hint: sampleError.Hint, Routine: "tenantpool",
	}
	if got.Severity != want.Severity || got.SeverityUnlocalized != want.SeverityUnlocalized || got.Code != want.Code ||
		got.Message != want.Message || got.Detail != want.Detail || got.Hint != want.Hint || got.Routine != want.Routine {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestANulInATextCannotStartAFieldOfItsOwn(t *testing.T) {
	e := Error{Severity: "ERROR", Code: "42501", Message: "no\x00C00000\x00"}
	f, err := ParseErrorFields(e.AppendTo(nil)[HeaderSize:])
	if err != nil || string(f.Message) != "no" || string(f.Code) != "42501" {
		t.Errorf("message %q, code %q, %v", f.Message, f.Code, err)
	}
}

func TestSeverityIsTheUnlocalisedOneWhereverItStands(t *testing.T) {
	for body, want := range map[string]string{
		"SFEHLER\x00VERROR\x00\x00": "ERROR",
		"VERROR\x00SFEHLER\x00\x00": "ERROR",
		"SFATAL\x00\x00":            "FATAL",
		"\x00":                      "",
		"SA\x00SB\x00\x00":          "B",
		"VA\x00SX\x00VB\x00\x00":    "B",
	} {
		f, err := ParseErrorFields([]byte(body))
		if err != nil || string(f.Severity) != want {
			t.Errorf("%q: %q, %v", body, f.Severity, err)
		}
	}
}

func TestMissingRepeatedUnknownAndLongFieldsAreRead(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	f, err := ParseErrorFields([]byte("M" + long + "\x00Wwhere\x00M\x00Mlast\x00?\x00\x00"))
	if err != nil || string(f.Message) != "last" || f.Code != nil || f.Detail != nil {
		t.Errorf("%.20q, %v", f.Message, err)
	}
}

func TestEveryStrictPrefixOfAnErrorIsRefused(t *testing.T) {
	body := sampleError.AppendTo(nil)[HeaderSize:]
	for n := range body {
		if f, err := ParseErrorFields(body[:n:n]); err == nil {
			t.Errorf("%d of %d bytes pass: %q", n, len(body), f.Message)
		}
	}
	if _, err := ParseErrorFields(append(bytes.Clone(body), 'x')); err == nil {
		t.Error("a byte behind the terminator passes")
	}
}

func TestReadingErrorFieldsAllocatesNothing(t *testing.T) {
	body := sampleError.AppendTo(nil)[HeaderSize:]
	if n := testing.AllocsPerRun(100, func() { _, _ = ParseErrorFields(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnErrorTellsSeverityAndCode(t *testing.T) {
	var err error = FatalProtocol("bad %s", "frame")
	if err.Error() != "FATAL: bad frame (SQLSTATE 08P01)" {
		t.Error(err)
	}
	if got := (&Error{Message: "m"}).Error(); got != "ERROR: m (SQLSTATE XX000)" {
		t.Error(got)
	}
	var e *Error
	if !errors.As(err, &e) || e.WithSeverity("ERROR").Severity != "ERROR" || e.Severity != "FATAL" {
		t.Error("WithSeverity is to leave the original alone")
	}
}

func FuzzParseErrorFields(f *testing.F) {
	f.Add(sampleError.AppendTo(nil)[HeaderSize:])
	f.Add([]byte("SERROR\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseErrorFields(body)
		if err != nil {
			return
		}
		e := Error{string(got.Severity), string(got.Code), string(got.Message), string(got.Detail), string(got.Hint)}
		again, err := ParseErrorFields(e.AppendTo(nil)[HeaderSize:])
		if err != nil || string(again.Message) != e.Message || string(again.Hint) != e.Hint {
			t.Errorf("%q reads %+v, then %q, %v", body, e, again, err)
		}
	})
}
