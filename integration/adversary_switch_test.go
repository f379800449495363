package integration

// attacksOnTheSwitch have the switch to the attacker's own profile or state fail, or the next one's.
var attacksOnTheSwitch = []attack{
	{name: "a schema that is dropped in use fails its tenant only, until it is back",
		does: []step{outside("ALTER SCHEMA acme RENAME TO gone"),
			func(s *side) { awaitCode(s.t, s.rawClient, "SELECT name FROM whoami", "3F000") }},
		after: []step{fails("3F000", "SELECT 1"), outside("ALTER SCHEMA gone RENAME TO acme"),
			becomes("SELECT name FROM whoami", "acme")}},
	{name: "a role that is taken from the login fails its tenant only, until it is back",
		only: []level{atRole},
		does: []step{outside("REVOKE acme FROM pooler"), together("globex", sees("SELECT name FROM whoami", "globex")),
			fails("42501", "SELECT name FROM whoami")},
		after:  []step{outside("GRANT acme TO pooler"), becomes("SELECT name FROM whoami", "acme")},
		server: replaced},
	{name: "a setting of the client's that the server no longer allows fails that client only",
		does: []step{says("SET session_replication_role = replica"),
			outside("REVOKE SET ON PARAMETER session_replication_role FROM app, acme, pooler"),
			together("globex", sees("SELECT name FROM whoami", "globex")), fails("42501", "SELECT name FROM whoami"),
			vanishes},
		after:  []step{outside("GRANT SET ON PARAMETER session_replication_role TO app, acme")},
		server: either},
	{name: "a tenant that is not there is refused, and so is one that may not be",
		does: []step{func(s *side) {
			for _, name := range []string{"nobody", "public", "information_schema", "pg_catalog", "ACME", "acme ",
				"acme,globex", `"acme"`, "$user"} {
				other := &side{rawClient: s.rawClient, arena: s.arena, tenant: name}
				turnedAway("3D000")(other)
			}
		}}},
	{name: "a switch that the server ends in the midst is repeated elsewhere",
		// the attacker itself may still hear of its server's end, if that comes with its answer
		does: []step{hides("SET idle_session_timeout = '1ms'"),
			awaits(noServers), vanishes},
		server: replaced},
}
