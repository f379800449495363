package demo

import (
	"context"
	"fmt"
	"strconv"
)

const (
	accounts     = 100_000 // what pgbench -i -s 1 makes
	rowsPerCheck = 100
	writeWeight  = 4 // four TPC-B transactions for each check
	checkWeight  = 1
)

// stampSQL makes every account name its tenant. TPC-B does not touch the column.
func stampSQL(tenant string) string {
	return fmt.Sprintf("CREATE TABLE witness (tenant text NOT NULL); UPDATE pgbench_accounts SET filler = '%s'", tenant)
}

// checkScript is the pgbench script of one tenant's checks. The client's own text names the tenant,
// so whatever session it lands in, a row of another tenant makes the statement fail, and the row it
// writes shows where it landed.
func checkScript(tenant string) string {
	return fmt.Sprintf(`\set first random(1, %d)
SELECT CASE
    WHEN count(*) FILTER (WHERE filler <> '%[2]s') > 0
        THEN CAST('foreign rows: ' || count(*) FILTER (WHERE filler <> '%[2]s') AS int)
    WHEN count(*) <> %[3]d
        THEN CAST('missing rows: ' || %[3]d - count(*) AS int)
    END
FROM pgbench_accounts WHERE aid BETWEEN :first AND :first + %[4]d;
INSERT INTO witness (tenant) VALUES ('%[2]s');
`, accounts-rowsPerCheck+1, tenant, rowsPerCheck, rowsPerCheck-1)
}

// ledger is what one reading of a tenant's tables found.
type ledger struct {
	accounts, foreignAccounts int
	checks, foreignChecks     int // rows left by check transactions
	writes                    int // rows left by TPC-B transactions
	moved, balance            int // the sum of what they moved, and of what the accounts hold
}

// ledgerSQL reads a ledger; prefix is "" for the session's own path or "schema.".
func ledgerSQL(tenant, prefix string) string {
	return fmt.Sprintf(`SELECT a.n, a.other, w.n, w.other, h.n, h.moved, a.balance
FROM (SELECT count(*) AS n, count(*) FILTER (WHERE filler <> '%[1]s') AS other, sum(abalance) AS balance FROM %[2]spgbench_accounts) a,
     (SELECT count(*) AS n, count(*) FILTER (WHERE tenant <> '%[1]s') AS other FROM %[2]switness) w,
     (SELECT count(*) AS n, coalesce(sum(delta), 0) AS moved FROM %[2]spgbench_history) h`, tenant, prefix)
}

func parseLedger(row []string) (ledger, error) {
	var l ledger
	fields := []*int{&l.accounts, &l.foreignAccounts, &l.checks, &l.foreignChecks, &l.writes, &l.moved, &l.balance}
	if len(row) != len(fields) {
		return l, fmt.Errorf("the ledger has %d columns, not %d", len(row), len(fields))
	}
	for i, text := range row {
		n, err := strconv.Atoi(text)
		if err != nil {
			return l, fmt.Errorf("ledger: %w", err)
		}
		*fields[i] = n
	}
	return l, nil
}

// rows is the number of rows that named their tenant, foreign that of those which named another.
func (l ledger) rows() int    { return l.accounts + l.checks }
func (l ledger) foreign() int { return l.foreignAccounts + l.foreignChecks }

// faults says in what the ledger differs from what the tenant's pgbench reported.
func (l ledger) faults(writes, checks int) []string {
	var faults []string
	compare := func(what string, got, want int) {
		if got != want {
			faults = append(faults, fmt.Sprintf("%s: %d instead of %d", what, got, want))
		}
	}
	compare("accounts", l.accounts, accounts)
	compare("history rows (one for each TPC-B transaction)", l.writes, writes)
	compare("witness rows (one for each check)", l.checks, checks)
	compare("sum of the account balances (must be the sum of all deltas)", l.balance, l.moved)
	return faults
}

// prove reads a tenant's tables through the endpoint and directly, and adds what it found to r.
func (s *stage) prove(ctx context.Context, e endpoint, r *result) error {
	row, err := e.query(ctx, r.tenant, ledgerSQL(r.tenant, ""))
	if err != nil {
		return fmt.Errorf("reading %s through %s: %w", r.tenant, e.name, err)
	}
	seen, err := parseLedger(row)
	if err != nil {
		return err
	}
	rows, err := s.server.Query(ctx, database, ledgerSQL(r.tenant, r.tenant+"."))
	if err != nil {
		return fmt.Errorf("reading schema %s directly: %w", r.tenant, err)
	}
	stored, err := parseLedger(rows[0])
	if err != nil {
		return err
	}
	r.addProof(seen, stored)
	return nil
}
