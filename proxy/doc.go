// Package proxy is the data path: it accepts clients, logs them in, and relays
// between them and the server connections that package pool lends.
//
// Ownership. A session and its descriptor belong to one Loop from the moment
// login has finished until they are closed; only that loop's goroutine touches
// them. A server connection belongs to the loop of the session it is lent to;
// an idle one belongs to its pool, and the loop where its descriptor is still
// registered may only take it out of the pool (pool.Inspect) before reading.
// Other goroutines reach a loop through its inbox.
//
// Everything before the first query (startup, authentication, look-ups) is
// blocking Go on a goroutine per client; everything after it runs in a loop,
// which never blocks, never does I/O under a lock, and holds no buffer for a
// connection that has nothing half-way.
package proxy
