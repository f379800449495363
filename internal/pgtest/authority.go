package pgtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates for tests and benchmarks. Its own certificate is
// in File.
type Authority struct {
	File string

	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority is MakeAuthority for tests.
func NewAuthority(t TB, dir, name string) *Authority {
	t.Helper()
	a, err := MakeAuthority(dir, name)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return a
}

// MakeAuthority makes an authority that keeps its files in dir, by its name.
func MakeAuthority(dir, name string) (*Authority, error) {
	a := &Authority{File: filepath.Join(dir, name+".crt"), dir: dir}
	a.cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(year),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	a.key, a.cert, err = a.sign(name, a.cert)
	return a, err
}

const year = 365 * 24 * time.Hour

// Leaf says who a certificate is for.
type Leaf struct {
	User     string        // its common name
	Hosts    []string      // names and addresses
	Lifetime time.Duration // from now; 0 is a year
}

// Issue is Make for tests.
func (a *Authority) Issue(t TB, name string, l Leaf) (cert, key string) {
	t.Helper()
	cert, key, err := a.Make(name, l)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return cert, key
}

// Make makes a certificate and its key, which only its owner can read, and
// returns their files: NAME.crt and NAME.key. Files of that name are replaced.
func (a *Authority) Make(name string, l Leaf) (cert, key string, err error) {
	if l.Lifetime == 0 {
		l.Lifetime = year
	}
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: l.User}, NotAfter: time.Now().Add(l.Lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range l.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	_, _, err = a.sign(name, c)
	return filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key"), err
}

// sign makes a key and a certificate of c for it, and writes both. An authority
// without a key of its own signs itself.
func (a *Authority) sign(name string, c *x509.Certificate) (crypto.Signer, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	c.NotBefore = time.Now().Add(-time.Hour)
	if c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, nil, err
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := replace(filepath.Join(a.dir, name+".crt"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, nil, err
	}
	if err := replace(filepath.Join(a.dir, name+".key"), "PRIVATE KEY", secret, 0o600); err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(der)
	return key, made, err
}

// replace writes a file of PEM so that nobody sees half of it.
func replace(path, kind string, der []byte, mode os.FileMode) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path+".new", text, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
