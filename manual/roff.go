package manual

import (
	"fmt"
	"strings"
)

// page builds one man page. Dates are left out: the same source gives the same
// bytes.
type page struct{ strings.Builder }

func newPage(name string, section int, title, version string) *page {
	p := &page{}
	fmt.Fprintf(p, ".TH %s %d \"\" \"tenantpool %s\" %q\n", strings.ToUpper(name), section, version, title)
	p.line(".nh")
	p.line(".ad l")
	return p
}

func (p *page) line(s string) { p.WriteString(s + "\n") }

// section begins a section of the page.
func (p *page) section(name string) { p.line(".SH " + strings.ToUpper(name)) }

// text writes a paragraph.
func (p *page) text(s string) {
	p.line(".PP")
	p.line(escape(s))
}

// item writes a term in bold, and what there is to say of it.
func (p *page) item(term, s string) {
	p.line(".TP")
	p.line(`\fB` + escape(term) + `\fR`)
	p.line(escape(s))
}

// code writes lines as they are.
func (p *page) code(s string) {
	p.line(".PP")
	p.line(".in +4n")
	p.line(".nf")
	for line := range strings.Lines(s) {
		p.line(escape(strings.TrimSuffix(line, "\n")))
	}
	p.line(".fi")
	p.line(".in")
}

// escape makes a text safe from roff: nothing in it is a command.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
