package wire

import "fmt"

// Kind says what a forwarded message is owed in return.
type Kind uint8

const (
	OweParse             Kind = iota + 1 // ParseComplete
	OweBind                              // BindComplete
	OweDescribeStatement                 // ParameterDescription, then RowDescription or NoData
	OweDescribePortal                    // RowDescription or NoData
	OweExecute                           // rows or COPY, then CommandComplete, EmptyQuery or PortalSuspended
	OweClose                             // CloseComplete
	OweSync                              // ReadyForQuery
	OweQuery                             // anything, then ReadyForQuery
	OweCall                              // FunctionCallResponse, then ReadyForQuery
	OweNothing                           // Flush

	ownAnswer  // an answer of the pooler's own, waiting for its place
	copyData   // CopyData sent before the server was seen to be in COPY IN
	copyEnd    // CopyDone or CopyFail sent before that
	copySync   // a Sync sent into COPY IN: eaten if the COPY succeeds
	kindsTotal // not a kind
)

func (k Kind) boundary() bool { return k == OweSync || k == OweQuery || k == OweCall }

// Exchange is the bookkeeping of what is owed between one client and one
// server: messages forwarded go in, replies come out, and Quiet says whether
// the server is between two exchanges. It holds no socket and no bytes.
//
// It follows the server's own main loop (PostgresMain in tcop/postgres.c): an
// error in an extended batch skips everything to its Sync, an error of a simple
// Query or a FunctionCall skips nothing, and COPY IN eats Sync and Flush. State
// changes when replies pass, not when messages are sent. The zero value is a
// server just logged in.
type Exchange struct {
	queue     []owed
	head      int
	struck    []any
	batch     bool // a batch is open: only a Sync, Query or FunctionCall ends it
	skipping  bool // the server ignores everything up to the next Sync
	copyIn    bool // the server reads COPY data and the client has not ended it
	inCopy    bool // the head's COPY IN has begun
	fed       bool // it has been sent data
	copyOut   bool
	described bool // the head Describe has had its ParameterDescription
	ambiguous bool // how many replies are owed can no longer be known
	status    byte // the last ReadyForQuery's, 0 before the first
}

type owed struct {
	kind   Kind
	hidden bool
	ref    any
}

// Receipt says what a server's message answered.
type Receipt struct {
	Ref      any   // what Forward was given for the message answered, or nil
	Hidden   bool  // the message answered was the pooler's own: do not relay
	Complete bool  // nothing more is owed for it
	Struck   []any // refs that died with an error; valid until the next call
}

// Forward notes that a message was sent to the server. ref comes back in the
// Receipt of its answer, or among Struck. hidden marks a message that the
// client did not send. It returns false if the server will ignore the message
// (an error is skipping to Sync): then nothing is owed and ref is forgotten.
func (x *Exchange) Forward(k Kind, hidden bool, ref any) bool {
	if x.skipping && k != OweSync {
		return false
	}
	if x.copyIn && k == OweNothing {
		return true // eaten
	}
	if x.copyIn && k == OweSync && !x.fed {
		return true // eaten for certain: no data has come that the COPY could fail on
	}
	if x.copyIn && k == OweSync {
		x.push(owed{copySync, hidden, ref})
		return true
	}
	x.batch = !k.boundary()
	x.skipping = false
	if k != OweNothing {
		x.push(owed{k, hidden, ref})
	}
	return true
}

// ForwardCopy notes CopyData, CopyDone or CopyFail. It returns false if the
// server can only drop the message, so that it need not be sent at all.
func (x *Exchange) ForwardCopy(m ClientMsg) bool {
	end := m != ClientCopyData
	switch {
	case x.copyIn:
		x.copyIn = !end
		x.fed = true
	case x.skipping || x.Owing() == 0:
		return false
	case end:
		x.push(owed{kind: copyEnd})
	case x.queue[len(x.queue)-1].kind != copyData:
		x.push(owed{kind: copyData})
	}
	return true
}

// Own puts an answer that the pooler makes itself into the queue, behind
// everything owed so far. It opens a batch as the message it answers would.
// It returns false if that message is being skipped.
func (x *Exchange) Own(ref any) bool {
	if x.skipping {
		return false
	}
	x.batch = true
	x.push(owed{ownAnswer, false, ref})
	return true
}

// OwnDue takes the pooler's own answer from the head of the queue, if one is
// there: everything before it has been relayed.
func (x *Exchange) OwnDue() (ref any, ok bool) {
	if !x.OwnWaits() {
		return nil, false
	}
	ref = x.queue[x.head].ref
	x.pop()
	return ref, true
}

