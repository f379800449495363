package proxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"testing"
	"time"

	"tenantpool/internal/certs"
	"tenantpool/internal/pgtest"
)

// selfSigned is a certificate for tests.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// linked makes two links that have had their handshake and know no socket any
// more: what one has sealed the other opens.
func linked(t testing.TB, version uint16) (client, server *tlsLink) {
	t.Helper()
	a, b := net.Pipe()
	client = &tlsLink{pipe: &tlsPipe{Conn: a}}
	server = &tlsLink{pipe: &tlsPipe{Conn: b}}
	client.conn = tls.Client(client.pipe, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	server.conn = tls.Server(server.pipe, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, SessionTicketsDisabled: true,
		DynamicRecordSizingDisabled: true})
	done := make(chan error)
	go func() { done <- server.conn.Handshake() }()
	if err := client.conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	client.pipe.Conn, server.pipe.Conn = nil, nil
	return client, server
}

func TestALinkOpensRecordsInWhateverPiecesTheyCome(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := linked(t, version)
		random := mathrand.New(mathrand.NewPCG(1, uint64(version)))
		var want, got, wire []byte
		for range 200 {
			b := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(3*recordSize))
			want = append(want, b...)
			sealed, err := client.seal(nil, b)
			if err != nil || len(sealed) > sealedSize(len(b)) {
				t.Fatalf("%d bytes became %d: %v", len(b), len(sealed), err)
			}
			wire = append(wire, sealed...)
		}
		dst := make([]byte, readSize)
		for len(wire) > 0 {
			n := min(len(wire), 1+random.IntN([]int{1, 10, 1000, cipherSize}[random.IntN(4)]))
			opened, answer, st := server.open(wire[:n], dst)
			if st != readMore || len(answer) > 0 {
				t.Fatalf("state %d, answer %q", st, answer)
			}
			got = append(got, dst[:opened]...)
			wire = wire[n:]
		}
		if !bytes.Equal(got, want) || !server.pipe.frame.between() {
			t.Errorf("opened %d bytes of %d; between records: %v", len(got), len(want), server.pipe.frame.between())
		}
	}
}

func TestALinkKnowsWhereItStands(t *testing.T) {
	client, server := linked(t, tls.VersionTLS13)
	dst := make([]byte, readSize)
	sealed, _ := client.seal(nil, []byte("hello"))
	for i := range sealed {
		n, _, st := server.open(sealed[i:i+1], dst)
		last := i == len(sealed)-1
		if st != readMore || n > 0 != last || server.pipe.frame.between() != last {
			t.Fatalf("byte %d of %d: %d opened, state %d, between records %v", i+1, len(sealed), n, st, server.pipe.frame.between())
		}
	}
	if !server.silent() {
		t.Error("a link that has nothing is not silent")
	}
	bye := client.closeNotify(nil)
	if len(bye) == 0 || len(client.closeNotify(nil)) > 0 {
		t.Error("the end is said once")
	}
	if _, err := client.seal(nil, []byte("more")); err == nil {
		t.Error("something was said behind the end")
	}
	if _, _, st := server.open(bye, dst); st != readEOF {
		t.Errorf("a close_notify: state %d", st)
	}
}

func TestAForgedRecordBreaksALink(t *testing.T) {
	client, server := linked(t, tls.VersionTLS13)
	sealed, _ := client.seal(nil, []byte("hello"))
	sealed[len(sealed)-1] ^= 1
	n, answer, st := server.open(sealed, make([]byte, readSize))
	if n != 0 || st != readError || len(answer) == 0 {
		t.Errorf("%d bytes, state %d, alert %q", n, st, answer)
	}
}

