// Package listening opens the sockets that clients connect to, and closes them so
// that no client is refused while one process takes the place of another.
package listening
