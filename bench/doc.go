// Bench compares tenantpool with PgBouncer, side by side in one run.
//
// It starts a private Postgres, loads pgbench's tables into the schema of one
// tenant, starts each pooler in front of it, and drives them in turn with
// pgbench: A B A B, so that whatever else the machine does falls on all of
// them. It prints medians and ratios and writes them to a file.
//
// Everything listens on loopback, on free ports, in a temporary directory,
// and ends with the program. It reads /proc, so it measures on Linux only.
package main
