package pool

import (
	"errors"
	"strings"
	"testing"

	"tenantpool/wire"
)

// said is one message of a server's.
type said struct {
	t    wire.ServerMsg
	body string
}

func complete(tag string) said { return said{wire.ServerCommandComplete, tag + "\x00"} }
func ready(status string) said { return said{wire.ServerReadyForQuery, status} }
func spoke(t wire.ServerMsg, severity, code string) said {
	return said{t, "S" + severity + "\x00V" + severity + "\x00C" + code + "\x00Mtext\x00\x00"}
}

var oneRow = []said{{wire.ServerRowDescription, ""}, {wire.ServerDataRow, ""}, complete("SELECT 1")}

// echo stands for the nonce that the text had.
const echo = "(nonce)"

// goodReply is what a server says when a switch with one own setting succeeds.
func goodReply(k Scrub) []said {
	reply := []said{complete("SET"), complete("RESET"), complete("SET"), complete("SET")}
	if k != ScrubSettings {
		reply = append(reply, complete("CLOSE CURSOR ALL"), complete("UNLISTEN"))
		reply = append(reply, said{wire.ServerRowDescription, echo}, said{wire.ServerDataRow, ""}, complete("SELECT 1"))
		reply = append(reply, complete("DISCARD TEMP"), complete("DISCARD SEQUENCES"))
	}
	switch k {
	case ScrubBare:
		reply = append(reply, complete("DEALLOCATE ALL"))
	case ScrubAll:
		reply = append(reply, complete("DEALLOCATE ALL"), complete("DISCARD PLANS"))
		reply = append(reply, oneRow...)
	}
	reply = append(reply, oneRow...)
	return append(reply, complete("SET"), ready("I"))
}

func feed(sw *Switch, reply []said) (done bool, err error) {
	_, r := sw.Ask(nil)
	for _, m := range reply {
		body := strings.ReplaceAll(m.body, echo, string(r.nonce[:]))
		if done, err = r.Feed(m.t, []byte(body)); done || err != nil {
			return done, err
		}
	}
	return done, err
}

func testSwitch(t *testing.T, k Scrub) *Switch {
	return stateOf(t, NewStates(), "acme", Setting{"datestyle", "ISO"}).Switch(k)
}

func TestASwitchSucceedsOnlyWhenEveryCommandCompleted(t *testing.T) {
	for k := range scrubs {
		sw, reply := testSwitch(t, k), goodReply(k)
		if done, err := feed(sw, reply); !done || err != nil {
			t.Fatalf("the good reply: %v, %v", done, err)
		}
		for i := range reply {
			without := append(append([]said(nil), reply[:i]...), reply[i+1:]...)
			if done, err := feed(sw, without); done && err == nil {
				t.Errorf("succeeded without message %d of %d", i, len(reply))
			}
			twice := append(append([]said(nil), reply[:i+1]...), reply[i:]...)
			if _, err := feed(sw, twice); err == nil && i < len(reply)-1 {
				t.Errorf("succeeded with message %d twice", i)
			}
			if done, _ := feed(sw, reply[:i]); done {
				t.Errorf("done after %d of %d messages", i, len(reply))
			}
		}
	}
}

func TestWhatMayComeBetween(t *testing.T) {
	sw, reply := testSwitch(t, ScrubFull), goodReply(ScrubFull)
	for _, c := range []struct {
		m    said
		good bool
	}{
		{said{wire.ServerParameterStatus, "search_path\x00acme\x00"}, true},
		{said{wire.ServerNotification, ""}, true},
		{spoke(wire.ServerNoticeResponse, "DEBUG1", "00000"), true},
		{spoke(wire.ServerNoticeResponse, "LOG", "00000"), true},
		{spoke(wire.ServerNoticeResponse, "INFO", "00000"), true},
		{spoke(wire.ServerNoticeResponse, "NOTICE", "42622"), false},
		{spoke(wire.ServerNoticeResponse, "WARNING", "01000"), false},
		{said{wire.ServerNoticeResponse, "SLOG"}, false},
		{said{wire.ServerEmptyQuery, ""}, false},
		{said{wire.ServerParseComplete, ""}, false},
		{said{wire.ServerCopyIn, ""}, false},
		{ready("I"), false},
	} {
		for i := range reply[:len(reply)-1] {
			with := append(append(append([]said(nil), reply[:i]...), c.m), reply[i:]...)
			if done, err := feed(sw, with); (done && err == nil) != c.good {
				t.Errorf("%q before message %d: %v, %v", byte(c.m.t), i, done, err)
			}
		}
	}
}

func TestASwitchIntoAnOpenTransactionHasFailed(t *testing.T) {
	reply := goodReply(ScrubSettings)
	for _, status := range []string{"T", "E", "", "II"} {
		reply[len(reply)-1] = ready(status)
		if done, err := feed(testSwitch(t, ScrubSettings), reply); !done || err == nil {
			t.Errorf("status %q: %v, %v", status, done, err)
		}
	}
}

