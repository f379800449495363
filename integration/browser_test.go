package integration

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is Chromium without a window, with one page open. What the page asks for and complains of is
// remembered.
type browser struct {
	ctx context.Context

	mu         sync.Mutex
	asked      []string
	complaints []string
}

// openBrowser starts Chromium on a page, until the end of the test.
func openBrowser(t testing.TB, url string, width, height int64) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: scripts/install-deps.sh test installs it", err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, closePage := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closePage()
		stop()
	})
	b := &browser{ctx: ctx}
	must(t, chromedp.Listen(ctx, b.listen))
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	b.do(t, chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *cdpruntime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	}
}

// do acts on the page.
func (b *browser) do(t testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	must(t, chromedp.Do(ctx, actions...))
}

// evaluate evaluates an expression in the page.
func evaluate[T any](t testing.TB, b *browser, expression string) T {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	must(t, err)
	return value
}

// prefers has the page believe that its user likes a scheme of colours.
func (b *browser) prefers(t testing.TB, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	must(t, err)
}

// click clicks on what a selector finds.
func (b *browser) click(t testing.TB, selector string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(selector)))
}

// texts are the texts of all that a selector finds.
func (b *browser) texts(t testing.TB, selector string) []string {
	t.Helper()
	return evaluate[[]string](t, b, `[...document.querySelectorAll(`+"`"+selector+"`"+`)].map(e => e.textContent)`)
}

// expectOnly judges what the page has asked for and complained of.
func (b *browser) expectOnly(t testing.TB, origin string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.asked {
		if !strings.HasPrefix(url, origin) {
			t.Errorf("the page asked for %s", url)
		}
	}
	for _, text := range b.complaints {
		t.Errorf("the page complains: %s", text)
	}
}
