package wire

import "encoding/binary"

// begin appends a message header with its length still open; finish closes it.
func begin(dst []byte, t byte) []byte { return append(dst, t, 0, 0, 0, 0) }

// finish writes the length of the message that begins at dst[at]. The length
// is computed in the machine's word and never wraps: a message that exceeds the
// protocol's limit is a bug of the caller, who holds its parts in memory.
func finish(dst []byte, at int) []byte {
	n := len(dst) - at - 1
	if n > MaxMessage-1 {
		panic("BUG: message longer than the protocol allows")
	}
	binary.BigEndian.PutUint32(dst[at+1:], uint32(n))
	return dst
}

// AppendQuery appends a simple Query.
func AppendQuery(dst []byte, sql string) []byte {
	at := len(dst)
	dst = append(begin(dst, byte(ClientQuery)), sql...)
	return finish(append(dst, 0), at)
}

// AppendParse appends a Parse of the statement name; body is a Parse message's
// bytes behind its name: the text, a zero byte, and the parameter types.
func AppendParse[B []byte | string](dst []byte, name string, body B) []byte {
	at := len(dst)
	dst = append(append(begin(dst, byte(ClientParse)), name...), 0)
	return finish(append(dst, body...), at)
}

// AppendTarget appends a Describe or a Close of the statement ('S') or portal
// ('P') name.
func AppendTarget(dst []byte, m ClientMsg, kind byte, name string) []byte {
	at := len(dst)
	dst = append(append(begin(dst, byte(m)), kind), name...)
	return finish(append(dst, 0), at)
}

// AppendSync appends a Sync.
func AppendSync(dst []byte) []byte { return append(dst, byte(ClientSync), 0, 0, 0, 4) }

// AppendEmpty appends a server's message that has no body.
func AppendEmpty(dst []byte, m ServerMsg) []byte { return append(dst, byte(m), 0, 0, 0, 4) }

// AppendReady appends a ReadyForQuery.
func AppendReady(dst []byte, status byte) []byte {
	return append(dst, byte(ServerReadyForQuery), 0, 0, 0, 5, status)
}

// AppendCommandComplete appends a CommandComplete.
func AppendCommandComplete(dst []byte, tag string) []byte {
	at := len(dst)
	dst = append(begin(dst, byte(ServerCommandComplete)), tag...)
	return finish(append(dst, 0), at)
}

// AppendParameterStatus appends a ParameterStatus.
func AppendParameterStatus(dst []byte, name, value string) []byte {
	at := len(dst)
	dst = append(append(begin(dst, byte(ServerParameterStatus)), name...), 0)
	return finish(append(append(dst, value...), 0), at)
}

// AppendBackendKeyData appends a BackendKeyData. The secret is 4 bytes in
// protocol 3.0 and up to 256 in 3.2.
func AppendBackendKeyData(dst []byte, pid uint32, secret []byte) []byte {
	at := len(dst)
	dst = binary.BigEndian.AppendUint32(begin(dst, byte(ServerBackendKeyData)), pid)
	return finish(append(dst, secret...), at)
}

// AppendCancelRequest appends a CancelRequest packet, which has no type byte.
func AppendCancelRequest(dst []byte, pid uint32, secret []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(12+len(secret)))
	dst = binary.BigEndian.AppendUint32(dst, 1234<<16|5678)
	return append(binary.BigEndian.AppendUint32(dst, pid), secret...)
}
