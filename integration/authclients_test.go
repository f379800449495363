package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// askWho is a query that tells the tenant.
const askWho = "SELECT name FROM whoami"

// programs are clients that log in as a user of a tenant and print the answer to askWho, or why not.
var programs = map[string]func(t *testing.T, w *world, p *pooler, user, secret, tenant string) (string, error){
	"psql": func(t *testing.T, w *world, p *pooler, user, secret, tenant string) (string, error) {
		cmd := psql(t, w, p, tenant, "-c", askWho)
		cmd.Env = append(cmd.Env, "PGUSER="+user, "PGPASSWORD="+secret)
		out, err := cmd.CombinedOutput()
		return string(out), err
	},
	"pgx": func(t *testing.T, w *world, p *pooler, user, secret, tenant string) (string, error) {
		config, err := pgx.ParseConfig(p.dsn(tenant))
		must(t, err)
		config.User, config.Password = user, secret
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			return err.Error(), err
		}
		defer conn.Close(context.Background())
		var name string
		err = conn.QueryRow(t.Context(), askWho).Scan(&name)
		return name, err
	},
	"psycopg2": func(t *testing.T, w *world, p *pooler, user, secret, tenant string) (string, error) {
		const script = `
import sys, psycopg2
host, port, user, password, database = sys.argv[1:6]
cur = psycopg2.connect(host=host, port=port, user=user, password=password, dbname=database, sslmode="disable").cursor()
cur.execute("SELECT name FROM whoami")
print(cur.fetchone()[0])`
		return runScript(exec.Command("/usr/bin/python3", "-c", script), p, user, secret, tenant)
	},
	"node": func(t *testing.T, w *world, p *pooler, user, secret, tenant string) (string, error) {
		const script = `
const { Client } = require('pg')
const [host, port, user, password, database] = process.argv.slice(1)
const client = new Client({ host, port: Number(port), user, password, database })
client.connect().then(() => client.query('SELECT name FROM whoami')).then((r) => { console.log(r.rows[0].name); return client.end() })
	.catch((e) => { console.error(e.code, e.message); process.exit(1) })`
		cmd := exec.Command("node", "-e", script)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(pgtest.DepsDir(), "node", "node_modules"))
		return runScript(cmd, p, user, secret, tenant)
	},
}

func runScript(cmd *exec.Cmd, p *pooler, user, secret, tenant string) (string, error) {
	cmd.Args = append(cmd.Args, p.host, fmt.Sprint(p.port), user, secret, tenant)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestEveryClientLogsInByEveryMethod(t *testing.T) {
	needsPooler(t)
	onEach(t, func(t *testing.T, w *world) {
		secrets := mixed(t, w)
		for method, forms := range passwordMethods {
			p := startPooler(t, w, setup{auth: withMethod(method), secrets: secrets})
			for name, program := range programs {
				for _, tenant := range tenants {
					if name != "pgx" && tenant != "acme" {
						continue // one that runs in this process tries the other forms of a secret
					}
					out, err := program(t, w, p, tenant, password(tenant), tenant)
					if fits := strings.Contains(forms, formOf(tenant)); fits != (err == nil) || fits && strings.TrimSpace(out) != tenant {
						t.Errorf("%s by %s, a %s secret: %v, printed %s", name, method, formOf(tenant), err, out)
					}
				}
				for user, secret := range map[string]string{"acme": "wrong", "nobody": "wrong"} {
					want := fmt.Sprintf(`password authentication failed for user "%s"`, user)
					if out, err := program(t, w, p, user, secret, "acme"); err == nil || !strings.Contains(out, want) {
						t.Errorf("%s by %s as %s: %v, printed %s", name, method, user, err, out)
					}
				}
			}
		}
	})
}

// pgError is the server's error in err, which must hold one.
func pgError(t testing.TB, err error) *pgconn.PgError {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no error of the server", err)
	}
	return e
}
