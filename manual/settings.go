package manual

import (
	"cmp"
	"fmt"
	"strings"

	"tenantpool/config"
)

// part is one section of the configuration file and the words above its keys.
type part struct{ section, header, about string }

var parts = []part{
	{"", "At the top", "Before the first table."},
	{"auth", "[auth]", "How clients prove who they are."},
	{"admin", "[admin]", "Who may use the console."},
	{"registry", "[registry]", "Tenants that are kept in a table."},
	{"prepared", "[prepared]", "Prepared statements."},
	{"log", "[log]", "Logging."},
	{"cluster", "[cluster.NAME]", "One Postgres endpoint with one database and one login; as many as are needed."},
	{"route", "[[route]]", "Which clients belong to which tenant, and what their tenants get. The first that matches decides."},
	{"tenant", "[tenant.NAME]", "What differs for one tenant; with tenants = \"listed\", the list itself."},
}

// partsOf gives the parts that have settings, those first that are introduced
// here, the others by their own name.
func partsOf(settings []config.Setting) []part {
	known := make(map[string]bool)
	for _, p := range parts {
		known[p.section] = true
	}
	all := append([]part(nil), parts...)
	have := make(map[string]bool)
	for _, s := range settings {
		have[s.Section] = true
		if !known[s.Section] {
			known[s.Section] = true
			all = append(all, part{s.Section, "[" + s.Section + "]", ""})
		}
	}
	var out []part
	for _, p := range all {
		if have[p.section] {
			out = append(out, p)
		}
	}
	return out
}

// in gives the settings of a part.
func (p part) in(settings []config.Setting) (in []config.Setting) {
	for _, s := range settings {
		if s.Section == p.section {
			in = append(in, s)
		}
	}
	return in
}

// kinds are the forms of a value in words.
var kinds = map[config.Kind]string{
	config.KindText: "text", config.KindTexts: "text or list of texts", config.KindPath: "file",
	config.KindCount: "number", config.KindSize: "size", config.KindDuration: "time", config.KindBool: "true or false",
	config.KindChoice: "one of", config.KindFileMode: "permissions in octal", config.KindPairs: "table",
	config.KindFeatures: "table", config.KindAny: "",
}

// value says what may stand behind a key.
func value(s config.Setting) string {
	text := kinds[s.Kind]
	switch s.Kind {
	case config.KindChoice:
		return strings.Join(s.Choices, ", ")
	case config.KindFeatures:
		return "table of " + strings.Join(s.Choices, ", ")
	case config.KindCount:
		text = cmp.Or(s.Unit, "number")
		text += bounds(s)
	}
	if s.Word != "" {
		text += `, or "` + s.Word + `"`
	}
	return text
}

func bounds(s config.Setting) string {
	switch {
	case s.Max > 0:
		return fmt.Sprintf(", %d to %d", s.Min, s.Max)
	case s.Min > 0:
		return fmt.Sprintf(", at least %d", s.Min)
	}
	return ""
}

// remarks are what else a reader should know of a key.
func remarks(s config.Setting) string {
	var all []string
	if s.Required {
		all = append(all, "Required.")
	}
	if !s.Reloadable {
		all = append(all, "Takes effect at start only.")
	}
	switch s.Support {
	case config.Unserved:
		all = append(all, "Accepted with a warning: nothing acts on it in this version.")
	case config.Refused:
		all = append(all, "Refused in this version.")
	}
	return strings.Join(all, " ")
}

const settingsIntroduction = `# Settings

Every key of the configuration file. This page is made from the table by which the file is read (` + "`make docs`" + `);
` + "`tenantpool check`" + ` tells every fault of a file by line and column, ` + "`tenantpool config --effective`" + ` what holds and where it
is said.

Times are texts with a unit, as in ` + "`\"10s\"`, `\"5m\"` or `\"1h30m\"`" + `; sizes are numbers of bytes or texts like ` + "`\"64MiB\"`" + `. Where 0 is
possible it means off, and so does ` + "`\"off\"`" + `. Files are relative to the configuration file. A key takes effect on a
reload unless it says otherwise.
`

// Settings writes docs/settings.md.
func Settings(settings []config.Setting) string {
	var b strings.Builder
	b.WriteString(settingsIntroduction)
	for _, p := range partsOf(settings) {
		fmt.Fprintf(&b, "\n## %s\n", p.header)
		if p.about != "" {
			fmt.Fprintf(&b, "\n%s\n", p.about)
		}
		b.WriteString("\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n")
		for _, s := range p.in(settings) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Key, cell(value(s)), code(s.Default), cell(strings.TrimSpace(s.Doc+" "+remarks(s))))
		}
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// cell makes a text fit into a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
