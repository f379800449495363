package metrics

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tenantpool/proxy"
)

// What is told of the pooler as a whole.
var (
	clientWait      = define(histogram, "client_wait_seconds", "How long sessions waited for a server, each time they needed one; 0 counts.")
	switchTime      = define(histogram, "switch_seconds", "From sending a switch to a tenant to its proof.")
	queryTime       = define(histogram, "query_duration_seconds", "From the first message of an exchange to the server's ReadyForQuery.")
	transactTime    = define(histogram, "transaction_duration_seconds", "From a transaction's first message to its end.")
	loginTime       = define(histogram, "login_seconds", "Logins of clients that succeeded, from the connection to the greeting.", "method")
	errorsTold      = define(counter, "errors_total", "Errors that clients were told, by SQLSTATE and by who made them, pooler or server; the two hundred first codes, then other.", "sqlstate", "origin")
	cancels         = define(counter, "cancels_total", "Cancel requests: passed to the session they name, or unknown.", "result")
	clients         = define(gauge, "clients", "Clients connected, those that log in included.")
	maxClients      = define(gauge, "max_clients", "The limit of clients; 0 is none.")
	tenantsSeen     = define(gauge, "tenants", "Tenants that have had a client.")
	draining        = define(gauge, "draining", "1 while no new work may begin, else 0.")
	panics          = define(counter, "panics_total", "Sessions and logins that a bug has ended.")
	reloadOK        = define(gauge, "config_last_reload_success", "1 if the configuration was last read without a fault, else 0.")
	reloadTime      = define(gauge, "config_last_reload_timestamp_seconds", "When the configuration that is in use was read.")
	certificateEnds = define(gauge, "tls_cert_expiry_seconds", "When the certificate that clients are shown expires, in Unix time; absent without one.")
	buildInfo       = define(gauge, "build_info", "1, with the version of the pooler and of its compiler.", "version", "goversion")
)

// collector gives Prometheus a picture of the pooler.
type collector struct {
	server *Server
	mu     sync.Mutex // guards labels
	labels labels
}

// Describe is prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range defined {
		to <- m.desc
	}
}

// Collect is prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	snap := c.server.snapshot()
	c.tenants(to, snap)
	c.pools(to)
	c.whole(to, snap)
	c.histograms(to, snap)
}

func (c *collector) tenants(to chan<- prometheus.Metric, snap *proxy.Snapshot) {
	c.mu.Lock()
	by := c.labels.labelled(snap.Tenants)
	c.mu.Unlock()
	for name, t := range by {
		for _, s := range ofTenants {
			to <- s.sample(t, name)
		}
	}
}

func (c *collector) pools(to chan<- prometheus.Metric) {
	all := append(closed(), ofPools...)
	p := c.server.o.Proxy
	for _, name := range p.Clusters() {
		pl := p.Pool(name)
		if pl == nil {
			continue // it has gone meanwhile
		}
		stats := pl.Stats()
		for _, s := range all {
			to <- s.sample(&stats, name)
		}
	}
}

func (c *collector) whole(to chan<- prometheus.Metric, snap *proxy.Snapshot) {
	for _, e := range snap.Errors {
		to <- errorsTold.sample(float64(e.Count), e.Code, e.Origin.String())
	}
	to <- cancels.sample(float64(snap.Cancels.Passed()), "passed")
	to <- cancels.sample(float64(snap.Cancels.Unknown), "unknown")
	to <- clients.sample(float64(snap.Clients))
	to <- maxClients.sample(float64(snap.MaxClients))
	to <- tenantsSeen.sample(float64(len(snap.Tenants)))
	to <- draining.sample(oneIf(snap.Draining))
	to <- panics.sample(float64(snap.Panics))
	ok, at := c.server.reload.last()
	to <- reloadOK.sample(oneIf(ok))
	to <- reloadTime.sample(unix(at))
	if end := snap.CertificateEnds; !end.IsZero() {
		to <- certificateEnds.sample(unix(end))
	}
	to <- buildInfo.sample(1, c.server.o.Version, runtime.Version())
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (c *collector) histograms(to chan<- prometheus.Metric, snap *proxy.Snapshot) {
	to <- measured(clientWait, &snap.Wait)
	to <- measured(switchTime, &snap.Switch)
	to <- measured(queryTime, &snap.Query)
	to <- measured(transactTime, &snap.Transaction)
	for method, h := range snap.Logins {
		to <- measured(loginTime, &h, method)
	}
}

// measured gives a histogram as Prometheus has them: each bucket holds those
// below it.
func measured(m *metric, h *proxy.Histogram, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, proxy.HistogramBuckets)
	sum := uint64(0)
	for i := range proxy.HistogramBuckets - 1 {
		sum += h.Buckets[i]
		buckets[proxy.HistogramBound(i).Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(m.desc, h.Count(), h.Sum.Seconds(), buckets, labels...)
}
