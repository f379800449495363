package integration

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// load has pgbench read as a tenant until stop is called, over so many clients.
func (w *world) load(t testing.TB, p *pooler, tenant string, clients int) (stop func()) {
	t.Helper()
	tool, err := w.server.Binaries.Tool("pgbench")
	must(t, err)
	script := filepath.Join(t.TempDir(), "read.sql")
	must(t, os.WriteFile(script, []byte("SELECT name FROM whoami;\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, tool, "-n", "-M", "prepared", "-f", script, "-T", "600", "-c", fmt.Sprint(clients))
	cmd.Env = append(os.Environ(), p.env(tenant)...)
	must(t, cmd.Start())
	stop = sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// A tenant whose name would be markup if anybody took it for that.
const markup = `<b id="bold">bold</b>`

func TestTheStatusPageInABrowser(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		w.exec(t, `SET ROLE app; CREATE SCHEMA "`+strings.ReplaceAll(markup, `"`, `""`)+`"`)
		p := startPooler(t, w, setup{size: 3, global: watched})
		origin := p.pages(t)
		login(t, p.endpoint, markup)
		c := login(t, p.endpoint, "globex")
		for range 3 {
			c.try("SELECT 1 / 0")
		}
		stopLoad := w.load(t, p, "acme", 6)
		initech := w.load(t, p, "initech", 2)
		b := openBrowser(t, origin, 1280, 900)
		eventually(t, "the page shows what the load does", func() bool {
			return evaluate[bool](t, b, `rows.length === 4 && ["acme", "initech"].every(n => rows.find(t => t.name === n).tps > 0)`)
		})
		t.Run("every column sorts both ways", func(t *testing.T) { sortsBothWays(t, b) })
		t.Run("the filter", func(t *testing.T) { filters(t, b) })
		t.Run("names are text", func(t *testing.T) {
			if !slices.Contains(b.texts(t, "#tenants td.name"), markup) || evaluate[bool](t, b, `document.querySelector("#bold") !== null`) {
				t.Error("a tenant's name is not shown as the text it is")
			}
		})
		t.Run("waiters", func(t *testing.T) { showsWaiters(t, p, b) })
		stopLoad()
		initech()
		t.Run("a tenant's own figures", func(t *testing.T) { opensATenant(t, p, b) })
		t.Run("on a phone, dark", func(t *testing.T) { fitsAPhone(t, b) })
		t.Run("nothing from elsewhere", func(t *testing.T) {
			b.expectOnly(t, origin+"/")
			if evaluate[bool](t, b, `(() => { const s = document.createElement("script"); s.textContent = "window.ran = true"; document.body.append(s); return !!window.ran })()`) {
				t.Error("a script that is not the page's own runs in it")
			}
		})
	})
}

// picture is a column as it is shown, with the values that stand behind it.
type picture struct {
	Sorted string
	Names  []string
	Values []float64
}

// sortsBothWays clicks on every column twice.
func sortsBothWays(t *testing.T, b *browser) {
	keys := evaluate[[]string](t, b, `[...document.querySelectorAll("#tenants th button")].map(e => e.dataset.sort)`)
	if len(keys) < 8 {
		t.Fatalf("there are only the columns %v", keys)
	}
	for _, key := range keys {
		first := b.sortBy(t, key)
		compareWith(t, key, first)
		second := b.sortBy(t, key)
		compareWith(t, key, second)
		if first.Sorted == second.Sorted {
			t.Errorf("%s: a second click leaves it %s", key, first.Sorted)
		}
	}
}

// sortBy clicks on a column's head.
func (b *browser) sortBy(t *testing.T, key string) picture {
	t.Helper()
	b.click(t, `#tenants [data-sort="`+key+`"]`)
	return evaluate[picture](t, b, fmt.Sprintf(`(() => { const names = [...document.querySelectorAll("#tenants tbody tr")].map(r => r.dataset.name);
		return { Sorted: document.querySelector("#tenants th[aria-sort]").ariaSort, Names: names,
			Values: %[1]q === "name" ? [] : names.map(n => rows.find(t => t.name === n)[%[1]q] ?? -1) } })()`, key))
}

// compareWith checks the order of a column against its values.
func compareWith(t *testing.T, key string, p picture) {
	t.Helper()
	if key == "name" {
		names := slices.Sorted(slices.Values(p.Names))
		if p.Sorted == "descending" {
			slices.Reverse(names)
		}
		if len(p.Names) != 4 || !slices.Equal(names, p.Names) {
			t.Errorf("by name, %s: %v", p.Sorted, p.Names)
		}
		return
	}
	values := slices.Clone(p.Values)
	if p.Sorted == "descending" {
		slices.Reverse(values)
	}
	if len(values) != 4 || !slices.IsSorted(values) {
		t.Errorf("by %s, %s: %v of %v", key, p.Sorted, p.Values, p.Names)
	}
}

func filters(t *testing.T, b *browser) {
	b.do(t, chromedp.SendKeys(chromedp.CSS("#filter"), "GLOB"))
	if names := b.texts(t, "#tenants td.name"); !slices.Equal(names, []string{"globex"}) {
		t.Errorf("filtered by GLOB: %v", names)
	}
	if title := b.texts(t, "#tenants-title"); title[0] != "Tenants: 1 of 4" {
		t.Errorf("the title is %q", title)
	}
	cells := b.texts(t, "#tenants tbody td")
	if cells[1] != "1" || cells[len(cells)-1] != "3" {
		t.Errorf("globex is shown with %v, but has 1 client and 3 errors", cells)
	}
	b.do(t, chromedp.SendKeys(chromedp.CSS("#filter"), strings.Repeat(kb.Backspace, len("GLOB"))))
	if names := b.texts(t, "#tenants td.name"); len(names) != 4 {
		t.Errorf("without a filter: %v", names)
	}
}

// showsWaiters has sessions of three tenants hold all servers: fairness would let none have them all
// while the load wants some.
func showsWaiters(t *testing.T, p *pooler, b *browser) {
	for _, tenant := range []string{"initech", markup, "globex"} {
		h := login(t, p.endpoint, tenant)
		h.run("BEGIN")
		defer h.run("COMMIT")
	}
	eventually(t, "all eight clients of the load are shown to wait", func() bool {
		return slices.Equal(b.texts(t, "#t-waiting, #pools tbody td:last-child"), []string{"8", "8"})
	})
	waiting := b.texts(t, "#waiters tbody td:first-child")
	slices.Sort(waiting)
	if len(waiting) != 8 || waiting[5] != "acme" || waiting[6] != "initech" {
		t.Errorf("those who wait are %v, not six of acme and two of initech", waiting)
	}
	if pool := b.texts(t, "#pools tbody td"); pool[0] != "main" || pool[1] != "3" || pool[3] != "3" {
		t.Errorf("the pool is shown as %v; its 3 servers are in use", pool)
	}
}

// opensATenant compares what the page tells of a tenant at rest with the metrics.
func opensATenant(t *testing.T, p *pooler, b *browser) {
	eventually(t, "the load has ended", func() bool {
		return evaluate[bool](t, b, `rows.find(t => t.name === "acme").clients === 0`)
	})
	b.click(t, `#tenants tr[data-name="acme"]`)
	if name := b.texts(t, "#one-name"); name[0] != "acme" {
		t.Errorf("opened %v", name)
	}
	shown := map[string]string{}
	terms, values := b.texts(t, "#one-facts dt"), b.texts(t, "#one-facts dd")
	for i, term := range terms {
		shown[term] = values[i]
	}
	got := p.scrape(t)
	for term, series := range map[string]string{
		"transactions": `tenantpool_transactions_total{tenant="acme"}`,
		"queries":      `tenantpool_queries_total{tenant="acme"}`,
		"servers lent": `tenantpool_checkouts_total{result="assigned",tenant="acme"}`,
		"switches":     `tenantpool_switches_total{tenant="acme"}`,
		"errors":       `tenantpool_tenant_errors_total{tenant="acme"}`,
	} {
		want := fmt.Sprintf("%.0f", sample(t, got, series))
		if strings.ReplaceAll(shown[term], ",", "") != want {
			t.Errorf("%s: the page shows %q, the metrics %s", term, shown[term], want)
		}
	}
	if shown["transactions"] == "0" {
		t.Error("acme has done nothing")
	}
	b.click(t, "#one-close")
	if evaluate[bool](t, b, `!document.querySelector("#one").hidden`) {
		t.Error("a closed tenant is still shown")
	}
}

func fitsAPhone(t *testing.T, b *browser) {
	light := evaluate[string](t, b, `getComputedStyle(document.body).backgroundColor`)
	b.do(t, chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	b.prefers(t, "dark")
	if over := evaluate[float64](t, b, `document.scrollingElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("the page is %v pixels wider than a phone", over)
	}
	if over := evaluate[float64](t, b, `(e => e.scrollWidth - e.clientWidth)(document.querySelector("#tenants").parentElement)`); over > 0 {
		t.Errorf("the table of tenants is %v pixels wider than its box on a phone", over)
	}
	if dark := evaluate[string](t, b, `getComputedStyle(document.body).backgroundColor`); dark == light {
		t.Errorf("dark is as light: %s", dark)
	}
	if hidden := evaluate[int](t, b, `[...document.querySelectorAll("#tenants th")].filter(e => e.offsetParent === null).length`); hidden == 0 {
		t.Error("all columns are shown on a phone")
	}
}

// TestScreenshots takes the pictures of docs/ with 50 tenants under load, if TENANTPOOL_SHOTS names the
// directory that they are to go to.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("TENANTPOOL_SHOTS")
	if dir == "" {
		t.Skip("TENANTPOOL_SHOTS names no directory")
	}
	onNewest(t, func(t *testing.T, w *world) {
		var names []string
		for i := range 50 {
			names = append(names, fmt.Sprintf("customer_%02d", i+1))
		}
		w.addTenants(t, names...)
		s := withConsole(t)
		s.size, s.socket, s.global = 4, "", watched+"\ninstance = \"pooler-1\""
		p := startPooler(t, w, s)
		for i, name := range names {
			w.load(t, p, name, 1+i%3)
		}
		c := login(t, p.endpoint, "customer_07")
		for range 4 {
			c.try("SELECT no_such_column FROM whoami")
		}
		_, _ = tryLogin(t, p.endpoint, "app", "not the password", "customer_09")
		b := openBrowser(t, p.pages(t), 1280, 1400)
		eventually(t, "all are under load", func() bool {
			return evaluate[bool](t, b, `rows.length === 50 && rows.every(t => t.tps > 0)`)
		})
		b.click(t, `#tenants [data-sort="tps"]`)
		b.click(t, `#tenants tbody tr:nth-child(3)`)
		shoot(t, b, filepath.Join(dir, "status.png"))
		phone := openBrowser(t, p.pages(t), 390, 844)
		phone.do(t, chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
		phone.prefers(t, "dark")
		eventually(t, "the phone has rates", func() bool { return evaluate[bool](t, phone, `rows.length === 50 && rows.every(t => t.tps > 0)`) })
		shoot(t, phone, filepath.Join(dir, "status-phone.png"))
		top := exec.Command(program(t, false), "top", "-once", "-at", p.address(), "-U", "watch")
		top.Env = append(os.Environ(), "PGPASSWORD="+password("watch"))
		out, err := top.Output()
		must(t, err)
		shoot(t, openBrowser(t, "data:text/html,"+url.PathEscape(terminal+html.EscapeString(string(out))), 990, 970), filepath.Join(dir, "top.png"))
	})
}

// terminal is a page that looks like one.
const terminal = `<meta charset="utf-8"><body style="background: #16181d; color: #d8dee9; margin: 14px"><pre style="font: 13px/1.3 monospace; margin: 0">`

func shoot(t *testing.T, b *browser, file string) {
	t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	must(t, err)
	must(t, os.WriteFile(file, png, 0o644))
}
