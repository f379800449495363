package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Included gives the files that the patterns of include match now.
func (c *Config) Included() (files []string) {
	for _, pattern := range c.include {
		matches, _ := filepath.Glob(pattern)
		files = append(files, matches...)
	}
	return files
}

// include reads the files that match the patterns, each once, in the order of
// the patterns and by name within one.
func (l *loader) include(patterns []string) {
	n := l.root.child("include")
	self, _ := filepath.Abs(l.config.File)
	seen := make(map[string]bool)
	for i, pattern := range patterns {
		l.config.include = append(l.config.include, l.relative(pattern))
		matches, err := filepath.Glob(l.relative(pattern))
		if err != nil {
			l.bad(n.item(i), "include %q is not a valid pattern", pattern)
		}
		if len(matches) == 0 && err == nil && !strings.ContainsAny(pattern, `*?[`) {
			l.bad(n.item(i), "include %q: there is no such file", pattern)
		}
		for _, m := range matches {
			path, _ := filepath.Abs(m)
			if path == self {
				l.bad(n.item(i), "include %q takes in this file itself", pattern)
			} else if !seen[path] {
				seen[path] = true
				l.included(m)
			}
		}
	}
}

// included reads one file of routes and tenants.
func (l *loader) included(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		l.addWhole(path, "cannot read: "+cause(err))
		return
	}
	root := l.parse(path, string(text))
	if root == nil {
		return
	}
	for _, kid := range root.kids {
		if !slices.Contains([]string{"route", "tenant"}, kid.key) {
			l.bad(kid.at, "%q cannot stand in an included file; only [[route]] and [tenant.NAME] can", kid.key)
		}
	}
	l.rules(root.child("route"))
	l.entries(root.child("tenant"))
}
