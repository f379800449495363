package proxy

import (
	"errors"
	"fmt"

	"tenantpool/routing"
	"tenantpool/wire"
)

// Every error that a client gets from the pooler itself, in one place. What a
// server says passes through untouched.

func fatalError(code, message, hint string) *wire.Error {
	return &wire.Error{Severity: "FATAL", Code: code, Message: message, Hint: hint}
}

func plainError(code, message, hint string) *wire.Error {
	return &wire.Error{Severity: "ERROR", Code: code, Message: message, Hint: hint}
}

var (
	errTooManyClients = fatalError("53300", "sorry, too many clients already",
		"Raise max_clients in the configuration of tenantpool.")
	errNoDescriptors = fatalError("53300", "sorry, too many clients already",
		"tenantpool is near its limit of open files: raise it (ulimit -n, LimitNOFILE=) or lower max_clients.")
	errLoginTimeout = fatalError("57014", "canceling authentication due to timeout", "")
	errReplication  = fatalError("0A000", "replication connections are not supported", "Connect to the server directly: no pool mode passes them on.")
	errShutdown     = fatalError("57P01", "terminating connection due to administrator command", "")
	errServerLost   = fatalError("08006", "server closed the connection unexpectedly", hintServerLost)

	errUnread = fatalError("57P03", "the tenants are not known yet",
		"Try again in a moment. tenantpool has not been able to read its registry yet: its log has the cause.")
	errNoLookup = fatalError("08001", "users cannot be looked up at present",
		"Try again. The server that tenantpool asks for users gives no answer: the log of tenantpool has the cause.")
	errOutcomeUnknown = fatalError("08007", "transaction outcome unknown",
		"The server went away while a COMMIT was under way: check whether it took effect before trying again.")
	errIdleInTransaction = fatalError("25P03", "terminating connection due to idle-in-transaction timeout",
		"Raise idle_transaction_timeout of the tenant, its route, or at the top of the configuration.")
	errHalfMessage = fatalError("08P01", "client stopped in the middle of a message",
		"Raise idle_transaction_timeout of the tenant, its route, or at the top of the configuration.")
	errTransactionTimeout = fatalError("25P04", "terminating connection due to transaction timeout",
		"Raise transaction_timeout of the tenant, its route, or at the top of the configuration.")
	errClientIdle = fatalError("57P05", "terminating connection due to idle-session timeout",
		"Raise client_idle_timeout of the tenant, its route, or at the top of the configuration.")
	errMessageTooLong = fatalError("54000", "message too long to be forwarded",
		"A message may be 1 GB long, as in Postgres: send the value in parts, or by COPY.")
	errNoTransactions = plainError("0A000", "transactions are not supported in statement pooling mode",
		"Use a route with pool_mode = \"transaction\".")
	errSequenceLost = plainError("55000", "the sequence values of this session are on another server connection",
		"Use INSERT ... RETURNING, or call lastval and currval in the transaction that called nextval.")
	errExecute = plainError("0A000", "EXECUTE of a statement that was prepared by the protocol is not supported in transaction pooling mode",
		"Run it by the protocol, prepare it by PREPARE, or connect through a route with pool_mode = \"session\".")
	errCanceled = plainError("57014", "canceling statement due to user request", "")
)

// hintServerLost is for whoever was using the server connection that is gone.
const hintServerLost = "Connect again. The log of tenantpool says what became of the server connection."

func serverLostError(why string) *wire.Error {
	return fatalError("08006", why, hintServerLost)
}

func databaseUnknown(name string) *wire.Error {
	return fatalError("3D000", fmt.Sprintf(`database "%s" does not exist`, name),
		"It leads to no tenant of this login's: tenantpool why USER DATABASE, where tenantpool runs, says why.")
}

func passwordFailed(user string) *wire.Error {
	return fatalError("28P01", fmt.Sprintf(`password authentication failed for user "%s"`, user), "")
}

func tenantDisabled(tenant string) *wire.Error {
	return fatalError("28000", fmt.Sprintf(`tenant "%s" is not accepting connections`, tenant),
		"It has been switched off where tenantpool is configured.")
}