// OwnWaits says that OwnDue has an answer to give.
func (x *Exchange) OwnWaits() bool {
	return x.Owing() > 0 && x.queue[x.head].kind == ownAnswer
}

// Receive notes a message of the server's; status is the body of a
// ReadyForQuery. An error means that the server said what it did not owe: the
// connection can no longer be understood and is to be discarded.
func (x *Exchange) Receive(t ServerMsg, status byte) (Receipt, error) {
	x.struck = x.struck[:0]
	switch t {
	case ServerNoticeResponse, ServerParameterStatus, ServerNotification:
		return Receipt{}, nil
	case ServerErrorResponse:
		return x.failed(), nil
	case ServerReadyForQuery:
		return x.ready(status)
	}
	if x.Owing() == 0 {
		if x.ambiguous {
			return Receipt{}, nil
		}
		return Receipt{}, fmt.Errorf("server sent %q with nothing owed", byte(t))
	}
	o := x.queue[x.head]
	r := Receipt{Ref: o.ref, Hidden: o.hidden}
	done, ok := x.answers(t, o.kind)
	if !ok && x.ambiguous {
		return Receipt{}, nil
	}
	if !ok {
		return Receipt{}, fmt.Errorf("server sent %q where kind %d was owed", byte(t), o.kind)
	}
	if done {
		r.Complete = true
		x.pop()
	}
	return r, nil
}

// answers says whether t may answer a message of kind k, and whether it
// completes the answer.
func (x *Exchange) answers(t ServerMsg, k Kind) (done, ok bool) {
	switch t {
	case ServerParseComplete:
		return true, k == OweParse
	case ServerBindComplete:
		return true, k == OweBind
	case ServerCloseComplete:
		return true, k == OweClose
	case ServerParameterDescription:
		x.described = true
		return false, k == OweDescribeStatement
	case ServerRowDescription, ServerNoData:
		return x.rows(k)
	case ServerFunctionCallResponse:
		return false, k == OweCall
	case ServerPortalSuspended:
		return true, k == OweExecute
	}
	return x.runs(t, k)
}

func (x *Exchange) rows(k Kind) (done, ok bool) {
	switch k {
	case OweQuery:
		return false, true
	case OweDescribePortal:
		return true, true
	case OweDescribeStatement:
		ok, x.described = x.described, false
		return true, ok
	}
	return false, false
}

// runs handles what a running statement may send.
func (x *Exchange) runs(t ServerMsg, k Kind) (done, ok bool) {
	if k != OweExecute && k != OweQuery {
		return false, false
	}
	switch t {
	case ServerDataRow:
		return false, true
	case ServerCommandComplete, ServerEmptyQuery:
		x.endCopy()
		return k == OweExecute, true
	case ServerCopyIn:
		x.beginCopyIn()
		return false, true
	case ServerCopyOut:
		x.copyOut = true
		return false, true
	case ServerCopyData:
		return false, x.copyOut
	case ServerCopyDone:
		ok, x.copyOut = x.copyOut, false
		return false, ok
	}
	return false, false // CopyBoth: replication is never forwarded
}

// beginCopyIn sorts what was already sent behind the COPY. A Sync before any
// COPY data is certainly eaten; one between data is eaten if the COPY goes
// well; one behind the end of the data is an ordinary one.
func (x *Exchange) beginCopyIn() {
	x.inCopy, x.copyIn = true, true
	data := false
	keep := x.head + 1
	i := keep
scan:
	for ; i < len(x.queue); i++ {
		switch x.queue[i].kind {
		case OweSync:
			if !data {
				continue
			}
			x.queue[i].kind = copySync
		case copyData:
			data = true
		case copyEnd:
			x.copyIn = false
			break scan
		case copySync:
		default:
			break scan
		}
		x.queue[keep] = x.queue[i]
		keep++
	}
	x.queue = append(x.queue[:keep], x.queue[i:]...)
	x.fed = data
}

// endCopy strikes out the Syncs that a COPY IN has eaten.
func (x *Exchange) endCopy() {
	x.copyOut = false
	if !x.inCopy {
		return
	}
	x.inCopy, x.copyIn = false, false
	x.dropCopySyncs()
}

func (x *Exchange) dropCopySyncs() {
	keep := x.head + 1
	for i := keep; i < len(x.queue); i++ {
		if x.queue[i].kind != copySync {
			x.queue[keep] = x.queue[i]
			keep++
		}
	}
	x.queue = x.queue[:keep]
}

