// Package admin is the console: operators connect to database tenantpool, or pgbouncer, with any
// client of Postgres and say what they want to see or to happen.
//
// Every command is one row of a table (command.go): its words, who may use it, the columns it
// answers with, and a function. The columns of PgBouncer's commands come in its order, ours behind
// them. A session is one goroutine, which speaks the simple and the extended protocol; it holds
// nothing that a query of a tenant could wait for.
package admin
