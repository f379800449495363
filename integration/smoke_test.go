package integration

import "testing"

func TestEachTenantReadsItsOwnRowsThroughOneServer(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: 1})
		for range 3 {
			for _, tenant := range tenants {
				login(t, p.endpoint, tenant).expect("SELECT name FROM whoami", tenant)
			}
		}
	})
}
