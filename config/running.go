package config

import (
	"fmt"
	"strings"
)

// Running is one key with the value that it has, for operators. Secrets are not among the values.
type Running struct {
	Key, Value, Default string
	Reloadable          bool
}

// running lists the keys of the main file: those at the top, of its sections, and of the clusters.
func (l *loader) running() (all []Running) {
	add := func(section, prefix string, n *node) {
		for _, s := range settingsOf(section) {
			if s.Support != Refused {
				all = append(all, s.running(prefix, n.child(s.Key)))
			}
		}
	}
	add("", "", l.root)
	for _, section := range mainSections[1:] {
		add(section, section+".", l.root.child(section))
	}
	if clusters := l.root.child("cluster"); clusters != nil {
		for _, n := range clusters.kids {
			add("cluster", "cluster."+n.key+".", n)
		}
	}
	return all
}

func (s Setting) running(prefix string, n *node) Running {
	r := Running{prefix + s.Key, plain(s.Default), plain(s.Default), s.Reloadable}
	switch {
	case n == nil:
	case s.secret():
		r.Value = "***"
	default:
		r.Value = n.written()
	}
	return r
}

// plain is a default without the quotes of TOML.
func plain(text string) string { return strings.Trim(text, `"`) }

// written is a value the way an operator would say it.
func (n *node) written() string {
	switch n.shape {
	case list:
		words := make([]string, len(n.kids))
		for i, kid := range n.kids {
			words[i] = kid.written()
		}
		return strings.Join(words, ", ")
	case table:
		words := make([]string, len(n.kids))
		for i, kid := range n.kids {
			words[i] = kid.key + " = " + kid.written()
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprint(n.value)
}
