package integration

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TENANTPOOL_TENANTS says how many rows a registry has here, for more than a few; then a thousand tenants
// come and go while two hundred clients work.
func TestTenantsThatComeAndGoDisturbNobodyElse(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		rows, clients, passing := 500, 10, 40
		if n, err := strconv.Atoi(os.Getenv("TENANTPOOL_TENANTS")); err == nil {
			rows, clients, passing = n, 200, 1000
		}
		w.withRegistry(t)
		w.exec(t, fmt.Sprintf(`INSERT INTO tenantpool.tenants (name) SELECT 'acme' UNION ALL SELECT 'globex' UNION ALL SELECT 'initech'
			UNION ALL SELECT 'tenant_' || i FROM generate_series(4, %d) i`, rows))
		s := registered("")
		s.plain = true
		p := startPooler(t, w, s)
		p.eventuallyAdmits(t, "acme_r")
		var stop atomic.Bool
		var done atomic.Int64
		var work sync.WaitGroup
		for i := range clients {
			tenant := tenants[i%len(tenants)]
			c := login(t, p.endpoint, tenant+"_r")
			work.Go(func() {
				for !stop.Load() {
					if got, e := c.try("SELECT name FROM whoami"); e != nil || got[0][0] != tenant {
						t.Errorf("%s: %v, %v", tenant, got, e)
						return
					}
					done.Add(1)
				}
			})
		}
		conn := w.superuser(t)
		defer conn.Close(t.Context())
		began := time.Now()
		for i := range passing {
			name := fmt.Sprintf("passing_%d", i)
			firstValue(t, conn, "INSERT INTO tenantpool.tenants (name, schema) VALUES ('"+name+"', '"+name+"')")
			if i%100 == 0 {
				seen := time.Now()
				eventually(t, name+" is known", func() bool {
					_, e := tryLogin(t, p.endpoint, "app", password("app"), name+"_r")
					return e != nil && e.code == "3F000" // it is a tenant, and its schema is not there
				})
				t.Logf("%s is seen after %v", name, time.Since(seen).Round(time.Millisecond))
			}
			firstValue(t, conn, "DELETE FROM tenantpool.tenants WHERE name = '"+name+"'")
		}
		eventually(t, "the last is gone", func() bool {
			_, e := tryLogin(t, p.endpoint, "app", password("app"), fmt.Sprintf("passing_%d_r", passing-1))
			return e != nil && e.code == "3D000"
		})
		t.Logf("%d rows: %d tenants came and went in %v, beside %d queries of %d clients", rows, passing,
			time.Since(began).Round(time.Millisecond), done.Load(), clients)
		stop.Store(true)
		work.Wait()
	})
}