// What a client hears whose session cannot go on after a reload.
func tenantGone(tenant string) *wire.Error {
	return fatalError("3D000", fmt.Sprintf(`tenant "%s" does not exist any more`, tenant),
		"The configuration of tenantpool has changed. Connect again if it is still there by another name.")
}

func notAdmittedNow(user, tenant string) *wire.Error {
	return fatalError("28000", fmt.Sprintf(`login "%s" is no longer admitted to tenant "%s"`, user, tenant),
		"See users of the tenant and its route in the configuration of tenantpool.")
}

func clusterGone(tenant string) *wire.Error {
	return fatalError("08004", fmt.Sprintf(`the cluster of tenant "%s" is not configured`, tenant), "See cluster of the tenant and its route in the configuration of tenantpool.")
}

func pathGone(tenant string) *wire.Error {
	return fatalError("57P01", fmt.Sprintf(`tenant "%s" was changed: the search_path of this session is not among its schemas any more`, tenant),
		"Connect again.")
}

func noLogin(tenant string) *wire.Error {
	return fatalError("28000", fmt.Sprintf(`tenant "%s" has no login on the server`, tenant),
		"The log of tenantpool says what its configuration lacks.")
}

func tenantFull(tenant string) *wire.Error {
	return fatalError("53300", fmt.Sprintf(`too many connections for tenant "%s"`, tenant),
		"Raise max_clients of the tenant or its route.")
}

func duplicateStatement(name []byte) *wire.Error {
	return plainError("42P05", fmt.Sprintf(`prepared statement "%s" already exists`, name), "")
}

func tooManyStatements(r *routing.Route) *wire.Error {
	return plainError("53400", fmt.Sprintf("a client may have %d prepared statements", r.MaxPrepared),
		fmt.Sprintf("Close some, or raise max_prepared of tenant %q or its route, or prepared.per_client.", r.Tenant))
}

// paceError is for a client whose turn does not come within query_wait_timeout.
func (s *session) paceError() *wire.Error {
	r := s.route
	key, limit := "max_qps", fmt.Sprintf("%d queries a second", r.MaxQPS)
	if s.overBytes() {
		key, limit = "max_bps", fmt.Sprintf("%d bytes a second", r.MaxBPS)
	}
	return plainError("53400", fmt.Sprintf("tenant %q is over its limit of %s", r.Tenant, limit),
		fmt.Sprintf("Send less, or raise %s or query_wait_timeout of the tenant or its route.", key))
}

// queryTimedOut takes the place of the server's word that it was cancelled.
func queryTimedOut(r *routing.Route) *wire.Error {
	return plainError("57014", fmt.Sprintf("canceling statement due to query_timeout of %v", r.QueryTimeout),
		"Raise query_timeout of the tenant or its route, or at the top of the configuration.")
}

func unknownStatement(name []byte) *wire.Error {
	return plainError("26000", fmt.Sprintf(`prepared statement "%s" does not exist`, name), "")
}

func featureRefused(what routing.Feature) *wire.Error {
	return plainError("0A000", pinReason(what).String()+" is not supported in transaction pooling mode",
		fmt.Sprintf(`Set session_features.%s = "pin" in the configuration of tenantpool, or connect through a route with pool_mode = "session".`, what))
}

func tooManyPinned(why pinSet) *wire.Error {
	var words string
	for r := range why.all {
		words = r.String()
		break
	}
	return plainError("53300", "too many sessions keep a server connection of their own: "+words,
		"Raise max_pinned, or connect through a route with pool_mode = \"session\".")
}

// switchError is what a client hears of a switch that failed: the server's own
// words if it had any.
func switchError(err error) *wire.Error {
	var own *wire.Error
	if errors.As(err, &own) {
		return own
	}
	return plainError("08006", "the server connection could not be switched to the tenant", "Try again; the pooler's log has the cause.")
}

