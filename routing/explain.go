package routing

import (
	"fmt"
	"strings"
)

// trace collects the steps of a walk. Where clients pass, nothing is added to a
// nil one: the words for a step alone would cost more than the step.
type trace []string

func (t *trace) add(format string, args ...any) {
	if t != nil {
		*t = append(*t, fmt.Sprintf(format, args...))
	}
}

// String names the rule the way an operator finds it: its place and patterns.
func (r *rule) String() string {
	var parts []string
	for _, p := range r.patterns() {
		if p.given {
			parts = append(parts, fmt.Sprintf("%s = %q", p.key, p.text))
		}
	}
	return fmt.Sprintf("route %d (%s)", r.index+1, strings.Join(parts, ", "))
}

// describe tells what a route gives, for the end of Explain.
func (r *Route) describe() []string {
	lines := []string{
		fmt.Sprintf("tenant %q on cluster %q, isolation %s, %s mode", r.Tenant, r.Cluster, r.Isolation, r.Mode),
		"search_path " + quoteList(r.Path),
	}
	if r.Role != "" {
		lines = append(lines, fmt.Sprintf("role %q", r.Role))
	}
	if r.Login != "" {
		lines = append(lines, fmt.Sprintf("login %q", r.Login))
	}
	for _, s := range r.Settings {
		lines = append(lines, fmt.Sprintf("%s = %q", s.Name, s.Value))
	}
	if r.Existence == BySchema {
		lines = append(lines, fmt.Sprintf("exists if schema %q does", r.Schema))
	}
	return lines
}

// quoteList writes names the way search_path would show them, all quoted.
func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ", ")
}
