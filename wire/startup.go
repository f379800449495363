package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

// Request codes that stand where a startup packet has its protocol version.
const (
	codeCancel     = 1234<<16 | 5678
	codeSSL        = 1234<<16 | 5679
	codeGSSENC     = 1234<<16 | 5680
	latestMinor    = 2
	maxStartupBody = 10000 // MAX_STARTUP_PACKET_LENGTH, without the length word
	minCancelKey   = 4
	maxCancelKey   = 256
)

// protocolOption is the prefix of the names of protocol options. None is
// known, so each is answered by NegotiateProtocolVersion.
const protocolOption = "_pq_."

// Param is one parameter of a startup packet, as the client spelled it.
type Param struct{ Name, Value string }

// Startup is a client's startup packet, or the cancel request it sent instead.
type Startup struct {
	Minor        int            // the minor protocol version to speak: 0 or 2
	Negotiate    bool           // owe the client a NegotiateProtocolVersion before anything else
	Unrecognized []string       // the _pq_. options it asked for
	Params       []Param        // in order, duplicates kept; a database is added if none was named
	Cancel       *CancelRequest // set, and nothing else, for a cancel request
}

// CancelRequest asks to cancel what runs under a key given out earlier.
type CancelRequest struct {
	PID    uint32
	Secret []byte // 4 to 256 bytes; 4 in protocol 3.0
}

// Get is the value of a parameter and whether there was one. Of several the
// last counts, as in Postgres. Names are compared by their bytes.
func (s *Startup) Get(name string) (string, bool) {
	for _, p := range slices.Backward(s.Params) {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// Secure is called when 'S' has been said to a client that asked for TLS: it
// does the handshake and returns the reader and the writer to go on with.
type Secure func() (*bufio.Reader, io.Writer, error)

// ReadStartup reads what a client sends first, up to and with its startup
// packet or cancel request. A GSSENCRequest is answered with 'N' on w, an
// SSLRequest with 'S' or, if secure is nil, with 'N'; one of each at most, and
// none inside TLS. Bytes that stand in r's buffer behind one of them are
// refused, for they were sent before the answer could be known
// (CVE-2021-23214, CVE-2021-3935). No more than 10,004 bytes are allocated.
//
// The error is an *Error for what the client did wrong, io.EOF if it closed
// between packets, io.ErrUnexpectedEOF if it closed inside one, or else r's or
// w's own, or secure's. The checks and their order are those of ProcessStartupPacket in
// Postgres's backend_startup.c.
func ReadStartup(r *bufio.Reader, w io.Writer, secure Secure) (*Startup, error) {
	var sslDone, gssDone bool
	for {
		body, err := readStartupPacket(r)
		if err != nil {
			return nil, err
		}
		code := binary.BigEndian.Uint32(body)
		switch {
		case code == codeCancel:
			return parseCancel(body[4:])
		case code == codeSSL && !sslDone:
			sslDone = true
			if secure == nil {
				err = answerEncryption(r, w, 'N', "SSL", len(body))
				break
			}
			if err = answerEncryption(r, w, 'S', "SSL", len(body)); err == nil {
				gssDone = true
				r, w, err = secure()
			}
		case code == codeGSSENC && !gssDone:
			gssDone = true
			err = answerEncryption(r, w, 'N', "GSSAPI encryption", len(body))
		default:
			return parseStartup(code, body[4:])
		}
		if err != nil {
			return nil, err
		}
	}
}

// readStartupPacket reads a packet of the startup phase, which has no type
// byte, and returns what follows its length: 4 bytes at least.
func readStartupPacket(r *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:])) - 4
	if n < 4 || n > maxStartupBody {
		e := FatalProtocol("invalid length of startup packet")
		e.Hint = otherProtocol(head)
		return nil, e
	}
	return readBody(r, int(n))
}

