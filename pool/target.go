package pool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Target is which servers of the hosts will do, in the words of libpq's
// target_session_attrs.
type Target uint8

// The targets.
const (
	AnyServer     Target = iota
	ReadWrite            // takes writes: no standby, and not read-only by default
	ReadOnly             // the opposite
	Primary              // is not in recovery
	Standby              // is
	PreferStandby        // a standby if there is one, else any server
)

var targets = []string{"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}

func (t Target) String() string { return targets[t] }

// ParseTarget reads libpq's word for a target.
func ParseTarget(word string) (Target, bool) {
	i := slices.Index(targets, word)
	return Target(max(i, 0)), i >= 0
}

// exclusive says that of the servers that replicate each other one alone will do.
func (t Target) exclusive() bool { return t == ReadWrite || t == Primary }

// wrongServer says that a server answers and is not the one that is wanted.
type wrongServer struct{ is, want string }

func (e *wrongServer) Error() string {
	return fmt.Sprintf("it is %s, and target_session_attrs = %q", e.is, e.want)
}

// judge asks what a server has reported at login whether it will do.
func (t Target) judge(pg *pgconn.PgConn, params map[string]string) error {
	if t == AnyServer {
		return nil
	}
	recovering := pg.ParameterStatus("in_hot_standby")
	if recovering == "" {
		return &wrongServer{"a server that does not say whether it is a standby", t.String()}
	}
	standby := recovering == "on"
	_, asked := params["default_transaction_read_only"] // then its answer says nothing of the server
	readOnly := standby || !asked && pg.ParameterStatus("default_transaction_read_only") == "on"
	switch {
	case standby && (t == ReadWrite || t == Primary):
		return &wrongServer{"a standby", t.String()}
	case !standby && t == Standby:
		return &wrongServer{"a primary", t.String()}
	case readOnly && t == ReadWrite:
		return &wrongServer{"read-only", t.String()}
	case !readOnly && t == ReadOnly:
		return &wrongServer{"read-write", t.String()}
	}
	return nil
}

// examine logs in at an address to see what it is, and no more.
func (p *Pool) examine(t try) {
	ctx, cancel := context.WithTimeout(p.ctx, p.opts().ConnectTimeout)
	defer cancel()
	pg, err := p.openAt(ctx, t, p.loginOf(nil), controlParams())
	if err != nil {
		p.failed(t.at, err)
		return
	}
	p.worked(t)
	closing, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	pg.Close(closing)
}
