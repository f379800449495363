// Package integration proves the promises of the design end to end: the real program, built and run
// as a child, between real clients and real Postgres servers of versions 15 and 18.
//
// A test gets a world (one version, one fresh database with a schema for each tenant) from onEach,
// and a pooler in front of it from startPooler, which also fails the test if the pooler panicked,
// raced or did not end cleanly. With TENANTPOOL_DIRECT=1 the clients talk to Postgres itself, with
// the tenant's path in their startup options: what a test expects can then be checked against the
// server alone.
//
// Conversations are held with the server itself and through a pooler, and must be answered alike: those
// written by hand are tables of say and talk, those without number are made by author from seeds
// (TENANTPOOL_CONVERSATIONS says how many, TENANTPOOL_SEED holds one again and prints it).
//
// Nothing here sleeps to wait: what is waited for is an event that is asked for until it comes or a
// deadline passes.
package integration