// failed handles an ErrorResponse: in a batch everything up to its Sync is
// struck out, for a simple Query or a FunctionCall nothing is.
func (x *Exchange) failed() Receipt {
	if x.Owing() == 0 {
		return Receipt{} // unasked: the server is ending the connection
	}
	o := x.queue[x.head]
	r := Receipt{Ref: o.ref, Hidden: o.hidden}
	maybe := false
	if x.inCopy {
		for _, q := range x.queue[x.head+1:] {
			maybe = maybe || q.kind == copySync
		}
	}
	x.inCopy, x.copyIn, x.copyOut, x.described = false, false, false, false
	if maybe {
		x.ambiguous = true
		x.dropCopySyncs()
	}
	if o.kind == OweQuery || o.kind == OweCall {
		return r
	}
	for x.Owing() > 0 && x.queue[x.head].kind != OweSync {
		if ref := x.queue[x.head].ref; ref != nil {
			x.struck = append(x.struck, ref)
		}
		x.drop()
	}
	x.skipping = x.Owing() == 0
	r.Struck = x.struck
	r.Complete = true
	return r
}

func (x *Exchange) ready(status byte) (Receipt, error) {
	if x.Owing() == 0 || !x.queue[x.head].kind.boundary() {
		if x.ambiguous {
			x.status = status
			return Receipt{}, nil
		}
		return Receipt{}, fmt.Errorf("server is ready for a query that it was not sent")
	}
	o := x.queue[x.head]
	x.inCopy, x.copyIn, x.copyOut = false, false, false
	x.status = status
	x.pop()
	return Receipt{Ref: o.ref, Hidden: o.hidden, Complete: true}, nil
}

// Quiet says that the server is between exchanges and outside any transaction:
// no batch is open, every boundary sent has had its ReadyForQuery, the last one
// said idle, and no COPY runs. Whether a message is half-way is for the holder
// of the bytes to add.
func (x *Exchange) Quiet() bool {
	return x.Settled() && x.status == TxIdle
}

// Settled is Quiet in any transaction status.
func (x *Exchange) Settled() bool {
	return x.Owing() == 0 && !x.batch && !x.skipping && !x.copyIn && !x.ambiguous
}

// Owing is the number of messages whose answer is outstanding.
func (x *Exchange) Owing() int { return len(x.queue) - x.head }

// AwaitsReady says that the end of a batch has been sent and its ReadyForQuery
// is still to come, and that the server needs nothing more from the client until
// then: a COPY IN that runs does, and one that has eaten its Sync needs another.
func (x *Exchange) AwaitsReady() bool {
	if x.copyIn {
		return false
	}
	for i := len(x.queue) - 1; i >= x.head; i-- {
		if x.queue[i].kind.boundary() {
			return true
		}
	}
	return false
}

// BatchOpen says that an extended-protocol batch awaits its Sync.
func (x *Exchange) BatchOpen() bool { return x.batch }

// Skipping says that the server ignores everything up to the next Sync.
func (x *Exchange) Skipping() bool { return x.skipping }

// CopyingIn says that the server is known to read COPY data: anything but
// COPY messages, Flush, Sync and Terminate would end the connection.
func (x *Exchange) CopyingIn() bool { return x.copyIn }

// Status is the transaction status last reported, 0 before the first report.
func (x *Exchange) Status() byte { return x.status }

// HeadKind is the kind of the message being answered, 0 when nothing is owed.
func (x *Exchange) HeadKind() Kind {
	if x.Owing() == 0 {
		return 0
	}
	return x.queue[x.head].kind
}

// Idle puts the exchange into the state of a connection whose own, separate
// conversation with the pooler (login, switch, rollback) ended idle.
func (x *Exchange) Idle() {
	if x.Owing() != 0 {
		panic("BUG: wire.Exchange.Idle while replies are owed")
	}
	queue, struck := x.queue[:0], x.struck[:0]
	*x = Exchange{queue: queue, struck: struck, status: TxIdle}
}

func (x *Exchange) push(o owed) { x.queue = append(x.queue, o) }

// drop removes the head; pop also removes the markers that then lead.
func (x *Exchange) drop() {
	x.queue[x.head] = owed{}
	x.head++
	if x.head == len(x.queue) {
		x.reset()
	} else if x.head >= 1<<10 && x.head > len(x.queue)/2 {
		n := copy(x.queue, x.queue[x.head:])
		clear(x.queue[n:])
		x.queue, x.head = x.queue[:n], 0
	}
}

func (x *Exchange) pop() {
	x.drop()
	for x.Owing() > 0 && (x.queue[x.head].kind == copyData || x.queue[x.head].kind == copyEnd) {
		x.drop()
	}
}

// reset empties the queue and gives back the memory of a long pipeline.
func (x *Exchange) reset() {
	x.head = 0
	if cap(x.queue) > 1<<10 {
		x.queue = nil
		return
	}
	x.queue = x.queue[:0]
}
