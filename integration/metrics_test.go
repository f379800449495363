package integration

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// watched is what a setup needs at its top so that the pooler answers over HTTP.
const watched = `http = "127.0.0.1:0"`

var servingHTTP = regexp.MustCompile(`msg="serving HTTP" address=(127\.0\.0\.1:\d+)`)

// pages is where the pooler answers over HTTP.
func (p *pooler) pages(t testing.TB) string {
	t.Helper()
	line := p.log.await(t, servingHTTP)
	return "http://" + servingHTTP.FindStringSubmatch(line)[1]
}

// get fetches a page of the pooler's.
func (p *pooler) get(t testing.TB, path string) (status int, body string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.pages(t)+path, nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}

// scrape fetches the metrics as Prometheus would.
func (p *pooler) scrape(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	status, text := p.get(t, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	return families
}

// sample finds the value of one series, like `tenantpool_queries_total{tenant="acme"}`; that of a
// histogram is how many it has seen.
func sample(t testing.TB, families map[string]*dto.MetricFamily, series string) float64 {
	t.Helper()
	name, rest, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	f := families[name]
	if f == nil {
		t.Fatalf("there is no metric %s", name)
	}
	for _, m := range f.Metric {
		var labels []string
		for _, l := range m.Label {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
		if strings.Join(labels, ",") == rest {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("%s has no series %s", name, series)
	return 0
}

func TestMetricsTellWhatEachTenantDid(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: watched, size: 2})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		for range 3 {
			a.run("SELECT name FROM whoami")
		}
		a.run("BEGIN")
		a.run("SELECT 1")
		a.run("COMMIT")
		for range 2 {
			a.send(parse("", "SELECT $1::text"), bind("", "", "x"), execute("", 0), syncNow)
			a.until('Z')
		}
		a.send(parse("named", "SELECT 2"), syncNow)
		a.until('Z')
		for range 3 {
			a.send(bind("", "named"), execute("", 0), syncNow)
			a.until('Z')
		}
		b.try("SELECT no_such_column")
		b.try("SELECT 1 / 0")
		b.run("BEGIN") // and stays
		got := p.scrape(t)
		for series, want := range map[string]float64{
			`tenantpool_queries_total{tenant="acme"}`:                               12,
			`tenantpool_transactions_total{tenant="acme"}`:                          10,
			`tenantpool_prepared_total{op="client_parse",tenant="acme"}`:            3,
			`tenantpool_prepared_total{op="bind",tenant="acme"}`:                    5,
			`tenantpool_checkouts_total{result="assigned",tenant="acme"}`:           10,
			`tenantpool_checkouts_total{result="unserved",tenant="acme"}`:           0,
			`tenantpool_tenant_errors_total{tenant="acme"}`:                         0,
			`tenantpool_client_connections{state="idle",tenant="acme"}`:             1,
			`tenantpool_tenant_errors_total{tenant="globex"}`:                       2,
			`tenantpool_client_connections{state="active",tenant="globex"}`:         1,
			`tenantpool_transactions_total{tenant="globex"}`:                        2,
			`tenantpool_errors_total{origin="server",sqlstate="42703"}`:             1,
			`tenantpool_errors_total{origin="server",sqlstate="22012"}`:             1,
			`tenantpool_login_seconds{method="scram-sha-256"}`:                      2,
			`tenantpool_query_duration_seconds`:                                     15,
			`tenantpool_transaction_duration_seconds`:                               12,
			`tenantpool_client_wait_seconds`:                                        13,
			`tenantpool_server_connections{pool="main",state="active"}`:             1,
			`tenantpool_pool_size{pool="main"}`:                                     2,
			`tenantpool_clients`:                                                    2,
			`tenantpool_tenants`:                                                    2,
			`tenantpool_config_last_reload_success`:                                 1,
			`tenantpool_server_closed_total{pool="main",reason="` + lifetime + `"}`: 0,
		} {
			if n := sample(t, got, series); n != want {
				t.Errorf("%s is %v, not %v", series, n, want)
			}
		}
		sent := sample(t, got, `tenantpool_bytes_total{direction="received",tenant="globex"}`)
		if want := float64(len(query("SELECT no_such_column")) + len(query("SELECT 1 / 0")) + len(query("BEGIN"))); sent != want {
			t.Errorf("globex has sent %v bytes, not %v", sent, want)
		}
	})
}

// lifetime is a reason for which no server connection is closed in a test.
const lifetime = "lifetime"

func TestAWaitIsSeenWhileItLastsAndAfterwards(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: watched, size: 1})
		a, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		a.run("BEGIN")
		b.send(query("SELECT 1"))
		eventually(t, "globex is seen to wait", func() bool {
			return sample(t, p.scrape(t), `tenantpool_client_maxwait_seconds{tenant="globex"}`) > 0
		})
		got := p.scrape(t)
		for _, series := range []string{`tenantpool_client_connections{state="waiting",tenant="globex"}`, `tenantpool_pool_waiting_clients{pool="main"}`} {
			if n := sample(t, got, series); n != 1 {
				t.Errorf("%s is %v, not 1", series, n)
			}
		}
		_, text := p.get(t, "/status.json")
		if !strings.Contains(text, `"waiters":[{"tenant":"globex","user":"app","for":`) {
			t.Errorf("the status does not show who waits: %s", text)
		}
		a.run("COMMIT")
		b.until('Z')
		got = p.scrape(t)
		if n := sample(t, got, `tenantpool_client_maxwait_seconds{tenant="globex"}`); n != 0 {
			t.Errorf("globex still waits: %v s", n)
		}
		if n := sample(t, got, `tenantpool_wait_seconds_total{tenant="globex"}`); n <= 0 {
			t.Error("the time that globex has waited is not counted")
		}
	})
}

