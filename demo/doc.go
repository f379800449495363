// Package demo shows tenantpool at work on this machine: a private Postgres, several tenants, one
// pooler, pgbench through it for all tenants at once, and a proof that no tenant met another's rows.
//
// The proof has three parts. While pgbench's own TPC-B script writes, every fifth transaction reads a
// hundred rows that name their tenant, fails if one names another, and leaves a row that names the
// client's tenant. At the end each tenant's tables are read twice, through the pooler and directly in
// the schema: both readings must agree, hold as many history rows as that tenant's pgbench reported
// transactions, and balance.
//
// The package knows the pooler only as a program to start and an address to connect to, so that it
// cannot be kinder to it than any client is. Everything it starts, it stops.
package demo
