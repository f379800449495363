package wire

import "encoding/binary"

// HeaderSize is the length of a message header: one type byte, four of length.
const HeaderSize = 5

// MaxMessage is the longest message accepted in either direction, header
// included: Postgres refuses what does not fit one allocation of 1 GiB - 1.
const MaxMessage = 1<<30 - 1

// maxSmall is Postgres's cap on the client messages that have no long field
// (PQ_SMALL_MESSAGE_LIMIT in libpq/libpq.h, without the type byte).
const maxSmall = 10000

// ClientHeader reads the header of a client's message: its type and its whole
// length with the header. b holds at least HeaderSize bytes. The error is
// FATAL 08P01, for a type no client may send or a length the type cannot have;
// nothing may be read behind it, for the stream has lost its frame.
func ClientHeader(b []byte) (ClientMsg, int, *Error) {
	t, n := ClientMsg(b[0]), int64(binary.BigEndian.Uint32(b[1:5]))
	limit := clientLimit(t)
	switch {
	case limit == 0:
		return t, 0, FatalProtocol("invalid frontend message type %d", b[0])
	case n < 4 || n > limit:
		return t, 0, FatalProtocol("invalid message length: type 0x%02x, length 0x%08x", b[0], uint32(n))
	}
	return t, int(n) + 1, nil
}

// clientLimit is the greatest length field a client's message may announce,
// 0 for a type that no client may send after login.
func clientLimit(t ClientMsg) int64 {
	switch t {
	case ClientQuery, ClientParse, ClientBind, ClientFunctionCall, ClientCopyData:
		return MaxMessage - 1
	case ClientDescribe, ClientExecute, ClientClose, ClientCopyFail, ClientTerminate:
		return maxSmall
	case ClientFlush, ClientSync, ClientCopyDone:
		return 4 // the server's error about a body would answer nothing that is owed
	}
	return 0
}

// ServerHeader reads the header of a server's message, as ClientHeader does. A
// type that no server of protocol 3.0 to 3.2 sends after login is an error:
// what it owes or is owed cannot be known.
func ServerHeader(b []byte) (ServerMsg, int, *Error) {
	t, n := ServerMsg(b[0]), int64(binary.BigEndian.Uint32(b[1:5]))
	switch {
	case !knownServerMsg(t):
		return t, 0, FatalProtocol("unknown message type 0x%02x from the server", b[0])
	case n < 4 || n > MaxMessage-1:
		return t, 0, FatalProtocol("invalid message length from the server: type 0x%02x, length 0x%08x", b[0], uint32(n))
	}
	return t, int(n) + 1, nil
}

func knownServerMsg(t ServerMsg) bool {
	switch t {
	case ServerBindComplete, ServerCloseComplete, ServerCommandComplete, ServerCopyBoth,
		ServerCopyData, ServerCopyDone, ServerCopyIn, ServerCopyOut, ServerDataRow,
		ServerEmptyQuery, ServerErrorResponse, ServerFunctionCallResponse, ServerNoData,
		ServerNoticeResponse, ServerNotification, ServerParameterDescription,
		ServerParameterStatus, ServerParseComplete, ServerPortalSuspended,
		ServerReadyForQuery, ServerRowDescription:
		return true
	}
	return false
}
