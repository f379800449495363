// Package starter writes a first configuration for a live server. Look asks the server what there is, and
// changes nothing there; Config is a pure function of what it found. No secret is written: a password that
// the server asks for is named by an environment variable.
package starter
