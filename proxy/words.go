package proxy

import (
	"bytes"
	"encoding/binary"

	"tenantpool/pool"
)

// serverNameMark begins every statement name of ours.
var serverNameMark = []byte(`"tp_`)

// inClientsWords puts the client's own statement name into an error of the
// server's that speaks of ours. ok is false if there is nothing to put.
func (s *session) inClientsWords(r reply, ref any) (b []byte, ok bool) {
	stmt, isStatement := ref.(*pool.Statement)
	at := bytes.Index(r.b, serverNameMark)
	if !isStatement || at < 0 || len(r.b) != r.size {
		return nil, false
	}
	end := bytes.IndexByte(r.b[at+1:], '"')
	if end < 0 {
		return nil, false
	}
	ours := r.b[at : at+1+end+1]
	for name, to := range s.names {
		if to.stmt == stmt {
			b = bytes.ReplaceAll(r.b, ours, []byte(`"`+name+`"`))
			binary.BigEndian.PutUint32(b[1:], uint32(len(b)-1))
			return b, true
		}
	}
	return nil, false
}
