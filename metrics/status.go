package metrics

import (
	"encoding/json"
	"net/http"
	"time"

	"tenantpool/pool"
	"tenantpool/proxy"
)

// status is what the status page shows; times are in seconds. Counts have grown
// since the start: rates are the page's to draw from two of them.
type status struct {
	Version    string       `json:"version"`
	Instance   string       `json:"instance"`
	Uptime     float64      `json:"uptime"`
	Draining   bool         `json:"draining"`
	Clients    int          `json:"clients"`
	MaxClients int          `json:"maxClients"`
	Tenants    []tenantLine `json:"tenants"`
	Pools      []poolLine   `json:"pools"`
	Waiters    []waiterLine `json:"waiters"`
	Waiting    int          `json:"waiting"` // waiters, those that are not listed included
	Errors     []errorLine  `json:"errors"`
	Events     []eventLine  `json:"events"`
}

type tenantLine struct {
	Name         string  `json:"name"`
	Clients      int64   `json:"clients"`
	Active       int64   `json:"active"`
	Waiting      int64   `json:"waiting"`
	Pinned       int64   `json:"pinned"`
	MaxWait      float64 `json:"maxWait"`
	Wait         float64 `json:"wait"`
	Assignments  int64   `json:"assignments"`
	Transactions int64   `json:"transactions"`
	TransactTime float64 `json:"transactionTime"`
	Queries      int64   `json:"queries"`
	QueryTime    float64 `json:"queryTime"`
	Received     int64   `json:"received"`
	Sent         int64   `json:"sent"`
	Switches     int64   `json:"switches"`
	Errors       int64   `json:"errors"`
	Pins         int64   `json:"pins"`
}

type poolLine struct {
	Name    string `json:"name"`
	Limit   int    `json:"limit"`
	Active  int    `json:"active"`
	Idle    int    `json:"idle"`
	Login   int    `json:"login"`
	Closing int    `json:"closing"`
	Waiting int    `json:"waiting"`
	Logins  uint64 `json:"logins"`
	Failed  uint64 `json:"failed"`
}

type waiterLine struct {
	Tenant string  `json:"tenant"`
	User   string  `json:"user"`
	For    float64 `json:"for"`
}

type errorLine struct {
	Code   string `json:"code"`
	Origin string `json:"origin"`
	Count  int64  `json:"count"`
}

type eventLine struct {
	Time  string `json:"time"`
	Level string `json:"level"`
	Text  string `json:"text"`
}

// maxWaiters is how many are listed, those who wait longest.
const maxWaiters = 100

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.status())
}

func (s *Server) status() *status {
	snap := s.snapshot()
	st := &status{Version: s.o.Version, Instance: s.o.Instance, Uptime: time.Since(s.started).Seconds(),
		Draining: snap.Draining, Clients: snap.Clients, MaxClients: snap.MaxClients, Waiting: len(snap.Waiters),
		Tenants: make([]tenantLine, 0, len(snap.Tenants)), Pools: []poolLine{}, Waiters: []waiterLine{}, Errors: []errorLine{}, Events: []eventLine{}}
	for i := range snap.Tenants {
		st.Tenants = append(st.Tenants, tenantOf(&snap.Tenants[i]))
	}
	for _, name := range s.o.Proxy.Clusters() {
		if p := s.o.Proxy.Pool(name); p != nil {
			st.Pools = append(st.Pools, poolOf(name, p.Stats()))
		}
	}
	for _, waiter := range snap.Waiters[:min(len(snap.Waiters), maxWaiters)] {
		st.Waiters = append(st.Waiters, waiterLine{waiter.Tenant, waiter.User, waiter.For.Seconds()})
	}
	for _, e := range snap.Errors {
		st.Errors = append(st.Errors, errorLine{e.Code, e.Origin.String(), e.Count})
	}
	if s.o.Events != nil {
		for _, e := range s.o.Events() {
			st.Events = append(st.Events, eventLine{e.Time.UTC().Format(time.RFC3339), e.Level, e.Text})
		}
	}
	return st
}

func tenantOf(t *proxy.TenantStats) tenantLine {
	return tenantLine{Name: t.Tenant, Clients: t.Clients, Active: t.Active, Waiting: t.Waiting, Pinned: t.Pinned,
		MaxWait: t.MaxWait.Seconds(), Wait: t.WaitTime.Seconds(), Assignments: t.Assignments,
		Transactions: t.Transactions, TransactTime: t.TransactionTime.Seconds(),
		Queries: t.Queries, QueryTime: t.QueryTime.Seconds(), Received: t.BytesReceived, Sent: t.BytesSent,
		Switches: t.Switches, Errors: t.Errors, Pins: t.Pins}
}

func poolOf(name string, p pool.Stats) poolLine {
	return poolLine{Name: name, Limit: p.Limit, Active: p.Lent, Idle: p.Idle, Login: p.Dialing, Closing: p.Closing,
		Waiting: p.Waiting, Logins: p.Logins, Failed: p.FailedLogins}
}
