package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"tenantpool/internal/pgtest"
)

// noisy is the name of the scenario that measures a quiet tenant alone and beside
// one with five hundred clients. It has a table of its own.
const noisy = "noisy"

const noisyLegend = `
The quiet tenant has 4 clients, the noisy one 500; latencies as the quiet one's pgbench sees them. tenantpool has one pool of 20 for both,
PgBouncer a login and a pool of 10 for each.
`

// A nuisance is what each client of the noisy tenant does without a pause; "" is
// nothing at all.
type nuisance struct{ about, script string }

var nuisances = []nuisance{
	{"alone", ""},
	{"beside pg_sleep(0.5)", "SELECT pg_sleep(0.5);\n"},
	{"beside results of 1 MiB", bigResult},
	{"beside a tight loop of SELECT 1", "SELECT 1;\n"},
}

// What the quiet tenant has, and how many clients the noisy one.
const (
	quietClients = 4
	quietScript  = "\\set id random(1, 10000)\nSELECT v FROM items WHERE id = :id;\n"
	noisyClients = 500
)

// A hearing is what the quiet tenant saw beside one nuisance.
type hearing struct {
	tps           float64
	p50, p99, max time.Duration
}

// measureNoise measures every contender beside every nuisance.
func measureNoise(ctx context.Context, o options) (text string, err error) {
	lab, err := openNoisyLab(ctx, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	text = fmt.Sprintf("\n%s, load before %s, PostgreSQL %s\n\n| through | the quiet tenant | tps | p50 | p99 | longest |\n|---|---|--:|--:|--:|--:|\n",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), loadAverage(), lab.server.Binaries.Release)
	for _, name := range []string{"tenantpool", "pgbouncer"} {
		start, err := noisyContender(ctx, lab, name)
		if err != nil {
			return "", err
		}
		for _, n := range nuisances {
			h, err := hear(ctx, lab, start, n)
			if err != nil {
				return "", fmt.Errorf("%s, %s: %w", name, n.about, err)
			}
			row := fmt.Sprintf("| %s | %s | %.0f | %v | %v | %v |\n", name, n.about, h.tps,
				h.p50.Round(10*time.Microsecond), h.p99.Round(10*time.Microsecond), h.max.Round(10*time.Microsecond))
			fmt.Print(row)
			text += row
		}
	}
	return text, nil
}

// hear starts a pooler, has the noise begin, and drives the quiet tenant.
func hear(ctx context.Context, lab *Lab, start func(context.Context) (*Running, error), n nuisance) (h hearing, err error) {
	r, err := start(ctx)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	if n.script != "" {
		cmd, err := noisyLoad(lab, r, "noisy", n.script, noisyClients, 3600, "")
		if err != nil {
			return h, err
		}
		load, err := startChild("pgbench", cmd, nil, lab.path("noise.out"))
		if err != nil {
			return h, err
		}
		defer load.Stop(os.Kill, 5*time.Second)
		select {
		case <-time.After(3 * time.Second): // until all are connected
		case <-load.Done():
			return h, load.ended()
		}
	}
	prefix := lab.path("txn")
	cmd, err := noisyLoad(lab, r, "quiet", quietScript, quietClients, lab.options.Seconds+1, prefix)
	if err != nil {
		return h, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return h, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	txns, err := readLogs(prefix)
	if err != nil {
		return h, err
	}
	return judgeNoise(txns)
}

// judgeNoise leaves the first second out, as everywhere.
func judgeNoise(txns []Txn) (h hearing, err error) {
	if len(txns) == 0 {
		return h, errors.New("the quiet tenant had no transaction at all")
	}
	slices.SortFunc(txns, func(a, b Txn) int { return a.End.Compare(b.End) })
	from, to := txns[0].End.Add(warmup), txns[len(txns)-1].End
	latencies := latenciesWithin(txns, from, to)
	if len(latencies) == 0 {
		return h, errors.New("the quiet tenant had no transaction after the first second")
	}
	return hearing{tps: float64(len(latencies)) / to.Sub(from).Seconds(), p50: percentile(latencies, 0.5),
		p99: percentile(latencies, 0.99), max: latencies[len(latencies)-1]}, nil
}

// noisyLoad is pgbench as a tenant's user.
func noisyLoad(lab *Lab, r *Running, who, script string, clients, seconds int, prefix string) (*exec.Cmd, error) {
	file, err := lab.write(who+".sql", script)
	if err != nil {
		return nil, err
	}
	args := []string{"-n", "-M", simple, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(threads), "-T", strconv.Itoa(seconds),
		"-h", "127.0.0.1", "-p", strconv.Itoa(r.Port), "-U", who, "-f", file}
	if prefix != "" {
		args = append(args, "-l", "--log-prefix="+filepath.Base(prefix))
	}
	cmd := exec.Command(lab.pgbench, append(args, database)...)
	cmd.Dir = lab.dir
	cmd.Env = environment("PGSSLMODE=disable", "PGGSSENCMODE=disable")
	return cmd, nil
}

// openNoisyLab starts a server with the two tenants, a schema and a login for each.
func openNoisyLab(ctx context.Context, o options) (*Lab, error) {
	return newLab(ctx, o, pgtest.Options{Version: o.Postgres, Settings: serverSettings}, func(l *Lab) error {
		if err := l.execute(ctx, "postgres", "CREATE ROLE "+role+" LOGIN", "CREATE DATABASE "+database+" OWNER "+role); err != nil {
			return err
		}
		return l.execute(ctx, database, append(noisyTenant("quiet"), noisyTenant("noisy")...)...)
	})
}

func noisyTenant(who string) []string {
	return []string{
		"CREATE SCHEMA " + who + " AUTHORIZATION " + role,
		"CREATE ROLE " + who + " LOGIN; ALTER ROLE " + who + " SET search_path = " + who + "; GRANT " + role + " TO " + who,
		"SET ROLE " + role + "; SET search_path TO " + who + "; CREATE TABLE items AS SELECT id, id AS v FROM generate_series(1, 10000) id; ALTER TABLE items ADD PRIMARY KEY (id)",
		"SET ROLE " + role + "; SET search_path TO " + who + "; CREATE TABLE blobs (body text NOT NULL); ALTER TABLE blobs ALTER body SET STORAGE EXTERNAL;" +
			" INSERT INTO blobs SELECT repeat(md5(n::text), 2048) FROM generate_series(1, 16) n",
		"VACUUM ANALYZE",
	}
}
