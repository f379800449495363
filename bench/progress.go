package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress prints a line for each measurement, with an estimate of the time
// that the rest will take.
type progress struct {
	out         io.Writer
	now         func() time.Time
	begun       time.Time
	done, total int
	guess       time.Duration // of one step, before any has been made
}

func newProgress(total int, guess time.Duration) *progress {
	p := &progress{out: os.Stderr, now: time.Now, begun: time.Now(), total: total, guess: guess}
	fmt.Fprintf(p.out, "%d measurements, about %s\n", total, p.left())
	return p
}

// step counts one measurement as done, made or not.
func (p *progress) step(s Scenario, series *Series, round int) {
	p.done++
	m := series.Rounds[round]
	figures := "no figures"
	if m.Txns > 0 {
		figures = fmt.Sprintf("%7.0f tps  p99 %9s  pooler CPU %7s  noise %3s", m.TPS, millis(m.P99), micros(m.CPU), percent(m.Noise))
	}
	fmt.Fprintf(p.out, "[%*d/%d] %-12s round %d  %-10s  %s  about %s left\n",
		len(fmt.Sprint(p.total)), p.done, p.total, s.Name, round+1, series.Contender, figures, p.left())
}

// left is the time that the rest takes if it goes on as it went so far.
func (p *progress) left() time.Duration {
	each := p.guess
	if p.done > 0 {
		each = p.now().Sub(p.begun) / time.Duration(p.done)
	}
	return (each * time.Duration(p.total-p.done)).Round(time.Second)
}
