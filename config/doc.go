// Package config reads the configuration file and the users file, judges them
// whole, and gives one frozen Config or every fault at once.
//
// It is strict: an unknown key, a wrong type, a contradiction or a value that
// this version cannot honour is a fault, told as file:line:col. Nothing is
// half-applied and nothing is ignored in silence; what is accepted without
// effect is a warning.
//
// What each key is, means and defaults to stands in one table (settings.go);
// decoding runs from it, and so does whatever prints it. What routes and
// tenants mean together is judged by package routing.
//
// A Config is never changed after Load; a reload loads a new one.
package config
