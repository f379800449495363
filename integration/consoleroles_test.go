package integration

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// In one world, for each is short.
func TestTheConsole(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		for name, test := range map[string]func(*testing.T, *world){
			"The console lets each role do what it may":             theConsoleLetsEachRoleDoWhatItMay,
			"The console names the nearest command":                 theConsoleNamesTheNearestCommand,
			"No tenant is the console and the console is no tenant": noTenantIsTheConsoleAndTheConsoleIsNoTenant,
			"The console works when nobody else is let in":          theConsoleWorksWhenNobodyElseIsLetIn,
			"The console shows no secret":                           theConsoleShowsNoSecret,
			"A pause that is given up is undone":                    aPauseThatIsGivenUpIsUndone,
			"The program talks to the pooler that runs":             theProgramTalksToThePoolerThatRuns,
		} {
			t.Run(name, func(t *testing.T) { test(t, w) })
		}
	})
}

func theConsoleLetsEachRoleDoWhatItMay(t *testing.T, w *world) {
	p := startPooler(t, w, withConsole(t))
	may := map[string]map[string]bool{
		"SHOW POOLS": {"boss": true, "oper": true, "watch": true}, "SHOW WHY app acme": {"boss": true, "oper": true},
		"PAUSE TENANT acme": {"boss": true, "oper": true}, "RESUME TENANT acme": {"boss": true, "oper": true},
		"RECONNECT": {"boss": true, "oper": true}, "KILL TENANT acme": {"boss": true, "oper": true},
		"SUSPEND TENANT acme 'x'": {"boss": true}, "DISABLE TENANT acme": {"boss": true}, "SET log.level = info": {"boss": true},
		"DRAIN TENANT globex": {"boss": true}, "KILL_CLIENT 4711": {}, "SHOW FDS": {}, "SHUTDOWN NEVER": {},
	}
	codes := map[string]string{"KILL_CLIENT 4711": "42704", "SHOW FDS": "0A000", "SHUTDOWN NEVER": "42601"}
	for _, user := range []string{"boss", "oper", "watch"} {
		conn := operate(t, p, user, "default_query_exec_mode=simple_protocol")
		for words, who := range may {
			_, err := conn.Exec(t.Context(), words)
			switch {
			case who[user] && err != nil:
				t.Errorf("%s: %s: %v", user, words, err)
			case !who[user] && user == "boss":
				expectError(t, err, codes[words], "")
			case !who[user]:
				expectError(t, err, "42501", "permission denied")
			}
		}
	}
}

func theConsoleNamesTheNearestCommand(t *testing.T, w *world) {
	p := startPooler(t, w, withConsole(t))
	c := consoleRaw(t, p, "boss")
	for words, want := range map[string][2]string{
		"SHOW POLS": {"42601", "Did you mean SHOW POOLS?"}, "PAUS": {"42601", "Did you mean PAUSE?"}, "x": {"42601", "SHOW HELP lists the commands."},
		"SELECT 1": {"0A000", "SHOW HELP"}, "PAUSE nowhere": {"3D000", "SHOW DATABASES"}, "SUSPEND": {"0A000", "SIGTERM"}, "PAUSE 'x": {"42601", ""},
		"SHOW POOLS main": {"42601", ""}, "PAUSE TENANT": {"42601", ""}, "PAUSE TENANT pg_x": {"42602", ""}, "SHOW TENANT nobody": {"42704", "SHOW TENANTS"},
		"SET query_timeout = '5s'": {"0A000", "RELOAD"},
	} {
		_, err := c.try(words)
		if err == nil || err.code != want[0] || !strings.Contains(err.hint, want[1]) {
			t.Errorf("%s: got %v, hint %q, want %s and %q", words, err, err.hint, want[0], want[1])
		}
	}
	if rows := c.run("SHOW VERSION; /* both */ SHOW STATE -- and no more\n;"); len(rows) != 5 {
		t.Errorf("two commands in one text gave %v", rows)
	}
}

