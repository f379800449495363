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
	add := func(prefix string, settings []Setting, n *node) {
		for _, s := range settings {
			if s.Support != Refused {
				all = append(all, s.running(prefix, n.child(s.Key)))
			}
		}
	}
	add("", appendSettings(nil, globalFields), l.root)
	add("auth.", appendSettings(nil, authFields), l.root.child("auth"))
	add("admin.", appendSettings(nil, adminFields), l.root.child("admin"))
	add("prepared.", appendSettings(nil, preparedFields), l.root.child("prepared"))
	add("log.", appendSettings(nil, logFields), l.root.child("log"))
	add("registry.", appendSettings(nil, registryFields), l.root.child("registry"))
	if clusters := l.root.child("cluster"); clusters != nil {
		for _, n := range clusters.kids {
			add("cluster."+n.key+".", appendSettings(nil, clusterFields), n)
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
