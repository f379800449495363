package wire

// ClientMsg is the type byte of a message sent by a client. It is a type of
// its own so that a client's message cannot be passed where a server's is due.
type ClientMsg byte

// The messages a client may send after startup.
const (
	ClientBind         ClientMsg = 'B'
	ClientClose        ClientMsg = 'C'
	ClientCopyData     ClientMsg = 'd'
	ClientCopyDone     ClientMsg = 'c'
	ClientCopyFail     ClientMsg = 'f'
	ClientDescribe     ClientMsg = 'D'
	ClientExecute      ClientMsg = 'E'
	ClientFlush        ClientMsg = 'H'
	ClientFunctionCall ClientMsg = 'F'
	ClientParse        ClientMsg = 'P'
	ClientPassword     ClientMsg = 'p'
	ClientQuery        ClientMsg = 'Q'
	ClientSync         ClientMsg = 'S'
	ClientTerminate    ClientMsg = 'X'
)

// ServerMsg is the type byte of a message sent by a server.
type ServerMsg byte

// The messages a server may send.
const (
	ServerAuthentication           ServerMsg = 'R'
	ServerBackendKeyData           ServerMsg = 'K'
	ServerBindComplete             ServerMsg = '2'
	ServerCloseComplete            ServerMsg = '3'
	ServerCommandComplete          ServerMsg = 'C'
	ServerCopyBoth                 ServerMsg = 'W'
	ServerCopyData                 ServerMsg = 'd'
	ServerCopyDone                 ServerMsg = 'c'
	ServerCopyIn                   ServerMsg = 'G'
	ServerCopyOut                  ServerMsg = 'H'
	ServerDataRow                  ServerMsg = 'D'
	ServerEmptyQuery               ServerMsg = 'I'
	ServerErrorResponse            ServerMsg = 'E'
	ServerFunctionCallResponse     ServerMsg = 'V'
	ServerNegotiateProtocolVersion ServerMsg = 'v'
	ServerNoData                   ServerMsg = 'n'
	ServerNoticeResponse           ServerMsg = 'N'
	ServerNotification             ServerMsg = 'A'
	ServerParameterDescription     ServerMsg = 't'
	ServerParameterStatus          ServerMsg = 'S'
	ServerParseComplete            ServerMsg = '1'
	ServerPortalSuspended          ServerMsg = 's'
	ServerReadyForQuery            ServerMsg = 'Z'
	ServerRowDescription           ServerMsg = 'T'
)

// Transaction status bytes of ReadyForQuery.
const (
	TxIdle   byte = 'I' // no transaction open
	TxOpen   byte = 'T' // inside a transaction block
	TxFailed byte = 'E' // inside a failed transaction block
)
