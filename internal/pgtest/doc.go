// Package pgtest finds PostgreSQL on this machine and runs private, throw-away servers of it: for
// the demo, the benchmark and the tests.
//
// A server started here listens on loopback and on a Unix socket inside its own directory, trusts
// everybody who reaches it, gives durability away for speed, and dies with the process that started
// it. Started as root it runs as an unprivileged account, because Postgres refuses root.
//
// Ownership: whoever calls Launch stops the server. Servers got from Start belong to the package and
// are stopped by Run, once all tests of the process are through.
//
// Not done here: anything that must survive, TLS, replication, Windows.
package pgtest
