// Package pgbouncer translates a configuration of PgBouncer into one of tenantpool. Each setting that the
// file holds gets an Outcome: it is mapped to a key, or tenantpool behaves that way without one, or there
// is no equivalent, and why. None is dropped silently. Secrets stay where they are: what stands in a
// connect string is named by an environment variable instead.
package pgbouncer
