package integration

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// middleman stands between clients and the server in a pooler's place, and does badly what a pooler
// has to do well: it says which schema a client gets, and leaves on its connection what it is told to.
type middleman struct {
	listener net.Listener
	w        *world
	schema   func(tenant string) string
	leave    string
	clients  atomic.Int64
}

func startMiddleman(t *testing.T, w *world, schema func(tenant string) string, leave string) *middleman {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	m := &middleman{listener: ln, w: w, schema: schema, leave: leave}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go m.serve(client)
		}
	}()
	return m
}

func (m *middleman) address() string { return m.listener.Addr().String() }

// serve relays between a client and a connection of its own to the server.
func (m *middleman) serve(client net.Conn) {
	defer client.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(client, head); err != nil {
		return
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-8)
	if _, err := io.ReadFull(client, body); err != nil {
		return
	}
	server, err := net.Dial("tcp", endpoint{host: m.w.server.Host, port: m.w.server.Port}.address())
	if err != nil {
		return
	}
	defer server.Close()
	if binary.BigEndian.Uint32(head[4:]) == codeCancel {
		server.Write(packet(codeCancel, body))
		io.Copy(io.Discard, server) // until it has been dealt with
		return
	}
	server.Write(m.rewritten(strings.Split(string(body), "\x00")))
	in := bufio.NewReader(server)
	if !m.greet(client, server, in) {
		return
	}
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	io.Copy(client, in)
}

// rewritten is a startup packet with the world's database and the schema that the client gets.
func (m *middleman) rewritten(params []string) []byte {
	tenant := ""
	for i := 0; i+1 < len(params); i += 2 {
		switch params[i] {
		case "database":
			tenant, params[i+1] = params[i+1], m.w.database
		case "user":
			params[i+1] = "app"
		}
	}
	for len(params) > 0 && params[len(params)-1] == "" {
		params = params[:len(params)-1]
	}
	return startup(version30, append(params, "options", "-c search_path="+m.schema(tenant))...)
}

// greet relays the login, and leaves on the connection of every client but the first what is to be
// left there before that client has its first word.
func (m *middleman) greet(client, server net.Conn, in *bufio.Reader) bool {
	hidden := m.clients.Add(1) > 1 && m.leave != ""
	for {
		r, err := readReply(in)
		if err != nil {
			return false
		}
		if r.kind == 'Z' && hidden {
			server.Write(query(m.leave))
			for r.kind = 0; r.kind != 'Z'; {
				if r, err = readReply(in); err != nil {
					return false
				}
			}
		}
		whole := binary.BigEndian.AppendUint32([]byte{r.kind}, uint32(len(r.body)+4))
		if _, err := client.Write(append(whole, r.body...)); err != nil {
			return false
		}
		if r.kind == 'Z' {
			return true
		}
	}
}
