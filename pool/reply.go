package pool

import (
	"bytes"
	"errors"
	"fmt"

	"tenantpool/wire"
)

// SwitchReply checks a server's answer to one Switch, message by message. It is
// a value without memory of its own.
type SwitchReply struct {
	sw     *Switch
	step   int   // commands completed
	rows   uint8 // of the running SELECT: 0, 1 described, 2 one row
	nonce  [len(noNonce)]byte
	echoed bool // the nonce has come back
	usable bool // the last row says true
	failed *wire.Error
}

// Feed takes the server's next message without its header. When done, err tells
// whether the connection now carries the state: nil, it does. A *wire.Error is
// the server's own refusal, complete with its ReadyForQuery unless it is FATAL:
// then the server has ended the connection for reasons of its own. Any other
// error is an answer that proves nothing. In both cases the connection is to be
// discarded: advisory locks are not put back by a rollback.
//
// Parameter changes are accepted and are the caller's to note; notifications
// are accepted and are to be dropped.
func (r *SwitchReply) Feed(t wire.ServerMsg, body []byte) (done bool, err error) {
	switch t {
	case wire.ServerParameterStatus, wire.ServerNotification:
		return false, nil
	case wire.ServerNoticeResponse:
		err = harmless(body)
	case wire.ServerErrorResponse:
		return r.refused(body)
	case wire.ServerReadyForQuery:
		return true, r.ready(body)
	default:
		err = r.progress(t, body)
	}
	return err != nil, err
}

// progress takes what a command that succeeds may send.
func (r *SwitchReply) progress(t wire.ServerMsg, body []byte) error {
	if r.failed != nil || r.step == len(r.sw.tags) {
		return fmt.Errorf("switch: server sent %q behind the last command", byte(t))
	}
	tag := r.sw.tags[r.step]
	rows := tag == selectTag
	switch {
	case t == wire.ServerRowDescription && rows && r.rows == 0,
		t == wire.ServerDataRow && rows && r.rows == 1:
		r.rows++
		r.usable = t == wire.ServerDataRow && string(body) == saysTrue
		r.echoed = r.echoed || t == wire.ServerRowDescription && bytes.Contains(body, r.nonce[:])
	case t == wire.ServerCommandComplete && (!rows || r.rows == 2) && isTag(body, tag):
		r.step++
		r.rows = 0
	default:
		return fmt.Errorf("switch: server sent %q where %q was to complete", byte(t), tag)
	}
	return nil
}

// saysTrue is a row whose one column is true.
const saysTrue = "\x00\x01\x00\x00\x00\x01t"

func isTag(body []byte, tag string) bool {
	return len(body) == len(tag)+1 && string(body[:len(tag)]) == tag && body[len(tag)] == 0
}

// refused keeps the server's error until its ReadyForQuery; none follows one
// that ends the connection.
func (r *SwitchReply) refused(body []byte) (done bool, err error) {
	f, err := wire.ParseErrorFields(body)
	if err != nil {
		return true, fmt.Errorf("switch: %w", err)
	}
	if r.failed != nil {
		return true, errors.New("switch: server sent two errors")
	}
	r.failed = &wire.Error{Severity: wire.SeverityError, Code: string(f.Code),
		Message: string(f.Message), Detail: string(f.Detail), Hint: string(f.Hint)}
	if !bytes.Equal(f.Severity, []byte(wire.SeverityError)) {
		r.failed.Severity = wire.SeverityFatal
		return true, r.failed
	}
	return false, nil
}

func (r *SwitchReply) ready(body []byte) error {
	want := wire.TxIdle
	if r.sw.inside {
		want = wire.TxOpen
	}
	switch {
	case r.failed != nil:
		return r.failed
	case len(body) != 1 || body[0] != want:
		return fmt.Errorf("switch: server is ready with status %q, not %q", body, want)
	case r.step != len(r.sw.tags):
		return fmt.Errorf("switch: %d of %d commands completed", r.step, len(r.sw.tags))
	case r.sw.nonceAt > 0 && !r.echoed:
		return errors.New("switch: the answer is to another text")
	case r.sw.unusable != nil && !r.usable:
		return r.sw.unusable
	}
	return nil
}

// harmless accepts what a client may have asked the server to chat about. A
// WARNING or NOTICE in a switch means that it did something else than was meant.
func harmless(body []byte) error {
	f, err := wire.ParseErrorFields(body)
	if err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	switch string(f.Severity) {
	case "LOG", "INFO", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5":
		return nil
	}
	return fmt.Errorf("switch: server sent a %s: %s", f.Severity, f.Message)
}
