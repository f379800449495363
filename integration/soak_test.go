package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The soak: clients without number on hardly any servers, who ask in every way there is and leave in
// the middle of anything. Every row they are given names its tenant, and every row that they commit
// is counted again at the end.
//
// TENANTPOOL_SOAK says how long it lasts, on each version; an hour is as good as ten seconds.
const (
	soakClients = 1000
	soakTenants = 50
	soakServers = 8
	soakSeconds = 8

	// soakEnough is what a soak of a minute has to check, by the project's own promise.
	soakEnough = 200_000
)

func TestSoakOfAThousandClientsOnEightServersShowsNoForeignRow(t *testing.T) {
	duration := soakSeconds * time.Second
	if wish := os.Getenv("TENANTPOOL_SOAK"); wish != "" {
		var err error
		duration, err = time.ParseDuration(wish)
		must(t, err)
	}
	onEachInTurn(t, func(t *testing.T, w *world) {
		p := startPooler(t, w, setup{size: soakServers, trust: true, global: `query_wait_timeout = "60s"`})
		s := newSoak(t, w, p)
		s.run(duration)
		s.judge(t, w, duration)
	})
}

// soak is one soak's clients and what they have seen together.
type soak struct {
	at      endpoint
	tenants []string
	clients []*soaker
	stop    chan struct{}
}

func newSoak(t *testing.T, w *world, p *pooler) *soak {
	t.Helper()
	s := &soak{at: p.endpoint, stop: make(chan struct{})}
	var sql strings.Builder
	sql.WriteString("SET ROLE app;")
	for i := range soakTenants {
		name := fmt.Sprintf("tenant_%02d", i)
		s.tenants = append(s.tenants, name)
		sql.WriteString(strings.ReplaceAll(soakSchema, "{t}", name))
	}
	w.exec(t, sql.String())
	clients := soakClients
	if direct() {
		clients = 100 // every one of them is a server process
	}
	for i := range clients {
		s.clients = append(s.clients, &soaker{soak: s, number: i, tenant: s.tenants[i%soakTenants],
			dice: rand.New(rand.NewPCG(uint64(i), 1))})
	}
	return s
}

const soakSchema = `
CREATE SCHEMA {t};
CREATE TABLE {t}.items (id int PRIMARY KEY, tenant text);
INSERT INTO {t}.items SELECT i, '{t}' FROM generate_series(1, 20) AS i;
CREATE TABLE {t}.ledger (client int, tenant text);`

// run lets every client work until the time is up.
func (s *soak) run(d time.Duration) {
	timer := time.AfterFunc(d, func() { close(s.stop) })
	defer timer.Stop()
	var wait sync.WaitGroup
	for _, c := range s.clients {
		wait.Go(c.work)
	}
	wait.Wait()
}

func (s *soak) over() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// judge adds up what the clients have seen and compares what they wrote with what is there.
func (s *soak) judge(t *testing.T, w *world, d time.Duration) {
	t.Helper()
	var total tally
	written := map[string]*span{}
	for _, c := range s.clients {
		if c.err != nil {
			t.Errorf("client %d of %s, after %d transactions: %v", c.number, c.tenant, c.checked, c.err)
		}
		total.add(c.tally)
		if written[c.tenant] == nil {
			written[c.tenant] = &span{}
		}
		written[c.tenant].add(c.committed, c.unsure)
	}
	t.Logf("%v: %d transactions checked, %d rows, %d foreign rows; %d errors provoked, %d departures",
		d, total.checked, total.rows, total.foreign, total.errors, total.departures)
	if total.foreign > 0 {
		t.Errorf("%d foreign rows", total.foreign)
	}
	if d >= time.Minute && total.checked < soakEnough && !direct() && !raceEnabled {
		t.Errorf("%d transactions checked, want %d", total.checked, soakEnough)
	}
	if idle := slices.Index(total.kinds[:], 0); idle >= 0 {
		t.Errorf("no client ever did %s", soakActs[idle].name)
	}
	s.expectLedgers(t, w, written)
}

// expectLedgers compares the rows that are there with those that the clients know of.
func (s *soak) expectLedgers(t *testing.T, w *world, written map[string]*span) {
	t.Helper()
	eventually(t, "every departed client's transaction is over", func() bool {
		return w.value(t, "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND "+w.lent()) == "0"
	})
	for _, tenant := range s.tenants {
		var own, all int
		_, err := fmt.Sscan(w.value(t, fmt.Sprintf(
			"SELECT concat_ws(' ', count(*) FILTER (WHERE tenant = '%s'), count(*)) FROM %[1]s.ledger", tenant)), &own, &all)
		must(t, err)
		if own != all {
			t.Errorf("the ledger of %s holds %d rows of others", tenant, all-own)
		}
		if sp := written[tenant]; all < sp.least || all > sp.most {
			t.Errorf("the ledger of %s holds %d rows, its clients committed %d to %d", tenant, all, sp.least, sp.most)
		}
	}
}

// tally is what one client, or all of them, have seen.
type tally struct {
	checked, rows, foreign, errors, departures int
	committed, unsure                          int // rows of the ledger
	kinds                                      [soakActCount]int
}

func (t *tally) add(o tally) {
	t.checked += o.checked
	t.rows += o.rows
	t.foreign += o.foreign
	t.errors += o.errors
	t.departures += o.departures
	for i, n := range o.kinds {
		t.kinds[i] += n
	}
}

// span is a number of rows that is known but for those whose COMMIT was never answered.
type span struct{ least, most int }

func (s *span) add(committed, unsure int) {
	s.least += committed
	s.most += committed + unsure
}
