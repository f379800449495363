package config

import (
	"testing"
	"time"

	"tenantpool/routing"
)

// A route has its limits from the top, unless it says otherwise, and a tenant
// from its route; 0 is off at each level.
func TestLimitsComeFromTheTenantElseItsRouteElseTheTop(t *testing.T) {
	c := mustLoad(t, "query_timeout = \"1m\"\nclient_idle_timeout = \"1h\"\nquery_wait_timeout = \"5s\"\nprepared = { per_client = 7 }\n"+head+route+
		"query_timeout = \"30s\"\nmax_waiting = 9\nmax_qps = 100\nmax_bps = \"1MB\"\nmax_clients = 8\n"+
		"[tenant.acme]\nquery_timeout = 0\nquery_wait_timeout = \"1s\"\nmax_qps_burst = 10\nmax_prepared = 3\nweight = 4\nmax_waiting = \"off\"\n"+
		"[tenant.globex]\n")
	for tenant, want := range map[string]routing.Limits{
		"acme": {MaxClients: 8, Weight: 4, MaxQPS: 100, MaxQPSBurst: 10, MaxBPS: 1 << 20, MaxPrepared: 3,
			QueryWaitTimeout: time.Second, IdleTransactionTimeout: 5 * time.Minute, ClientIdleTimeout: time.Hour},
		"globex": {MaxClients: 8, Weight: 1, MaxWaiting: 9, MaxQPS: 100, MaxBPS: 1 << 20, MaxPrepared: 7,
			QueryWaitTimeout: 5 * time.Second, QueryTimeout: 30 * time.Second, IdleTransactionTimeout: 5 * time.Minute, ClientIdleTimeout: time.Hour},
	} {
		r, err := c.Table.Resolve(routing.Identity{User: tenant, Database: tenant})
		if err != nil {
			t.Fatal(err)
		}
		if r.Limits != want {
			t.Errorf("%s has\n%+v, want\n%+v", tenant, r.Limits, want)
		}
	}
	if c.Tenants[1].Limits != nil {
		t.Error("a tenant without limits of its own has memory for them")
	}
}
