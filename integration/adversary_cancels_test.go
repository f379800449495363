package integration

func cancels(s *side) { s.cancel() }

var attacksByCancels = []attack{
	{name: "a cancel in time ends its own client's statement, and its transaction",
		does: []step{says("BEGIN", lost), sends(query("SELECT pg_sleep(3600)")),
			awaits("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND {lent}"), cancels,
			hears("TEZ"), says("COMMIT")},
		after:  []step{sees("SELECT count(*) FROM notes", "0")},
		server: either},
	{name: "a cancel that comes too late ends nothing of the next one's",
		does:  []step{says("SELECT 1"), cancels, cancels},
		finds: []step{sees("SELECT name FROM whoami, pg_sleep(0.02)", "globex")}},
	{name: "a cancel that comes while the next one's statement runs",
		does: []step{func(s *side) {
			next := s.arena.enter(s.t, "globex")
			next.send(query("SELECT name FROM whoami, pg_sleep(0.3)"))
			awaits("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND {lent}")(s)
			s.cancel()
			hears("TDCZ")(next)
		}}},
	{name: "cancels behind a batch, a Terminate and a disconnection",
		does: []step{sends(once("SELECT name FROM whoami")), cancels, sends(terminate), cancels, vanishes, cancels,
			cancels},
		server: either},
	{name: "a cancel with the number of the server itself",
		does: []step{func(s *side) {
			forged := &rawClient{t: s.t, at: s.at, pid: 0, key: s.key}
			forged.cancel()
		}}},
}
