package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantpool/internal/pgtest"
)

// visit is what goes on in one room: the same scripts on two sides, each with a database of its own
// in which all has the same name.
type visit struct {
	t        *testing.T
	room     room
	server   *flank // the server itself
	pooler   *flank
	held     *atomic.Int64
	failures int
	show     bool // print every script
}

// flank is one of the two sides that are compared.
type flank struct {
	player
	world *world
	super *pgconn.PgConn
}

// generatedSchema is what scripts need besides what every tenant has. The tables are left alone by
// autovacuum, which would change the order of their rows.
const generatedSchema = `
SET ROLE app;
SET search_path = acme;
CREATE TABLE pairs (id int PRIMARY KEY, v text UNIQUE DEFERRABLE INITIALLY DEFERRED) WITH (autovacuum_enabled = off);
ALTER TABLE notes SET (autovacuum_enabled = off);
CREATE FUNCTION shout(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'n is %', n; RETURN n + 1; END $$;`

func newVisit(t *testing.T, r room, held *atomic.Int64) *visit {
	t.Helper()
	v := &visit{t: t, room: r, held: held}
	v.server = newFlank(t, r)
	v.server.at = endpoint{host: v.server.world.server.Host, port: v.server.world.server.Port, database: v.server.world.database}
	v.pooler = newFlank(t, r)
	v.pooler.at = startPooler(t, v.pooler.world, setup{size: r.size, mode: r.mode, trust: true, cluster: r.cluster, plain: true}).endpoint
	if r.mode != "session" || r.size > 1 {
		v.pooler.rests = newHeckler(t, v.pooler.at).interrupt
	}
	return v
}

func newFlank(t *testing.T, r room) *flank {
	t.Helper()
	w := newWorld(t, pgtest.Start(t, r.version))
	w.exec(t, generatedSchema)
	super := w.superuser(t)
	t.Cleanup(func() { super.Close(context.Background()) })
	return &flank{player{t: t, tenant: "acme", patience: patience}, w, super}
}

// hold holds a script on one side and returns the account of it, with what it left in the tables if
// its client went.
func (s *flank) hold(script script) string {
	s.t.Helper()
	all, err := s.play(script)
	wellFormed(s.t, all)
	if s.client != nil {
		return account(all, err)
	}
	atWork := "SELECT count(*) = 0 FROM pg_stat_activity WHERE state <> 'idle' AND " + s.world.lent()
	eventually(s.t, atWork, func() bool { return firstValue(s.t, s.super, atWork) == "t" })
	if script.ending == deserts {
		all, err = nil, nil // who goes without a word may have been sent anything
	}
	left := "SELECT concat_ws(' ', (SELECT concat_ws(' ', count(*), sum(id), max(text)) FROM acme.notes), (SELECT count(*) FROM acme.pairs))"
	return account(all, err) + "left " + firstValue(s.t, s.super, left) + "\n"
}

// maxDifferences is how many conversations may go wrong in a room before it is left.
const maxDifferences = 5

// block holds the scripts of a block.
func (v *visit) block(block uint64) {
	if v.failures == maxDifferences {
		return
	}
	r := rand.New(rand.NewPCG(block, 3))
	d := []delivery{whole, whole, whole, cut, merged}[r.IntN(5)]
	if r.IntN(30) == 0 {
		d = bytewise
	}
	afresh := r.IntN(8) == 0
	v.pooler.delivery = d
	v.server.delivery = whole
	for i := range uint64(blockSize) {
		if afresh {
			v.leave()
		}
		if !v.try(write(block*blockSize+i, v.room.dialect(), v.server.client == nil)) {
			break
		}
	}
	v.leave()
}

func (v *visit) leave() {
	v.server.leave()
	v.pooler.leave()
}

// try holds a script on both sides and says whether they are the same.
func (v *visit) try(s script) bool {
	v.t.Helper()
	if v.show {
		v.t.Logf("seed %d, %v:\n%v", s.seed, v.pooler.delivery, s)
	}
	v.held.Add(1)
	want, got := v.server.hold(s), v.pooler.hold(s)
	if v.show {
		v.t.Logf("seed %d, the server itself:\n%.4000s", s.seed, want)
	}
	if d := difference(want, excuse(want, got)); d != "" {
		v.failures++
		v.report(s, d)
		return false
	}
	return true
}

// report tells of a difference, by the shortest script that shows one.
func (v *visit) report(s script, d string) {
	v.t.Helper()
	v.leave()
	least, ld, ok := v.shrink(s)
	how := "the shortest that differs"
	if !ok {
		least, ld, how = s, d, "alone it does not differ: what goes before in its block matters, or chance"
	}
	v.t.Errorf("TENANTPOOL_SEED=%d, %v, %v; %s:\n%v\n%s", s.seed, v.room, v.pooler.delivery, how, least, ld)
}

// heckler is a client of another tenant, who uses whatever server is free, in one way or another.
type heckler struct {
	*rawClient
	turn int
}

func newHeckler(t *testing.T, e endpoint) *heckler { return &heckler{rawClient: login(t, e, "globex")} }

func (h *heckler) interrupt() {
	h.t.Helper()
	h.turn++
	const who = "SELECT name FROM whoami"
	switch h.turn % 4 {
	case 0:
		h.send(join(query(fmt.Sprintf("SET work_mem = '%dkB'", 64+h.turn%64)), query(who)))
		h.until('Z')
	case 1:
		h.send(once(who))
	case 2:
		h.send(join(closeStatement("s1"), parse("s1", who), bind("", "s1"), execute("", 0), syncNow))
	default:
		h.send(query(who))
	}
	if rows, err := result(h.until('Z')); err != nil || len(rows) != 1 || rows[0][0] != "globex" {
		h.t.Errorf("the other tenant's client: %v, %v", rows, err)
	}
}
