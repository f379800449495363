package integration

import "testing"

// A client's own round trip is one; a change of tenant is one more, whatever ran before.
func TestAChangeOfTenantCostsOneRoundTrip(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: "schema_check = 0"})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		a2 := login(t, p.endpoint, "acme")
		named := join(parse("mine", "SELECT name FROM whoami"), syncNow)
		for _, c := range []*rawClient{a, b} {
			c.send(named)
			c.until('Z')
		}
		for _, c := range []struct {
			what   string
			before string // run by a
			next   *rawClient
			trips  int64
		}{
			{"the same session", "SELECT 1", a, 1},
			{"another session of the tenant", "SELECT 1", a2, 1},
			{"another session of the tenant, behind what may have moved the path", "SELECT shared.run('SELECT 1')", a2, 2},
			{"another tenant", "SELECT 1", b, 2},
			{"another tenant, behind what may have left anything", "SELECT shared.run('SELECT 1')", b, 2},
			{"another tenant, behind SQL DEALLOCATE", "SELECT 1; DEALLOCATE ALL", b, 2},
			{"another tenant, behind a setting", "SET DateStyle TO German", b, 2},
		} {
			a.run(c.before)
			if got := x.during(func() { c.next.run("SELECT name FROM whoami") }); got != c.trips {
				t.Errorf("%s: %d round trips, want %d", c.what, got, c.trips)
			}
		}
	})
}
