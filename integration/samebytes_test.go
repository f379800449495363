package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Each conversation is held with the server itself, and then through poolers with one and with two
// server connections, in whole writes and byte by byte, while a client of another tenant uses the
// same connections whenever it can. It must be answered the same, and leave the same rows behind.
func TestEveryConversationIsAnsweredAsByTheServerItself(t *testing.T) {
	all := allConversations()
	if len(all) < 60 {
		t.Fatalf("only %d conversations", len(all))
	}
	onEach(t, func(t *testing.T, w *world) {
		r := &referee{super: w.superuser(t), world: w}
		defer r.super.Close(context.Background())
		firstValue(t, r.super, "SET lock_timeout = '5s'")
		server := endpoint{host: w.server.Host, port: w.server.Port, database: w.database}
		want := make([]string, len(all))
		for i, c := range all {
			want[i] = r.hold(t, c, server, manner{})
		}
		for _, size := range []int{1, 2} {
			p := startPooler(t, w, setup{size: size, trust: true})
			for _, bytewise := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d servers, bytewise %v", size, bytewise), func(t *testing.T) {
					r.compare(t, all, want, p.endpoint, bytewise)
				})
			}
			p.stop(t)
		}
	})
}

func allConversations() []conversation {
	return slices.Concat(simpleConversations, transactionConversations, extendedConversations, portalConversations,
		errorConversations, pipelineConversations, statementConversations, mixedConversations,
		copyConversations, copyBatchConversations)
}

// maxFailures is how many conversations may go wrong before the rest is not tried.
const maxFailures = 15

func (r *referee) compare(t *testing.T, all []conversation, want []string, e endpoint, bytewise bool) {
	failures := 0
	for i, c := range all {
		if failures == maxFailures {
			t.Fatalf("%d conversations went wrong; %d were not tried", failures, len(all)-i)
		}
		passed := t.Run(c.name, func(t *testing.T) {
			m := manner{bytewise: bytewise, disturb: login(t, e, "globex")}
			if d := difference(want[i], r.hold(t, c, e, m)); d != "" {
				t.Error(d)
			}
		})
		if !passed {
			failures++
		}
	}
}

// referee holds conversations on equal terms.
type referee struct {
	super *pgconn.PgConn
	world *world
}

// hold holds a conversation that finds the table notes empty, and returns its transcript, to which
// it adds what is in notes when all is over.
func (r *referee) hold(t *testing.T, c conversation, e endpoint, m manner) string {
	t.Helper()
	firstValue(t, r.super, "TRUNCATE acme.notes")
	answers := c.hold(t, e, m)
	wellFormed(t, answers)
	atWork := "SELECT count(*) = 0 FROM pg_stat_activity WHERE state <> 'idle' AND " + r.world.lent()
	eventually(t, atWork, func() bool { return firstValue(t, r.super, atWork) == "t" })
	left := firstValue(t, r.super, "SELECT concat_ws(' ', count(*), sum(id)) FROM acme.notes")
	return transcript(answers) + "left " + left + "\n"
}
