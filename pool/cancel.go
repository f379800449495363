package pool

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	maxCancels    = 16              // cancel sockets of one pool at once
	cancelTimeout = 5 * time.Second // for one of them
	cancelCode    = 1234<<16 | 5678 // CANCEL_REQUEST_CODE in libpq/pqcomm.h
)

// CancelServer asks the server to cancel what runs on c and returns when the
// server has dealt with the request: only then is it certain that it hits
// nothing that comes later. The caller owns c throughout. It waits for one of
// 16 sockets as long as ctx allows, and then for the server at most 5 s. On an
// error c is to be discarded.
func (p *Pool) CancelServer(ctx context.Context, c *Conn) error {
	return p.cancel(ctx, c, cancelRequest(c.PID, c.Secret))
}

func cancelRequest(pid uint32, secret []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(12+len(secret)))
	b = binary.BigEndian.AppendUint32(b, cancelCode)
	b = binary.BigEndian.AppendUint32(b, pid)
	return append(b, secret...)
}

func (p *Pool) cancel(ctx context.Context, c *Conn, request []byte) error {
	select {
	case p.cancels <- struct{}{}:
		defer func() { <-p.cancels }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return SendCancel(ctx, c.network, c.address, c.tls, request)
}

// SendCancel sends a cancel request to a server, or to a pooler, over TLS unless
// config is nil, and returns when that has dealt with it: in 5 s at most.
func SendCancel(ctx context.Context, network, address string, config *tls.Config, request []byte) error {
	ctx, stop := context.WithTimeout(ctx, cancelTimeout)
	defer stop()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	defer conn.Close()
	if err := cancelOver(ctx, conn, config, request); err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	return nil
}

// awaitEnd reads until the server closes its end. It answers a cancel request
// with nothing.
func awaitEnd(conn net.Conn) error {
	n, err := io.Copy(io.Discard, io.LimitReader(conn, 1))
	if n > 0 {
		return errors.New("the server answered")
	}
	return err
}