func TestRecordsOfOursHoldEightKilobytesAtMost(t *testing.T) {
	client, server := linked(t, tls.VersionTLS13)
	_ = client
	sealed, err := server.seal(nil, make([]byte, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	for len(sealed) > 0 {
		n := int(sealed[3])<<8 | int(sealed[4])
		if n > recordSize+recordSpare {
			t.Fatalf("a record of %d bytes", n)
		}
		sealed = sealed[recordHeader+n:]
	}
}

func TestSealingAllocatesNothingWhereThereIsRoom(t *testing.T) {
	if raceEnabled {
		t.Skip("crypto/tls keeps its buffer in a sync.Pool, which forgets at random under the race detector")
	}
	client, _ := linked(t, tls.VersionTLS13)
	b, dst := make([]byte, 500), make([]byte, 0, 1000)
	if n := testing.AllocsPerRun(100, func() { _, _ = client.seal(dst, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// onSockets gives a loop, without a poller running, and an endpoint on one end of
// a socket pair.
func onSockets(t testing.TB) (*Loop, *endpoint, int) {
	t.Helper()
	l, err := newLoop()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(l.poller.close)
	e, peer := &endpoint{}, 0
	e.fd, peer = socketPair(t)
	return l, e, peer
}

func TestAPlainEndpointReadsAndWritesWithoutAnAllocation(t *testing.T) {
	l, e, peer := onSockets(t)
	b := []byte("hello")
	n := testing.AllocsPerRun(100, func() {
		if e.send(l, b) != nil {
			t.Fatal("send")
		}
		if n, errno := sysRead(peer, l.buf[:]); n != len(b) || errno != 0 {
			t.Fatal(n, errno)
		}
		sysWrite(peer, b)
		data, _ := e.fill(l, 0, readSize)
		e.keep(l, data, len(data))
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheEndPointOfACertificateFollowsItsSignature(t *testing.T) {
	raw := []byte("certificate")
	s256, s384, s512 := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	for algorithm, want := range map[x509.SignatureAlgorithm][]byte{
		x509.SHA1WithRSA: s256[:], x509.ECDSAWithSHA256: s256[:], x509.SHA384WithRSAPSS: s384[:],
		x509.ECDSAWithSHA512: s512[:], x509.PureEd25519: nil,
	} {
		if got := endPoint(&x509.Certificate{Raw: raw, SignatureAlgorithm: algorithm}); !bytes.Equal(got, want) {
			t.Errorf("%v: %x, want %x", algorithm, got, want)
		}
	}
}

func TestALoginKnowsWhoseCertificateItsClientHasShown(t *testing.T) {
	authority := pgtest.NewAuthority(t, t.TempDir(), "authority")
	files := certs.Files{CA: authority.File}
	files.Cert, files.Key = authority.Issue(t, "pooler", pgtest.Leaf{Hosts: []string{"pooler"}})
	w, err := ClientTLS{Mode: certs.Require, Files: files, Min: tls.VersionTLS12}.watch()
	if err != nil {
		t.Fatal(err)
	}
	set, _ := w.Current()
	cert, key := authority.Issue(t, "client", pgtest.Leaf{User: "app"})
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range [][]tls.Certificate{nil, {pair}} {
		a, b := net.Pipe()
		client := tls.Client(a, &tls.Config{Certificates: shown, ServerName: "pooler", RootCAs: set.Roots})
		server := &secured{tls.Server(b, set.Config), set}
		go func() { _ = client.Handshake() }()
		if err := server.conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		switch peer := server.peerCertificate(); {
		case shown == nil && peer != nil:
			t.Errorf("without a certificate: %v", peer.Subject)
		case shown != nil && (peer == nil || peer.Subject.CommonName != "app"):
			t.Errorf("with one: %v", peer)
		}
		want := sha256.Sum256(set.Certificate.Certificate[0])
		if got := server.tlsServerEndPoint(); !bytes.Equal(got, want[:]) {
			t.Errorf("bound to %x, want %x", got, want)
		}
	}
	var plain *secured
	if plain.peerCertificate() != nil || plain.tlsServerEndPoint() != nil {
		t.Error("a plain client has a certificate or is bound to one")
	}
}
