package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"tenantpool/routing"
)

// Load reads the configuration file and every file that it names. The
// error is Problems, every fault at once; what is only suspicious is in
// Config.Warnings.
func Load(path string) (*Config, error) {
	l, err := read(path)
	if err != nil {
		return nil, err
	}
	return l.config, nil
}

// read is Load, and keeps what was read.
func read(path string) (*loader, error) {
	l := &loader{
		reader: reader{failed: make(map[*node]bool)},
		config: &Config{File: path, tenantSecrets: make(map[string]Secret)},
	}
	l.main(path)
	l.readable()
	if len(l.faults) > 0 {
		return nil, inFileOrder(l.faults)
	}
	l.config.said = l.said
	l.config.Warnings = inFileOrder(l.warnings)
	l.config.Running = l.running()
	return l, nil
}

// loader fills one Config.
type loader struct {
	reader
	config  *Config
	auth    rawAuth
	root    *node   // of the main file
	routes  []*node // of config.Rules
	tenants []*node // of config.Tenants

	suffixes []routing.Replicas // of the clusters
}

// main reads everything. Each step judges what it can, whatever the steps
// before it found wrong.
func (l *loader) main(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		l.addWhole(path, "cannot read: "+cause(err))
		return
	}
	if l.root = l.parse(path, string(text)); l.root == nil {
		return
	}
	include := l.global()
	l.clusters(l.root.child("cluster"))
	l.peers(l.root.child("peer"))
	l.rules(l.root.child("route"))
	l.entries(l.root.child("tenant"))
	l.registry(l.root.child("registry"))
	l.include(include)
	l.placement()
	l.table()
	l.logins()
	l.authentication()
}

// parse gives the tree of a file's text, or nil after noting what is wrong.
func (l *loader) parse(name, text string) *node {
	file := l.add(name, text)
	root, err := parseTree(file, l.files[file].text)
	if err == nil {
		return root
	}
	var wrong toml.ParseError
	at := place{file: file}
	message := err.Error()
	if errors.As(err, &wrong) {
		at.offset = max(0, min(wrong.Position.Start, len(l.files[file].text)))
		message = strings.TrimPrefix(wrong.Message, "toml: ")
		line := l.files[file].text[:at.offset]
		if line = line[strings.LastIndexByte(line, '\n')+1:]; strings.Contains(line, "password") && strings.Contains(message, "found") {
			message = "expected a value; a string stands in quotes" // what was found may be a secret
		}
	}
	l.bad(at, "%s", message)
	return nil
}

// cause is the reason within an error of package os, without the path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// relative gives a path as seen from the configuration file.
func (l *loader) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.config.File), path)
}

// rules decodes the [[route]] tables of one file.
func (l *loader) rules(n *node) {
	if n == nil {
		return
	}
	if n.shape != list {
		l.bad(n.at, "route should be a list of tables: write [[route]]")
		return
	}
	s := newSection("route", routeFields)
	for _, kid := range n.kids {
		raw := rawRoute{Rule: routing.Rule{Mode: l.config.Mode, Features: l.config.Features, Policy: l.config.Policy,
			AnyLogin: l.config.Auth.Method == "trust", Limits: l.config.defaultLimits()}}
		s.decode(&l.reader, kid, &raw)
		l.config.Rules = append(l.config.Rules, raw.Rule)
		l.routes = append(l.routes, kid)
	}
}

// entries decodes the [tenant.NAME] tables of one file.
func (l *loader) entries(n *node) {
	if n == nil {
		return
	}
	if n.shape != table {
		l.bad(n.at, "tenant should be a table: write [tenant.NAME]")
		return
	}
	s := newSection("tenant", tenantFields)
	for _, kid := range n.kids {
		raw := rawTenant{TenantEntry: routing.TenantEntry{Name: kid.key}}
		s.decode(&l.reader, kid, &raw)
		raw.Disabled = raw.state == "disabled"
		if raw.limits != (routing.LimitChanges{}) {
			changes := raw.limits
			raw.Limits = &changes
		}
		if secret, given := l.password("tenant", "", kid, raw.password); given {
			l.config.tenantSecrets[raw.Name] = secret
		}
		l.config.Tenants = append(l.config.Tenants, raw.TenantEntry)
		l.tenants = append(l.tenants, kid)
	}
}
