// Package certs keeps what TLS needs from files: a certificate with its key, and the authorities
// that are trusted. The files may be replaced while the program runs; what is under way with the old
// ones goes on.
//
// It holds no policy: who must show a certificate, and how far it is checked, is for its callers.
package certs
