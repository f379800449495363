// Package systemd speaks with the service manager: it takes over the listening
// sockets that are handed to a service (sd_listen_fds), and says how the service
// stands (sd_notify). Without a service manager everything does nothing.
package systemd
