// Package wire speaks the PostgreSQL frontend/backend protocol, version 3:
// framing, startup, the bookkeeping of what is owed between a client and a
// server, authentication steps, errors, and the scanning of SQL text by its
// tokens.
//
// Everything in it is bytes in, answers out. There is no socket, no clock, no
// goroutine and no policy here, and no idea of what a tenant is. Functions
// that read before login take an io.Reader whose deadline is the caller's.
//
// The protocol is described in chapter 55 of the PostgreSQL documentation,
// "Frontend/Backend Protocol"; where the server's behaviour goes beyond that
// text, the comment says on which version it was seen.
package wire