// waitError is what a client hears that has waited in vain: why no server can be
// had if that is known, else that all are busy.
func (s *session) waitError() *wire.Error {
	if s.parked {
		return tenantPaused(s.route.Tenant)
	}
	if e := s.pool.LastError(s.state.Profile()); e != nil {
		return e.WithSeverity("ERROR")
	}
	if n := s.route.MaxServers; n > 0 && s.pool.Held(s.state) >= n {
		return plainError("53300", fmt.Sprintf("no server connection became free within %v: tenant %q holds its %d", s.route.QueryWaitTimeout, s.route.Tenant, n),
			"Raise max_servers or query_wait_timeout of the tenant or its route, or look for transactions that stay open.")
	}
	st := s.pool.Stats()
	return &wire.Error{
		Severity: "ERROR", Code: "53300",
		Message: fmt.Sprintf("no server connection became free within %v", s.route.QueryWaitTimeout),
		Detail:  fmt.Sprintf("pool %d/%d busy, %d waiting", st.Lent, st.Size, st.Waiting),
		Hint:    "Raise pool_size or query_wait_timeout, or look for transactions that stay open.",
	}
}

// provoked stands for a message that the pooler refuses inside an exchange. The
// server is sent one that fails in its place, and its error is replaced by ours,
// so that the state of transaction and batch stays the server's.
type provoked struct{ error *wire.Error }

// nonsense fails in every transaction state, for it does not even parse.
const nonsense = "refused by tenantpool"

// provoke makes the server fail in the place of m.
func (s *session) provoke(m message, x *wire.Exchange, e *wire.Error) int {
	a, ref := &s.loop.toServer, &provoked{e}
	n := s.swallow(m)
	if m.kind == wire.ClientQuery {
		s.forgetUnnamed()
		s.server.unnamedOf = 0
		a.added(wire.AppendQuery(a.add(), nonsense))
		x.Forward(wire.OweQuery, false, ref)
		s.yield = s.yield || s.pool.Contended()
		return n
	}
	name := s.server.conn.Statements.UnknownName()
	a.added(wire.AppendParse(a.add(), name, nonsense+"\x00\x00\x00"))
	x.Forward(wire.OweParse, false, ref)
	return n
}

// provokeDuplicate refuses the Parse of a name that is taken. The server judges
// the text first, under a name for nothing else: what is wrong with it goes before.
func (s *session) provokeDuplicate(m message, x *wire.Exchange, name, rest []byte) int {
	if m.complete() && wire.ValidParse(rest) {
		spare := s.server.conn.Statements.UnknownName() + "_spare"
		a := &s.loop.toServer
		a.added(wire.AppendTarget(a.add(), wire.ClientClose, 'S', spare))
		x.Forward(wire.OweClose, true, nil)
		a.added(wire.AppendParse(a.add(), spare, rest))
		x.Forward(wire.OweParse, true, nil)
	}
	return s.provoke(m, x, duplicateStatement(name))
}

// tenantOff is what a client hears of a tenant that is switched off, or suspended
// for a reason.
func tenantOff(r *routing.Refusal) *wire.Error {
	if r.Why != "" {
		return tenantSuspended(r.Tenant, r.Why)
	}
	return tenantDisabled(r.Tenant)
}

func tenantSuspended(tenant, reason string) *wire.Error {
	text := fmt.Sprintf(`tenant "%s" is suspended`, tenant)
	if reason != "" {
		text += ": " + reason
	}
	return fatalError("57P03", text, "An operator of tenantpool has suspended it and can resume it.")
}

func tenantDraining(tenant string) *wire.Error {
	return fatalError("57P03", fmt.Sprintf(`tenant "%s" is not accepting connections now`, tenant),
		"An operator of tenantpool drains it; try again later.")
}

func tenantPaused(tenant string) *wire.Error {
	return plainError("57P03", fmt.Sprintf(`tenant "%s" is paused`, tenant),
		"An operator of tenantpool has paused it; try again later, or raise query_wait_timeout.")
}

// hintUnusable is for a route that gives what Postgres would not take.
const hintUnusable = "The configuration of tenantpool makes it so: tenantpool why USER DATABASE, where tenantpool runs, says from which line."
