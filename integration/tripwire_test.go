package integration

import (
	"strings"
	"testing"
)

// moves makes a table of acme's whose trigger moves the path for good: nothing in the text of an
// INSERT shows it.
func (w *world) moves(t *testing.T) {
	t.Helper()
	w.exec(t, `SET ROLE app;
		CREATE TABLE acme.traps (id int);
		CREATE FUNCTION shared.move() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_catalog.set_config('search_path', 'globex', false); RETURN NEW; END $$;
		CREATE TRIGGER move BEFORE INSERT ON acme.traps FOR EACH ROW EXECUTE FUNCTION shared.move()`)
}

// Behind a plain text another session of the tenant is not switched. Where the server reports its
// path, one that was moved all the same is noticed, told, and put right. Where it does not, the
// session of the same tenant meets it, as docs/isolation.md says; another tenant never does.
func TestAPathThatATriggerMovedIsNoticedWhereItIsReported(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.moves(t)
		reported := w.server.Binaries.Version == "18"
		x := openTap(t, w)
		p := startPooler(t, w, setup{size: 1, host: x.address(), cluster: "schema_check = 0"})
		a, a2, b := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme"), login(t, p.endpoint, "globex")
		pid := a.value("SELECT pg_backend_pid()")
		a.run("INSERT INTO traps VALUES (1)")
		want, trips := "globex", int64(1)
		if reported {
			want, trips = "acme", 2
		}
		got := x.during(func() { a2.expect("SELECT name FROM whoami", want) })
		if got != trips {
			t.Errorf("the next session of the tenant took %d round trips, want %d", got, trips)
		}
		line := ""
		for _, l := range strings.Split(p.log.String(), "\n") {
			if strings.Contains(l, "lost proof") {
				line += l
			}
		}
		if reported != (strings.Count(line, "lost proof") == 1 && strings.Contains(line, "level=ERROR") && strings.Contains(line, "tenant=acme")) {
			t.Errorf("logged: %q", line)
		}
		a.run("RESET search_path")
		a.expect("SELECT name FROM whoami", "acme")
		a.run("INSERT INTO traps VALUES (2)")
		b.expect("SELECT name FROM whoami", "globex")
		a2.expect("SELECT name FROM whoami", "acme")
		a2.expect("SELECT pg_backend_pid()", pid)
	})
}

// A text that calls a function is not plain: the next session of the tenant is switched, on every
// version, and nobody needs to be told.
func TestAPathMovedBehindATextThatIsNotPlainIsPutRightUntold(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		w.moves(t)
		p := startPooler(t, w, setup{size: 1})
		a, a2 := login(t, p.endpoint, "acme"), login(t, p.endpoint, "acme")
		for _, text := range []string{
			"SELECT shared.run('SET search_path TO globex')",
			"DO $$ BEGIN INSERT INTO traps VALUES (1); END $$",
			"INSERT INTO traps SELECT count(*) FROM (SELECT shared.run('SELECT 1')) x",
		} {
			a.run(text)
			a2.expect("SELECT name FROM whoami", "acme")
			a.expect("SELECT name FROM whoami", "acme")
		}
		if strings.Contains(p.log.String(), "lost proof") {
			t.Error("a proof is said to be lost that was given up")
		}
	})
}
