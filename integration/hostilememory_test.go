package integration

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

const (
	squatters     = 500
	squatterBytes = 20 << 10 // that one more hostile client may cost
)

// squats are ways to stay connected and make the pooler keep as much as possible.
var squats = []struct {
	name  string
	login bool
	holds bool // its server, until idle_transaction_timeout
	squat func(c *rawClient)
}{
	{"silent", false, false, func(*rawClient) {}},
	{"a startup packet without its last byte", false, false, func(c *rawClient) {
		long := startup(version30, "user", "app", "database", "acme", "application_name", strings.Repeat("x", 9900))
		hurl(c, long[:len(long)-1])
	}},
	{"a password message of which little comes", false, false, func(c *rawClient) {
		hurl(c, acmeStartup)
		c.next()
		hurl(c, append(binary.BigEndian.AppendUint32([]byte{'p'}, 60<<10), strings.Repeat("x", 1000)...))
	}},
	{"a password message without its last byte", false, false, func(c *rawClient) {
		hurl(c, acmeStartup)
		c.next()
		hurl(c, append(binary.BigEndian.AppendUint32([]byte{'p'}, 60<<10), strings.Repeat("x", 60<<10-5)...))
	}},
	{"a gigabyte of a Query of which little comes", true, false, func(c *rawClient) {
		hurl(c, append(binary.BigEndian.AppendUint32([]byte{'Q'}, 1<<30-2), "SELECT"...))
	}},
	{"most of a Query of 60 kB", true, true, func(c *rawClient) {
		hurl(c, append(binary.BigEndian.AppendUint32([]byte{'Q'}, 60<<10), strings.Repeat("x", 59<<10)...))
	}},
	{"a header without its last byte", true, false, func(c *rawClient) { hurl(c, []byte("P\x00\x00\x00")) }},
	{"a thousand answers unread", true, false, func(c *rawClient) { hurl(c, []byte(strings.Repeat(string(syncNow), 1000))) }},
}

func TestAHostileClientCostsNoMoreThanItMay(t *testing.T) {
	needsPooler(t)
	onEachInTurn(t, func(t *testing.T, w *world) {
		for _, q := range squats {
			t.Run(q.name, func(t *testing.T) {
				p := startPooler(t, w, setup{size: 4, trust: q.login, plain: true, global: `client_login_timeout = "2m"`})
				var all []*rawClient
				squat := func(n int) {
					for range n {
						c := dialRaw(t, p.endpoint)
						all = append(all, c)
						if q.login {
							hurl(c, acmeStartup)
							c.until('Z')
						}
						q.squat(c)
					}
				}
				squat(50) // what the first cost is nobody's own
				growth := math.MaxInt
				for range 3 { // garbage that is not collected yet is nobody's either
					before := rss(t, p.process.PID())
					squat(squatters)
					growth = min(growth, rss(t, p.process.PID())-before)
					if growth <= squatters*squatterBytes {
						break
					}
				}
				t.Logf("%d bytes each", growth/squatters)
				if growth > squatters*squatterBytes {
					t.Errorf("%d hostile clients cost %d bytes, %d each", squatters, growth, growth/squatters)
				}
				for _, c := range all {
					if q.holds {
						c.vanish(false)
					}
				}
				if q.login {
					expectAllLent(t, w, p, 4)
				} else {
					expectAsNew(t, p, "globex")
				}
			})
		}
	})
}
