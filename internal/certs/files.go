package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// System stands in Files.CA for the authorities that the operating system trusts.
const System = "system"

// Files are paths in PEM; "" is none. Cert and Key go together.
type Files struct{ Cert, Key, CA string }

// Set is what the files held at one time. It does not change.
type Set struct {
	Certificate *tls.Certificate // nil if there is none
	Roots       *x509.CertPool   // nil if there are none, or the system's
	Config      *tls.Config      // what the owner has made of it, see Watch
}

// FileError says which of the files is at fault, by the setting that names it.
type FileError struct {
	Setting string // "tls_cert", "tls_key" or "tls_ca"
	File    string
	Problem string
}

func (e *FileError) Error() string { return e.Setting + ": " + e.File + " " + e.Problem }

// Load reads the files and checks that the key is the certificate's. The error is a *FileError.
func (f Files) Load() (*Set, error) {
	s := &Set{}
	if f.Cert != "" {
		c, err := f.pair()
		if err != nil {
			return nil, err
		}
		s.Certificate = c
	}
	if f.CA != "" && f.CA != System {
		text, err := read("tls_ca", f.CA)
		if err != nil {
			return nil, err
		}
		if s.Roots = x509.NewCertPool(); !s.Roots.AppendCertsFromPEM(text) {
			return nil, &FileError{"tls_ca", f.CA, "holds no certificate in PEM"}
		}
	}
	return s, nil
}

func (f Files) pair() (*tls.Certificate, error) {
	cert, err := read("tls_cert", f.Cert)
	if err != nil {
		return nil, err
	}
	key, err := read("tls_key", f.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err == nil {
		return &pair, nil
	}
	if _, err := leaf(cert); err != nil {
		return nil, &FileError{"tls_cert", f.Cert, err.Error()}
	}
	return nil, &FileError{"tls_key", f.Key, "is not an unencrypted key of the certificate in " + f.Cert}
}

// leaf is the first certificate of a file.
func leaf(text []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a certificate that cannot be understood")
		}
		return c, nil
	}
	return nil, errors.New("holds no certificate in PEM")
}

func read(setting, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	var path *fs.PathError
	switch {
	case err == nil:
		return text, nil
	case errors.As(err, &path):
		return nil, &FileError{setting, file, "cannot be read: " + path.Err.Error()}
	}
	return nil, &FileError{setting, file, "cannot be read"}
}

// soon is how long before a certificate's end its owner is warned.
const soon = 21 * 24 * time.Hour

// Expiry says what an operator should know of the certificate's dates at a time, "" if nothing.
func (s *Set) Expiry(now time.Time) string {
	if s.Certificate == nil {
		return ""
	}
	c := s.Certificate.Leaf
	switch left := c.NotAfter.Sub(now); {
	case now.Before(c.NotBefore):
		return fmt.Sprintf("is not valid before %s", c.NotBefore.UTC().Format(time.RFC3339))
	case left <= 0:
		return fmt.Sprintf("has expired on %s", c.NotAfter.UTC().Format(time.RFC3339))
	case left < soon:
		return fmt.Sprintf("expires on %s", c.NotAfter.UTC().Format(time.RFC3339))
	}
	return ""
}