func TestReadyMeansThatAServerAnswersAndNothingDrains(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: watched + "\ndrain_timeout = \"60s\""})
		expect := func(path string, status int, text string) {
			t.Helper()
			if n, body := p.get(t, path); n != status || !strings.Contains(body, text) {
				t.Errorf("%s answers %d: %s", path, n, body)
			}
		}
		expect("/livez", http.StatusOK, "ok")
		expect("/readyz", http.StatusOK, "ok")
		a := login(t, p.endpoint, "acme")
		a.run("BEGIN")
		must(t, p.process.Signal(syscall.SIGTERM))
		p.log.await(t, regexp.MustCompile("msg=draining"))
		eventually(t, "it says that it drains", func() bool { n, _ := p.get(t, "/readyz"); return n == http.StatusServiceUnavailable })
		expect("/readyz", http.StatusServiceUnavailable, "draining")
		expect("/livez", http.StatusOK, "ok")
		if n := sample(t, p.scrape(t), "tenantpool_draining"); n != 1 {
			t.Errorf("tenantpool_draining is %v", n)
		}
	})
}

func TestWithoutAServerItLivesButIsNotReady(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{global: watched, host: "127.0.0.1:1"})
		if n, body := p.get(t, "/readyz"); n != http.StatusServiceUnavailable || !strings.Contains(body, "no server answers") {
			t.Errorf("/readyz answers %d: %s", n, body)
		}
		if n, _ := p.get(t, "/livez"); n != http.StatusOK {
			t.Errorf("/livez answers %d", n)
		}
	})
}

// Every metric that a dashboard or an alert names is there.
func TestDashboardsAndAlertsNameMetricsThatThereAre(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p, _ := startTLSPooler(t, w, setup{global: watched})
		a := login(t, p.endpoint, "acme")
		a.try("SELECT no_such_column")
		there := p.scrape(t)
		names := slices.Collect(maps.Keys(there))
		for _, n := range slices.Clone(names) {
			if there[n].GetType() == dto.MetricType_HISTOGRAM {
				names = append(names, n+"_bucket", n+"_sum", n+"_count")
			}
		}
		for _, file := range []string{"../deploy/grafana.json", "../deploy/alerts.yml"} {
			text, err := os.ReadFile(file)
			must(t, err)
			named := regexp.MustCompile(`\b(tenantpool|process|go)_[a-z0-9_]+`).FindAllString(string(text), -1)
			if len(named) < 10 {
				t.Errorf("%s names %d metrics only", file, len(named))
			}
			for _, n := range named {
				if !slices.Contains(names, n) {
					t.Errorf("%s names %s, which there is not", file, n)
				}
			}
		}
	})
}

func TestTheEndOfASessionIsLoggedForThoseWhoAsk(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{more: "[log]\nlevel = \"debug\"", global: `idle_transaction_timeout = "100ms"`})
		a := login(t, p.endpoint, "acme")
		a.vanish(false)
		p.log.await(t, regexp.MustCompile(`level=DEBUG msg="session ended" tenant=acme user=app session=\d+ lasted=\S+\n`))
		b := login(t, p.endpoint, "globex")
		b.run("BEGIN")
		p.log.await(t, regexp.MustCompile(`level=DEBUG msg="session ended" tenant=globex user=app session=\d+ lasted=\S+ code=25P03\n`))
	})
}

// TestAScrapeOfFiveThousandTenants measures one, if TENANTPOOL_SCRAPE asks for it.
func TestAScrapeOfFiveThousandTenants(t *testing.T) {
	if os.Getenv("TENANTPOOL_SCRAPE") == "" {
		t.Skip("TENANTPOOL_SCRAPE does not ask for it")
	}
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `SET ROLE app; DO $$ BEGIN FOR i IN 1..5000 LOOP EXECUTE format('CREATE SCHEMA tenant_%s', lpad(i::text, 4, '0')); END LOOP; END $$`)
		p := startPooler(t, w, setup{global: watched, trust: true})
		for i := range 5000 {
			c := dialRaw(t, p.endpoint)
			c.send(startup(version30, "user", "app", "database", fmt.Sprintf("tenant_%04d", i+1)))
			c.until('Z')
			c.run("SELECT 1")
			c.vanish(false)
		}
		for range 10 {
			start := time.Now()
			_, text := p.get(t, "/metrics")
			t.Logf("%d bytes in %v", len(text), time.Since(start))
		}
		start := time.Now()
		_, text := p.get(t, "/status.json")
		t.Logf("status.json: %d bytes in %v", len(text), time.Since(start))
		if n := sample(t, p.scrape(t), "tenantpool_tenants"); n != 5000 {
			t.Errorf("%v tenants are seen", n)
		}
	})
}
