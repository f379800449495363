// Package metrics shows what the pooler does to those who watch it: metrics for
// Prometheus, whether it lives and is ready, and a status page. All of it is
// read-only, over HTTP, and asks nobody who they are: listen where only those can
// come who may know the tenants' names.
//
// What is shown are copies (proxy.Snapshot, pool.Stats): a request never touches
// a client's or a server's connection, except that /readyz asks the servers
// themselves, at most once a second.
//
// Not done: a command of any kind, and no TLS.
package metrics
