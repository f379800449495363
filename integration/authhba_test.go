package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// byRules is the [auth] of method hba.
const byRules = "method = \"hba\"\nhba_file = \"hba.conf\"\nident_file = \"ident.conf\"\nusers_file = \"users.txt\"\n"

func TestTheFirstRuleThatMatchesDecidesHowAClientLogsIn(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{auth: byRules, more: byUser, beside: map[string]string{"ident.conf": "", "admins": "app", "hba.conf": `
# TYPE  DATABASE      USER      ADDRESS        METHOD
host    acme          globex    127.0.0.0/8    reject
host    acme          @admins   127.0.0.1/32   password
host    sameuser      acme      127.0.0.0 255.0.0.0  md5
host    /^glo         all       samehost       scram-sha-256
hostssl all           all       all            trust
host    initech       initech   192.0.2.0/24   trust
host    app           all       all            scram-sha-256
`}})
		for _, c := range []struct {
			user, database string
			asked          int
		}{{"app", "acme", authCleartext}, {"acme", "acme", authMD5}, {"app", "globex", authSASL}, {"acme", "app", authSASL}, {"nobody", "app", authSASL}} {
			raw := dialRaw(t, p.endpoint)
			raw.send(startup(version30, "user", c.user, "database", c.database))
			if m := raw.next(); m.kind != 'R' || int(m.body[3]) != c.asked {
				t.Errorf("%s of %s is asked by %q", c.user, c.database, m.body)
			}
			if c.user == "nobody" {
				continue
			}
			good, refused := tryLogin(t, p.endpoint, c.user, password(c.user), c.database)
			if refused != nil {
				t.Fatalf("%s of %s: %v", c.user, c.database, refused)
			}
			want := c.database
			if want == "app" {
				want = c.user
			}
			good.expect(askWho, want)
			refusal(t, p, c.user, "wrong", c.database)
		}
		for _, c := range []struct{ user, database, want string }{
			{"globex", "acme", `pg_hba.conf rejects connection for host "127.0.0.1", user "globex", database "acme", no encryption`},
			{"initech", "initech", `no pg_hba.conf entry for host "127.0.0.1", user "initech", database "initech", no encryption`},
			{"nobody", "acme", `no pg_hba.conf entry for host "127.0.0.1", user "nobody", database "acme", no encryption`},
		} {
			if _, e := tryLogin(t, p.endpoint, c.user, password(c.user), c.database); e == nil || e.severity != "FATAL" || e.code != "28000" || e.message != c.want {
				t.Errorf("%s of %s: %v", c.user, c.database, e)
			}
		}
		if other, unknown := refusal(t, p, "acme", password("acme"), "globex"), refusal(t, p, "acme", password("acme"), "glow"); other != unknown {
			t.Errorf("another's database gives\n%san unknown one\n%s", other, unknown)
		}
	})
}

func TestFaultsOfARulesFileAreToldByFileAndLine(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		s := setup{auth: byRules, beside: map[string]string{"ident.conf": "sys a\n", "hba.conf": "local all all peer map=sys\nhost all all 10.0.0.0/8 ldap\n"}}
		out, err := exec.Command(program(t, raceWanted()), "check", "-c", s.write(t, w)).CombinedOutput()
		for _, want := range []string{
			"/ident.conf:1:1: a line has three words: the map, the name in the system, the user\n",
			"/hba.conf:1:1: no map is called \"sys\" in auth.ident_file\n",
			`/hba.conf:2:25: method "ldap" is not supported; there are trust, reject, password, md5, scram-sha-256, cert, peer` + "\n",
		} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v, printed\n%swithout\n%s", err, out, want)
			}
		}
	})
}

// socketDir is a directory that every user of the system reaches, with a path short enough for a
// socket.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenantpool-socket-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func TestAClientOnTheSocketIsWhoTheSystemSaysItIs(t *testing.T) {
	needsPooler(t)
	self, err := user.Current()
	must(t, err)
	onEach(t, func(t *testing.T, w *world) {
		dir := socketDir(t)
		p := startPooler(t, w, setup{auth: byRules, more: byUser, socket: dir, users: []string{self.Username}, beside: map[string]string{
			"hba.conf":   "local all initech peer\nlocal all all peer map=sys\nhost all all all scram-sha-256\n",
			"ident.conf": fmt.Sprintf("sys %s acme\nsys %s app\nsys \"/^no(body)$\" glo\\1\nsys nobody globex\nsys nobody stranger\n", self.Username, self.Username),
		}})
		connect := func(as, database string) (string, error) {
			config, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=6432 user=%s dbname=%s sslmode=disable", dir, as, database))
			must(t, err)
			conn, err := pgconn.ConnectConfig(t.Context(), config)
			if err != nil {
				return "", err
			}
			defer conn.Close(context.Background())
			return firstValue(t, conn, askWho), nil
		}
		for _, c := range []struct{ as, database string }{{"acme", "acme"}, {"app", "globex"}} {
			if name, err := connect(c.as, c.database); err != nil || name != c.database {
				t.Errorf("%s of %s: %q, %v", c.as, c.database, name, err)
			}
		}
		_, other := connect("acme", "globex")
		_, unknown := connect("acme", "nowhere")
		if got, want := *pgError(t, other), *pgError(t, unknown); got.Code != "3D000" || strings.Replace(got.Message, "globex", "nowhere", 1) != want.Message {
			t.Errorf("another's database gives %v, an unknown one %v", other, unknown)
		}
		for _, as := range []string{"globex", "initech", "nobody_at_all"} {
			_, err := connect(as, "app")
			if e := pgError(t, err); e.Severity != "FATAL" || e.Code != "28000" || e.Message != fmt.Sprintf(`Peer authentication failed for user "%s"`, as) || e.Hint+e.Detail != "" {
				t.Errorf("%s: %v", as, err)
			}
		}
		if os.Geteuid() == 0 {
			psqlAsNobody(t, w, p, dir)
		}
	})
}

// psqlAsNobody tries who the system's user nobody can be.
func psqlAsNobody(t *testing.T, w *world, p *pooler, dir string) {
	t.Helper()
	nobody, err := user.Lookup("nobody")
	must(t, err)
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	must(t, err)
	for as, want := range map[string]string{
		"globex":   "globex\n",
		"acme":     `FATAL:  Peer authentication failed for user "acme"`,
		"globody":  `FATAL:  Peer authentication failed for user "globody"`, // the map admits it, nobody knows it
		"stranger": `FATAL:  Peer authentication failed for user "stranger"`,
	} {
		cmd := psql(t, w, p, "app", "-c", askWho)
		cmd.Dir = "/"
		cmd.Env = append(cmd.Env, "PGHOST="+dir, "PGPORT=6432", "PGUSER="+as, "HOME=/")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), want) || (err == nil) != (as == "globex") {
			t.Errorf("nobody as %s: %v, printed %s", as, err, out)
		}
	}
}

func TestTheSocketIsThereAfterARestartAndLeftBehindByNobody(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		dir := socketDir(t)
		path := filepath.Join(dir, ".s.PGSQL.6432")
		s := setup{socket: dir, global: "unix_socket_mode = \"0700\""}
		for range 2 {
			p := startPooler(t, w, s)
			if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o700 {
				t.Errorf("%v, %v", info, err)
			}
			p.stop(t)
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		}
	})
}
