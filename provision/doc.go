// Package provision makes, checks and drops what a tenant needs on its server:
// schema, role or login, and grants, as its level of isolation wants them. It is
// given routes and connections, and knows neither configuration files nor clients.
//
// Every name is quoted by package pool or bound as a parameter: no name becomes
// SQL. Connections are the caller's to open and to close. Passwords appear in no
// error, and reach the server as SCRAM verifiers only.
package provision
