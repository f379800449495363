package integration

import (
	"bytes"
	"slices"
)

// ledger is what a client knows of the answers it is owed, by nothing but the rules of the protocol:
// it says whether there is anything more that it is sure to be sent. It knows of no pooler.
type ledger struct {
	owed     []byte // the types of messages sent and not yet answered, in their order
	batch    bool   // a batch has been begun that no Sync, Query or FunctionCall has ended
	skipping bool   // the server ignores everything up to the next Sync
	copying  bool   // the server waits for the rest of a COPY
	status   byte   // of the last ReadyForQuery
}

// boundaries end a batch, and are answered at once, with all before them. Flush only does the latter.
const boundaries = "SQF"

func (l *ledger) send(kind byte) {
	switch {
	case kind == 'd':
		return
	case l.copying:
		l.copying = kind != 'c' && kind != 'f' // Sync and Flush are eaten
		return
	case l.skipping && kind != 'S':
		return
	}
	boundary := bytes.IndexByte([]byte(boundaries), kind) >= 0
	if boundary || kind != 'c' && kind != 'f' {
		l.batch = !boundary
	}
	l.skipping = false
	l.owed = append(l.owed, kind)
	l.lead()
}

// lead drops what is never answered from the head: Flush, and the end of a COPY that nobody runs.
func (l *ledger) lead() {
	for len(l.owed) > 0 && bytes.IndexByte([]byte("Hcf"), l.owed[0]) >= 0 {
		l.owed = l.owed[1:]
	}
}

func (l *ledger) pop() {
	l.owed = l.owed[1:]
	l.lead()
}

// due says that a message is sure to come.
func (l *ledger) due() bool {
	return !l.copying && bytes.ContainsAny(l.owed, boundaries+"H")
}

// rests says that no transaction, no batch and no COPY is open and everything has been answered, so
// that a pooler may give the server to others.
func (l *ledger) rests() bool {
	return len(l.owed) == 0 && !l.batch && !l.skipping && !l.copying && (l.status == 'I' || l.status == 0)
}

func (l *ledger) receive(m reply) {
	if len(l.owed) == 0 {
		return
	}
	head := l.owed[0]
	switch m.kind {
	case '1', '2', '3', 'n', 'I', 's', 'C', 'T':
		if ends := map[byte]string{'1': "P", '2': "B", '3': "C", 'n': "D", 'T': "D", 'I': "E", 's': "E", 'C': "E"}; ends[m.kind][0] == head {
			l.pop()
		}
	case 'G':
		l.beginCopy()
	case 'E':
		l.fail(head)
	case 'Z':
		l.status = m.body[0]
		l.pop()
	}
}

// beginCopy settles what has been sent behind a COPY: all up to its end is eaten.
func (l *ledger) beginCopy() {
	end := bytes.IndexAny(l.owed, "cf")
	if l.copying = end < 0; l.copying {
		l.owed = l.owed[:1]
		return
	}
	l.owed = slices.Delete(slices.Clone(l.owed), 1, end+1)
}

func (l *ledger) fail(head byte) {
	l.copying = false
	if head == 'Q' || head == 'F' {
		return
	}
	for len(l.owed) > 0 && l.owed[0] != 'S' {
		l.owed = l.owed[1:]
	}
	l.skipping = len(l.owed) == 0
}
