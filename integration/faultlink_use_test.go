package integration

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"
)

// recital is all that a client says from its first byte to its last: a query, a batch, two COPYs, a
// transaction.
func recital(tenant string) []byte {
	return join(startup(version30, "user", "app", "database", tenant),
		query("SELECT name FROM whoami"),
		parse("s", "SELECT name FROM whoami WHERE name = $1"), bind("", "s", tenant), describePortal(""), execute("", 0), syncNow,
		query("COPY notes FROM STDIN"), copyData("1\tx\n"), copyDone,
		query("COPY whoami TO STDOUT"),
		query("BEGIN"), query("SELECT name FROM whoami"), query("ROLLBACK"), terminate)
}

// recite says the whole script on a connection of its own and returns what came back until it closed.
func recite(t *testing.T, e endpoint, tenant string) []byte {
	t.Helper()
	c := dialRaw(t, e)
	defer c.vanish(true)
	hurl(c, recital(tenant))
	c.conn.SetReadDeadline(time.Now().Add(patience))
	heard, _ := io.ReadAll(c.in)
	return heard
}

// Whatever a fault at any byte of a conversation does to it, nothing of another tenant's is heard, and
// those who come next get their own rows.
func TestAFaultAtAnyByteBetweenClientAndPoolerHarmsNobodyElse(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1, trust: true, global: `client_gone_grace = "20ms"` + "\n" + `idle_transaction_timeout = "100ms"`})
		f := openFaultLink(t, p.address())
		everyFault(t, p, f, func() { f.set(nil); recite(t, f.endpoint(), "acme") }, func(x fault) {
			f.set(&x)
			if heard := recite(t, f.endpoint(), "acme"); bytes.Contains(heard, []byte("globex")) {
				t.Errorf("%+v: heard of another tenant: %q", x, heard)
			}
		})
	})
}

// Between pooler and server a flipped byte may change what is asked and answered, and what the pooler
// believes of the connection's path it asks the server itself: no row is another tenant's here either,
// but where the flip falls into the tenant's own name.
func TestAFaultAtAnyByteBetweenPoolerAndServerHarmsNobodyElse(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		f := openFaultLink(t, endpoint{host: w.server.Host, port: w.server.Port}.address())
		p := startPooler(t, w, setup{size: 1, trust: true, host: f.listener.Addr().String(), cluster: "schema_check = 0",
			global: `client_gone_grace = "20ms"` + "\n" + `query_timeout = "100ms"` + "\n" + `idle_transaction_timeout = "100ms"`})
		both := func() { recite(t, p.endpoint, "globex"); recite(t, p.endpoint, "acme") }
		everyFault(t, p, f, func() { f.set(nil); both() }, func(x fault) {
			f.set(&x)
			heard := recite(t, p.endpoint, "acme")
			if x.kind != flips && bytes.Contains(heard, []byte("globex")) {
				t.Errorf("%+v: heard of another tenant: %q", x, heard)
			}
			f.set(nil)
		})
	})
}

// everyFault measures a conversation without one, and then has each kind of fault hit it at many of
// its bytes, the two tenants' rows being looked at behind each.
func everyFault(t *testing.T, p *pooler, f *faultLink, whole func(), suffer func(x fault)) {
	t.Helper()
	whole()
	length := [2]int64{f.passed[0].Load(), f.passed[1].Load()}
	n := 0
	strides := map[faultKind]int64{cuts: 29, flips: 23, stalls: 97}
	if everywhere() {
		strides = map[faultKind]int64{cuts: 7, flips: 5, stalls: 41}
	}
	for kind, stride := range strides {
		for way, back := range []bool{false, true} {
			for at := int64(0); at < length[way] && !t.Failed(); at += stride {
				suffer(fault{back, at, kind})
				for _, tenant := range []string{"globex", "acme"} {
					c := login(t, p.endpoint, tenant)
					c.only(t, fmt.Sprintf("a %s at byte %d (back %v)", kind, at, back), trick{}, tenant)
					c.vanish(false)
				}
				n++
			}
		}
	}
	t.Logf("%d faults over %d bytes forth and %d back", n, length[0], length[1])
}