func TestARefusedSwitchTellsTheServersOwnError(t *testing.T) {
	sw := testSwitch(t, ScrubFull)
	failed := []said{complete("SET"), complete("RESET"), spoke(wire.ServerErrorResponse, "ERROR", "22023")}
	done, err := feed(sw, failed)
	if done || err != nil {
		t.Fatalf("done before ReadyForQuery: %v", err)
	}
	done, err = feed(sw, append(failed, ready("I")))
	var e *wire.Error
	if !done || !errors.As(err, &e) || e.Code != "22023" || e.Message != "text" {
		t.Errorf("got %v, %v", done, err)
	}
	if done, err := feed(sw, append(failed, complete("SET"), ready("I"))); !done || errors.As(err, &e) {
		t.Errorf("a command completed behind the error: %v, %v", done, err)
	}
	if done, err := feed(sw, []said{spoke(wire.ServerErrorResponse, "FATAL", "57P01")}); !done || !errors.As(err, &e) || e.Severity != wire.SeverityFatal {
		t.Errorf("a fatal error is not the end: %v, %v", done, err)
	}
}

// What answers an earlier text of the same commands is not taken for the answer.
func TestAReplyToAnotherTextIsNone(t *testing.T) {
	for k := range scrubs {
		sw := testSwitch(t, k)
		_, earlier := sw.Ask(nil)
		message, r := sw.Ask(nil)
		if got := strings.Count(string(message), string(r.nonce[:])); k != ScrubSettings && got != 1 {
			t.Errorf("scrub %d has its nonce %d times: %q", k, got, message)
		}
		var err error
		for _, m := range goodReply(k) {
			if _, err = r.Feed(m.t, []byte(strings.ReplaceAll(m.body, echo, string(earlier.nonce[:])))); err != nil {
				break
			}
		}
		if (err == nil) != (k == ScrubSettings) {
			t.Errorf("scrub %d: the answer to an earlier text gave %v", k, err)
		}
	}
}

// A schema that may not be used is as good as none: the row that says so fails
// the switch in which everything worked.
func TestASwitchThatLooksForItsSchemaWantsToSeeIt(t *testing.T) {
	in := NewStates()
	s := in.State(mustProfile(t, in, ProfileSpec{Tenant: "acme", Schema: "x", Path: []string{"x"}}), nil)
	sw := s.checkedSwitch(ScrubSettings)
	row := func(b string) []said {
		return []said{complete("SET"), complete("RESET"), complete("SET"), complete("SET"), complete("SET"),
			{wire.ServerRowDescription, ""}, {wire.ServerDataRow, b}, complete("SELECT 1"), ready("I")}
	}
	for body, good := range map[string]bool{saysTrue: true, "\x00\x01\x00\x00\x00\x01f": false, "\x00\x01\xff\xff\xff\xff": false, "": false} {
		done, err := feed(sw, row(body))
		var e *wire.Error
		if !done || (err == nil) != good || !good && (!errors.As(err, &e) || e.Code != "3F000") {
			t.Errorf("%q: %v, %v", body, done, err)
		}
	}
	if sw == s.Switch(ScrubSettings) || sw != s.checkedSwitch(ScrubSettings) {
		t.Error("the switches are mixed up")
	}
}

func TestASettingThatLooksLikeANonceIsSetAsItIs(t *testing.T) {
	for k := range scrubs {
		sw := stateOf(t, NewStates(), "acme", Setting{"app.x", noNonce}).Switch(k)
		if message, _ := sw.Ask(nil); strings.Count(string(message), "E'"+noNonce+"'") != 1 {
			t.Errorf("scrub %d: %q", k, message)
		}
	}
}

func TestAReplyDoesNotAllocate(t *testing.T) {
	sw := testSwitch(t, ScrubFull)
	reply := goodReply(ScrubFull)
	bodies := make([][]byte, len(reply))
	for i, m := range reply {
		bodies[i] = []byte(m.body)
	}
	message, _ := sw.Ask(nil)
	n := testing.AllocsPerRun(100, func() {
		_, r := sw.Ask(message[:0])
		for i, m := range reply {
			if m.body == echo {
				bodies[i] = append(bodies[i][:0], r.nonce[:]...)
			}
			if _, err := r.Feed(m.t, bodies[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheSwitchTextIsWhatTheContractSays(t *testing.T) {
	in := NewStates()
	p := mustProfile(t, in, ProfileSpec{Tenant: "é", Path: []string{"é", `a"b`}, Role: "r", Settings: []Setting{{"app.tenant", "é'"}}})
	s := in.State(p, []Setting{{"DateStyle", "ISO"}})
	const scrub = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; RESET ALL; SET SESSION AUTHORIZATION DEFAULT; SET ROLE NONE; "
	const sweep = "CLOSE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all() AS n0000000000000000; DISCARD TEMP; DISCARD SEQUENCES; "
	const sets = `SELECT pg_catalog.set_config(E'app.tenant', E'\u00E9''', false); ` +
		`SELECT pg_catalog.set_config(E'datestyle', E'ISO', false); SET search_path TO U&"\00E9", "a""b"; SET ROLE "r"`
	for k, want := range map[Scrub]string{ScrubFull: scrub + sweep + sets, ScrubBare: scrub + sweep + "DEALLOCATE ALL; " + sets, ScrubSettings: scrub + sets} {
		m := string(s.Switch(k).message)
		if len(m) < 6 || m[0] != 'Q' || m[5:] != want+"\x00" {
			t.Errorf("scrub %d is %q, want %q", k, m, want)
		}
		if again := s.Switch(k); again != s.Switch(k) {
			t.Error("the switch is built twice")
		}
	}
	empty := in.State(mustProfile(t, in, ProfileSpec{Tenant: "none"}), nil)
	if m := string(empty.Switch(ScrubFull).message); !strings.HasSuffix(m, "; SET search_path TO ''\x00") {
		t.Errorf("an empty path is %q", m)
	}
}
