package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// idling is the name of the scenario that weighs clients that do nothing.
const idling = "idle"

// idleClients is how many there are.
const idleClients = 10000

const idlingLegend = `
10,000 clients log in, ask for one row each, and stay. Bytes: what the pooler's own memory (RssAnon)
has grown by since before they came, a second after the last, over their number; buffers of the kernel are not in it.
`

// measureIdling weighs the clients of every contender that may have so many.
func measureIdling(ctx context.Context, o options) (string, error) {
	lab, err := openLab(ctx, o)
	if err != nil {
		return "", err
	}
	text, err := idlingTable(ctx, lab)
	return text, errors.Join(err, lab.Close())
}

func idlingTable(ctx context.Context, lab *Lab) (string, error) {
	rows := [][]string{{"clients", "contender", "bytes each", "after/before MiB"}}
	for _, tls := range []bool{false, true} {
		for _, name := range []string{"tenantpool", "pgbouncer"} {
			c, err := newContender(ctx, lab, name)
			if err != nil {
				return "", err
			}
			before, after, err := weigh(ctx, lab, c, Scenario{Name: idling, Protocol: simple, Clients: idleClients, Load: idle, TLS: tls})
			if err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			what := "plain"
			if tls {
				what = "TLS"
			}
			rows = append(rows, []string{what, c.Version(), fmt.Sprint((after - before) / idleClients),
				fmt.Sprintf("%.1f / %.1f", inMiB(after), inMiB(before))})
		}
	}
	return fmt.Sprintf("\n%s, revision %s\n\n%s", time.Now().UTC().Format("2006-01-02 15:04 MST"),
		firstOutput(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"), table(rows)), nil
}

// weigh gives the pooler's own memory before and with its idle clients, in bytes.
func weigh(ctx context.Context, lab *Lab, c Contender, s Scenario) (before, after int64, err error) {
	r, err := c.Start(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	m, err := processMemory(r.PID())
	if err != nil {
		return 0, 0, err
	}
	cmd, err := driveCommand(lab, s, simple, r, lab.path("idle"))
	if err != nil {
		return 0, 0, err
	}
	load, err := startChild("driver", cmd, nil, lab.path("driver.out"))
	if err != nil {
		return 0, 0, err
	}
	defer load.Stop(os.Interrupt, time.Second)
	if err := awaitConnected(ctx, load); err != nil {
		return 0, 0, err
	}
	with, err := processMemory(r.PID())
	return m.Anon, with.Anon, err
}

// awaitConnected waits until the driver says that all its clients have come, and
// a second more.
func awaitConnected(ctx context.Context, load *child) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for connected := false; !connected; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-load.Done():
			return load.ended()
		case <-tick.C:
			connected = strings.Contains(tail(load.log, 1), "connected")
		}
	}
	<-tick.C
	return nil
}
