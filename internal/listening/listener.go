package listening

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Address is where to listen, as package net has it.
type Address struct{ Network, Address string }

// Options say how.
type Options struct {
	// Shared lets a successor listen at the same address before this process has
	// closed it.
	Shared bool
	Mode   fs.FileMode // of a Unix socket

	// Inherited are sockets that somebody else holds open. They come first, and an
	// address that one of them has is not opened again.
	Inherited []net.Listener
}

// Takes reports whether a socket listens at the address.
func (a Address) Takes(ln net.Listener) bool { return sameAddress(ln.Addr(), a) }

// Listener is a listening socket. Whoever closes it calls Leave.
type Listener struct {
	net.Listener
	inherited bool
	shared    bool
	path      string // of a Unix socket of ours
	made      os.FileInfo
}

// Open opens every address, or none.
func Open(addresses []Address, o Options) ([]*Listener, error) {
	var all []*Listener
	for _, ln := range o.Inherited {
		all = append(all, &Listener{Listener: ln, inherited: true})
	}
	for _, a := range addresses {
		if slices.ContainsFunc(o.Inherited, a.Takes) {
			continue
		}
		ln, err := o.open(a)
		if err != nil {
			for _, open := range all {
				open.Close()
			}
			return nil, err
		}
		all = append(all, ln)
	}
	return all, nil
}

func (o Options) open(a Address) (*Listener, error) {
	if a.Network == "unix" {
		return o.openUnix(a.Address)
	}
	var c net.ListenConfig
	if o.Shared {
		c.Control = share
	}
	ln, err := c.Listen(context.Background(), a.Network, a.Address)
	if err != nil {
		return nil, err
	}
	return &Listener{Listener: ln, shared: o.Shared}, nil
}

// sameAddress compares a socket's address with one to open.
func sameAddress(has net.Addr, want Address) bool {
	if want.Network == "unix" {
		return has.Network() == "unix" && has.String() == want.Address
	}
	tcp, ok := has.(*net.TCPAddr)
	addr, err := net.ResolveTCPAddr("tcp", want.Address)
	if !ok || err != nil || tcp.Port != addr.Port {
		return false
	}
	everywhere := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	return tcp.IP.Equal(addr.IP) || everywhere(tcp.IP) && everywhere(addr.IP)
}

// openUnix makes a Unix socket. A shared one takes the place of its predecessor's
// in one step: there is no moment without one.
func (o Options) openUnix(path string) (*Listener, error) {
	if err := removeStale(path, o.Shared); err != nil {
		return nil, err
	}
	at := path
	if o.Shared {
		at = fmt.Sprintf("%s.%d", path, os.Getpid())
	}
	ln, err := net.Listen("unix", at)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	l := &Listener{Listener: ln, shared: o.Shared, path: path}
	err = os.Chmod(at, o.Mode)
	if err == nil && at != path {
		err = os.Rename(at, path)
	}
	if err == nil {
		l.made, err = os.Lstat(path)
	}
	if err != nil {
		ln.Close()
		_ = os.Remove(at)
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(path string, shared bool) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 || shared {
		return nil // whoever listens says what is wrong, if anything
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return fmt.Errorf("%s is in use", filepath.Base(path))
	}
	return os.Remove(path)
}

// handshake is how long a shared socket goes on accepting once its successor gets
// the new clients: those whose handshake had begun are still its own.
const handshake = 500 * time.Millisecond

// maxQueued is how many times a tenth of that a busy machine is given to accept
// whoever still waits in the socket's queue.
const maxQueued = 50

// Leave closes the socket and has no client refused that a successor could take. It
// takes half a second, in which accepting goes on, and more only while somebody waits
// to be accepted.
func (l *Listener) Leave() {
	if l.shared {
		yield(l.Listener)
		time.Sleep(handshake)
		for i := 0; i < maxQueued && queued(l.Listener) > 0; i++ {
			time.Sleep(handshake / 10)
		}
	}
	l.Close()
}

// Close closes the socket at once, and removes a Unix socket that is still ours.
func (l *Listener) Close() error {
	if l.path != "" {
		if now, err := os.Lstat(l.path); err == nil && l.made != nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path)
		}
	}
	return l.Listener.Close()
}

// Inherited reports whether somebody else holds the socket open.
func (l *Listener) Inherited() bool { return l.inherited }
