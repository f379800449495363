package pool

import (
	"testing"

	"tenantpool/wire"
)

// Whatever a server says, a change of tenant is confirmed by nothing that does not repeat its number.
func FuzzNoAnswerWithoutItsNumberConfirmsASwitch(f *testing.F) {
	var good []byte
	for _, m := range goodReply(ScrubAll) {
		good = append(append(good, byte(m.t), byte(len(m.body))), m.body...)
	}
	f.Add(good)
	f.Add([]byte("Z\x01I"))
	f.Add([]byte("E\x00Z\x01I"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, r := stateOf(t, NewStates(), "acme", Setting{"datestyle", "ISO"}).Switch(ScrubAll).Ask(nil)
		for len(b) >= 2 {
			n := min(int(b[1]), len(b)-2)
			done, err := r.Feed(wire.ServerMsg(b[0]), b[2:2+n])
			if done && err == nil {
				t.Fatal("confirmed")
			}
			if done || err != nil {
				return
			}
			b = b[2+n:]
		}
	})
}

func FuzzReportKeepsWhatItHadWhenItRefuses(f *testing.F) {
	f.Add([]byte("TimeZone\x00UTC\x00"))
	f.Add([]byte("TimeZone"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := NewParams(Setting{"a", "b"})
		after, err := p.Report(body)
		if err != nil && after != p {
			t.Fatalf("%q was refused, but changed the table", body)
		}
		if v, ok := after.Get("a"); !ok || v != "b" && string(body) != "a\x00"+v+"\x00" {
			t.Fatalf("%q changed another parameter", body)
		}
	})
}

func FuzzLeftReadsAnyRow(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00\x00\x01t"))
	f.Fuzz(func(t *testing.T, row []byte) {
		if kinds, ok := Left(row); ok && kinds >= 1<<LeftColumns {
			t.Fatalf("% x gives %b", row, kinds)
		}
	})
}