// readBody reads n bytes that were announced: an end of the stream before the
// first of them is unexpected too.
func readBody(r *bufio.Reader, n int) ([]byte, error) {
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

// otherProtocol tells those who speak something else from the first four bytes
// what this port speaks; it is "" when they look like nothing known.
func otherProtocol(head [4]byte) string {
	switch {
	case head[0] == 0x16 && head[1] == 3:
		return "This looks like a TLS handshake, which has to follow an SSLRequest: connect with sslnegotiation=postgres."
	case slices.Contains([]string{"GET ", "HEAD", "POST", "PUT ", "OPTI", "CONN", "DELE", "PRI "}, string(head[:])):
		return "This looks like HTTP, but the port speaks the PostgreSQL protocol."
	}
	return ""
}

func answerEncryption(r *bufio.Reader, w io.Writer, answer byte, what string, size int) error {
	if size != 4 {
		return FatalProtocol("invalid length of startup packet")
	}
	if r.Buffered() > 0 {
		return FatalProtocol("received unencrypted data after %s request", what)
	}
	_, err := w.Write([]byte{answer})
	return err
}

func parseCancel(b []byte) (*Startup, error) {
	if len(b) < 4 {
		return nil, FatalProtocol("invalid length of cancel request packet")
	}
	pid, secret := binary.BigEndian.Uint32(b), b[4:]
	if len(secret) < minCancelKey || len(secret) > maxCancelKey {
		return nil, FatalProtocol("invalid length of cancel key in cancel request packet")
	}
	return &Startup{Cancel: &CancelRequest{PID: pid, Secret: secret}}, nil
}

func parseStartup(version uint32, b []byte) (*Startup, error) {
	major, minor := version>>16, version&0xffff
	if major != 3 {
		return nil, fatal("0A000", "unsupported frontend protocol %d.%d: server supports 3.0 to 3.%d", major, minor, latestMinor)
	}
	s := &Startup{Minor: speakable(minor)}
	if !s.parseParams(b) {
		return nil, FatalProtocol("invalid startup packet layout: expected terminator as last byte")
	}
	s.Negotiate = s.Minor != int(minor) || len(s.Unrecognized) > 0
	user, _ := s.Get("user")
	if user == "" {
		return nil, fatal("28000", "no PostgreSQL user name specified in startup packet")
	}
	if database, _ := s.Get("database"); database == "" {
		s.Params = append(s.Params, Param{"database", user})
	}
	return s, nil
}

// speakable is the minor version to speak with a client that asked for one.
// There is no 3.1: the number is left out because of old proxies.
func speakable(minor uint32) int {
	if minor < latestMinor {
		return 0
	}
	return latestMinor
}

// parseParams reads name and value pairs up to an empty name, which must be
// the last byte.
func (s *Startup) parseParams(b []byte) bool {
	for {
		name, rest, ok := cstring(b)
		if !ok || len(name) == 0 {
			return ok && len(rest) == 0
		}
		value, rest, ok := cstring(rest)
		if !ok {
			return false
		}
		s.add(string(name), string(value))
		b = rest
	}
}

func (s *Startup) add(name, value string) {
	if strings.HasPrefix(name, protocolOption) {
		s.Unrecognized = append(s.Unrecognized, name)
		return
	}
	s.Params = append(s.Params, Param{name, value})
}

// AppendNegotiateProtocolVersion appends the answer to a client that asked for
// a newer minor version than minor, or for options the pooler does not know.
// The version goes out whole, major number included, as Postgres sends it.
func AppendNegotiateProtocolVersion(dst []byte, minor int, unrecognized []string) []byte {
	start := len(dst)
	dst = begin(dst, byte(ServerNegotiateProtocolVersion))
	dst = binary.BigEndian.AppendUint32(dst, 3<<16|uint32(minor))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(unrecognized)))
	for _, name := range unrecognized {
		dst = append(append(dst, name...), 0)
	}
	return finish(dst, start)
}

// ReadMessage reads one whole message of a client and returns its type and its
// body. The length it announces counts itself and must be 4 to max bytes, which
// is checked before anything is allocated. The error is FATAL 08P01 for the
// length, io.EOF if the client closed between messages, else r's own.
func ReadMessage(r *bufio.Reader, max int) (ClientMsg, []byte, error) {
	var head [HeaderSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[1:]))
	if n < 4 || n > int64(max) {
		return 0, nil, FatalProtocol("invalid message length: type 0x%02x, length 0x%08x", head[0], uint32(n))
	}
	body, err := readBody(r, int(n)-4)
	if err != nil {
		return 0, nil, err
	}
	return ClientMsg(head[0]), body, nil
}