// consoleRaw is a client of the console that speaks by hand.
func consoleRaw(t testing.TB, p *pooler, user string) *rawClient {
	t.Helper()
	c, err := tryLogin(t, p.endpoint, user, password(user), "tenantpool")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Nobody who is a tenant's gets to the console, and no tenant is where the console is.
func noTenantIsTheConsoleAndTheConsoleIsNoTenant(t *testing.T, w *world) {
	w.addTenants(t, "pgbouncer", "tenantpool")
	s := withConsole(t)
	s.users = append(s.users, "pgbouncer", "tenantpool")
	s.more += byUser
	p := startPooler(t, w, s)
	for _, database := range []string{"tenantpool", "pgbouncer"} {
		for _, user := range []string{"app", "acme", "tenantpool"} {
			if got := refusal(t, p, user, password(user), database); !strings.Contains(got, "C28000\nMuser USER may not use the console") && !strings.Contains(got, "may not use the console") {
				t.Errorf("%s at the console gets\n%s", user, got)
			}
		}
		wrong := refusal(t, p, "boss", "wrong", database)
		if !strings.Contains(wrong, "C28P01") {
			t.Errorf("a wrong password at the console gets\n%s", wrong)
		}
		if got := refusal(t, p, database, password(database), "app"); !strings.Contains(got, "C28P01") {
			t.Errorf("a tenant of the console's name gets\n%s", got)
		}
	}
	if _, err := tryLogin(t, p.endpoint, "boss", password("boss"), "acme"); err == nil {
		t.Error("an operator was let in to a tenant")
	}
}

func theConsoleWorksWhenNobodyElseIsLetIn(t *testing.T, w *world) {
	s := withConsole(t)
	s.global = "max_clients = 1\n"
	p := startPooler(t, w, s)
	c := login(t, p.endpoint, "acme")
	if got := refusal(t, p, "app", password("app"), "acme"); !strings.Contains(got, "C53300") {
		t.Errorf("a client too many gets\n%s", got)
	}
	boss := operate(t, p, "boss")
	c.run("BEGIN")
	must(t, p.process.Signal(syscall.SIGTERM))
	eventually(t, "it drains", func() bool {
		for _, r := range records(t, boss, "SHOW STATE") {
			if r["key"] == "draining" && r["value"] == "yes" {
				return true
			}
		}
		return false
	})
	late, err := pgx.Connect(t.Context(), "host="+s.socket+" port="+socketPort(t, s.socket)+" user=anybody dbname=pgbouncer")
	must(t, err)
	defer late.Close(context.Background())
	if n := len(records(t, late, "SHOW CLIENTS")); n != 1 {
		t.Errorf("while it drains there are %d clients", n)
	}
	command(t, late, "KILL")
	c.rest()
	<-p.process.Done()
	must(t, p.process.Err())
}

// Neither the console nor its log ever says a secret.
func theConsoleShowsNoSecret(t *testing.T, w *world) {
	s := withConsole(t)
	s.cluster = `password = "canary-of-the-cluster"`
	p := startPooler(t, w, s)
	busy(t, p)
	c := consoleRaw(t, p, "boss")
	for _, words := range shows(t, p) {
		for _, row := range c.run(words) {
			for _, secret := range []string{"canary", password("app"), password("boss"), "SCRAM-SHA-256$"} {
				if strings.Contains(strings.Join(row, "|"), secret) {
					t.Errorf("%s shows a secret: %v", words, row)
				}
			}
		}
	}
}

// A cancelled PAUSE, or one whose operator has gone, leaves nothing behind.
func aPauseThatIsGivenUpIsUndone(t *testing.T, w *world) {
	p := startPooler(t, w, withConsole(t))
	c := login(t, p.endpoint, "acme")
	c.run("BEGIN")
	watch := operate(t, p, "watch")
	paused := func() bool { return records(t, watch, "SHOW TENANTS")[0]["state"] == "paused" }
	for _, giveUp := range []func(*rawClient){(*rawClient).cancel, func(c *rawClient) { c.vanish(false) }} {
		boss := consoleRaw(t, p, "boss")
		boss.send(query("PAUSE TENANT acme"))
		eventually(t, "acme is paused", paused)
		giveUp(boss)
		eventually(t, "acme is not paused any more", func() bool { return !paused() })
	}
	c.run("COMMIT")
}

func theProgramTalksToThePoolerThatRuns(t *testing.T, w *world) {
	s := withConsole(t)
	file := s.write(t, w)
	p := awaitPooler(t, launchPooler(t, s, file))
	c := login(t, p.endpoint, "acme")
	c.run("SELECT name FROM whoami")
	verb := func(status int, args ...string) string {
		t.Helper()
		cmd := exec.Command(program(t, raceWanted()), append(args, "-c", file)...)
		cmd.Env = append(os.Environ(), "PGUSER=", "PGPASSWORD=")
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%v: exit status %d, want %d\n%s", args, got, status, out)
		}
		return string(out)
	}
	socket := socketFile(t, s.socket)
	at := []string{"-at", socket}
	if out := verb(0, append([]string{"status"}, at...)...); !strings.Contains(out, ": ok\n") || !strings.Contains(out, "main") {
		t.Errorf("status says\n%s", out)
	}
	verb(0, append([]string{"tenant", "suspend", "acme", "-reason", "it's over"}, at...)...)
	if e := firstError(c.rest()); e == nil || !strings.Contains(e.Error(), "it's over") {
		t.Errorf("a suspended client was told %v", e)
	}
	if out := verb(0, append([]string{"top", "-once", "-every", "10ms"}, at...)...); !strings.Contains(out, "suspended") {
		t.Errorf("top says\n%s", out)
	}
	var told struct{ Held []map[string]string }
	must(t, json.Unmarshal([]byte(verb(0, append([]string{"status", "-json"}, at...)...)), &told))
	if len(told.Held) != 1 || told.Held[0]["reason"] != "it's over" {
		t.Errorf("status --json says %v", told)
	}
	for _, name := range []string{"resume", "pause", "resume", "disable", "enable", "reconnect", "kill", "drain", "resume"} {
		verb(0, append([]string{"tenant", name, "acme"}, at...)...)
	}
	verb(2, "tenant", "pause")
	command(t, operate(t, p, "boss"), "PAUSE")
	if out := verb(1, append([]string{"status"}, at...)...); !strings.Contains(out, "degraded") || !strings.Contains(out, "everything is paused") {
		t.Errorf("status of a paused pooler says\n%s", out)
	}
	p.stop(t)
	verb(2, append([]string{"status"}, at...)...)
}

func socketFile(t testing.TB, dir string) string {
	t.Helper()
	return dir + "/.s.PGSQL." + socketPort(t, dir)
}

func TestATenantThatDoesNotExistLeavesNothingBehind(t *testing.T) {
	needsPooler(t)
	onNewest(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, withConsole(t))
		login(t, p.endpoint, "acme")
		if p.admits(t, "nobody_1") || p.admits(t, "nobody_2") {
			t.Fatal("a tenant without a schema is admitted")
		}
		for _, r := range records(t, operate(t, p, "boss"), "SHOW TENANTS") {
			if r["name"] != "acme" {
				t.Errorf("there is a tenant %v", r["name"])
			}
		}
	})
}
