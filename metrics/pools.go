package metrics

import (
	"tenantpool/pool"
)

// What is told of the pool of each cluster.
var (
	serverConnections = define(gauge, "server_connections", "Server connections, by what they do: idle, active for a client, login, or closing.", "pool", "state")
	poolSize          = define(gauge, "pool_size", "Server connections that there may be.", "pool")
	poolWaiting       = define(gauge, "pool_waiting_clients", "Clients that wait for a server connection.", "pool")
	poolCheckouts     = define(counter, "pool_checkouts_total", "Server connections lent.", "pool")
	poolWaits         = define(counter, "pool_waits_total", "Requests for a server connection that had to wait.", "pool")
	poolRefusals      = define(counter, "pool_refusals_total", "Requests for a server connection that were refused.", "pool")
	serverLogins      = define(counter, "server_logins_total", "Logins to the server: ok or failed.", "pool", "result")
	serverClosed      = define(counter, "server_closed_total", "Server connections closed, by reason.", "pool", "reason")
	roleAlarms        = define(counter, "role_alarms_total", "Logins to the server whose settings stored there had changed.", "pool")
	lostProofs        = define(counter, "lost_proofs_total", "Server connections whose search_path was found moved though nothing that ran could have moved it. Never due.", "pool")
)

type poolSeries = series[pool.Stats]

var ofPools = []poolSeries{
	{serverConnections, []string{"idle"}, func(p *pool.Stats) float64 { return float64(p.Idle) }},
	{serverConnections, []string{"active"}, func(p *pool.Stats) float64 { return float64(p.Lent) }},
	{serverConnections, []string{"login"}, func(p *pool.Stats) float64 { return float64(p.Dialing) }},
	{serverConnections, []string{"closing"}, func(p *pool.Stats) float64 { return float64(p.Closing) }},
	{poolSize, nil, func(p *pool.Stats) float64 { return float64(p.Limit) }},
	{poolWaiting, nil, func(p *pool.Stats) float64 { return float64(p.Waiting) }},
	{poolCheckouts, nil, func(p *pool.Stats) float64 { return float64(p.Checkouts) }},
	{poolWaits, nil, func(p *pool.Stats) float64 { return float64(p.Waits) }},
	{poolRefusals, nil, func(p *pool.Stats) float64 { return float64(p.Refused) }},
	{serverLogins, []string{"ok"}, func(p *pool.Stats) float64 { return float64(p.Logins) }},
	{serverLogins, []string{"failed"}, func(p *pool.Stats) float64 { return float64(p.FailedLogins) }},
	{roleAlarms, nil, func(p *pool.Stats) float64 { return float64(p.RoleAlarms) }},
	{lostProofs, nil, func(p *pool.Stats) float64 { return float64(p.LostProofs) }},
}

// closed gives one series for every reason, so that the first one is seen as a
// rise from 0.
func closed() (all []poolSeries) {
	for _, r := range pool.Reasons() {
		all = append(all, poolSeries{serverClosed, []string{r.String()}, func(p *pool.Stats) float64 { return float64(p.Discarded(r)) }})
	}
	return all
}
