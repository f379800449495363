package config

import (
	"crypto/tls"
	"errors"
	"os"
	"slices"
	"time"

	"tenantpool/internal/certs"
)

// TLS is how much TLS is asked for, and the files for it. The files were good
// when the configuration was read; whoever uses them watches them.
type TLS struct {
	Mode  certs.Mode
	Files certs.Files
}

// ClientTLS is TLS with clients.
type ClientTLS struct {
	TLS
	Min uint16 // the lowest version, as crypto/tls numbers them
}

// clientTLS judges the tls keys at the top.
func (l *loader) clientTLS(raw *rawGlobal) {
	c := &l.config.TLS
	c.Min = tls.VersionTLS12
	if raw.tlsMin == "1.3" {
		c.Min = tls.VersionTLS13
	}
	c.Mode, _ = certs.ParseMode(raw.tls.mode)
	c.Files = l.tlsFiles(raw.tls)
	n := l.root
	switch at := n.child("tls"); {
	case c.Mode == certs.Disable:
		l.unusedTLS(n)
		return
	case raw.tls.cert == "" && !l.failed[n.child("tls_cert")]:
		l.bad(at.val, "tls_cert is missing: tls = %q needs a certificate to show to clients", raw.tls.mode)
	case c.Mode >= certs.VerifyCA && raw.tls.ca == "" && !l.failed[n.child("tls_ca")]:
		l.bad(at.val, "tls_ca is missing: tls = %q needs the authority that signs clients' certificates", raw.tls.mode)
	case raw.tls.ca == certs.System:
		l.bad(n.child("tls_ca").val, `tls_ca = "system" would let in whoever has a public certificate; name your own authority`)
	default:
		l.loadTLS(n, "", c.Files)
	}
}

// serverTLS judges the tls keys of a cluster.
func (l *loader) serverTLS(n *node, c *rawCluster) {
	remote := slices.ContainsFunc(slices.Concat(c.Hosts, c.replicas.hosts), func(h string) bool {
		name, _, _ := l.host(h)
		return !isLocal(name)
	})
	c.TLS = l.tlsTo(n, "cluster", "server", c.tls, remote)
}

// tlsTo judges the tls keys of a section, of connections that begin here: to a
// server, or to a peer. They are verified unless the other end is on this machine.
func (l *loader) tlsTo(n *node, section, whose string, raw rawTLS, remote bool) (t TLS) {
	if raw.mode == "" && remote {
		raw.mode = certs.VerifyFull.String()
	}
	t.Mode, _ = certs.ParseMode(raw.mode)
	if t.Mode == certs.VerifyFull && raw.ca == "" {
		raw.ca = certs.System
	}
	t.Files = l.tlsFiles(raw)
	switch {
	case t.Mode == certs.Disable:
		l.unusedTLS(n)
	case t.Mode == certs.VerifyCA && raw.ca == "" && !l.failed[n.child("tls_ca")]:
		l.bad(n.child("tls").val, `%s.tls_ca is missing: tls = "verify-ca" needs the authority that signs the %s's certificate`, section, whose)
	case t.Mode < certs.VerifyFull && raw.ca == certs.System:
		l.bad(n.child("tls_ca").val, `%s.tls_ca = "system" needs tls = "verify-full": anybody can get a public certificate for a name of their own`, section)
	default:
		l.loadTLS(n, section+".", t.Files)
	}
	return t
}

// tlsFiles gives the paths as seen from the configuration file.
func (l *loader) tlsFiles(raw rawTLS) certs.Files {
	f := certs.Files{Cert: raw.cert, Key: raw.key, CA: raw.ca}
	for _, path := range []*string{&f.Cert, &f.Key, &f.CA} {
		if *path != "" && *path != certs.System {
			*path = l.relative(*path)
		}
	}
	return f
}

// unusedTLS warns of files that are named and not used.
func (l *loader) unusedTLS(n *node) {
	for _, key := range []string{"tls_cert", "tls_key", "tls_ca"} {
		if at := n.child(key); at != nil {
			l.warn(at.at, `%s is not used: TLS is off (say tls = "require", for example)`, key)
		}
	}
}

// loadTLS reads the files, and tells what is wrong with them or soon will be.
func (l *loader) loadTLS(n *node, prefix string, f certs.Files) {
	cert, key := n.child("tls_cert"), n.child("tls_key")
	switch {
	case l.failed[cert] || l.failed[key] || l.failed[n.child("tls_ca")]:
		return
	case cert == nil && key != nil:
		l.bad(key.at, "%stls_key is given without tls_cert", prefix)
		return
	case cert != nil && key == nil:
		l.bad(cert.at, "%stls_cert is given without tls_key", prefix)
		return
	}
	set, err := f.Load()
	var wrong *certs.FileError
	if errors.As(err, &wrong) {
		at := n.child(wrong.Setting)
		told := *wrong
		told.File, _ = at.value.(string) // as it is written
		l.bad(at.val, "%s%s", prefix, &told)
	}
	if err != nil || cert == nil {
		return
	}
	if text := set.Expiry(time.Now()); text != "" {
		l.warn(cert.val, "%stls_cert: the certificate %s", prefix, text)
	}
	if info, err := os.Stat(f.Key); err == nil && info.Mode().Perm()&0o007 != 0 {
		l.warn(key.val, "%stls_key: others than its owner and group can use %s: chmod 0600 it", prefix, f.Key)
	}
}
