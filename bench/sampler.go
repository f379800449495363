package main

import (
	"context"
	"os"
	"strconv"
	"time"
)

// sampleEvery is often enough to cut a window to length and seldom enough to
// cost nothing: a sample takes about a millisecond.
const sampleEvery = 250 * time.Millisecond

// A Sample is what the processes had used at one moment.
type Sample struct {
	At     time.Time
	Pooler time.Duration // CPU; 0 without a pooler
	Server time.Duration // CPU of Postgres, all its processes
	Load   time.Duration // CPU of pgbench
	Busy   time.Duration // CPU of the whole machine
	Memory memory        // of the pooler
}

// A sampler takes samples of a fixed set of processes.
type sampler struct {
	pooler, server, load int // process ids; pooler may be 0
	poolerCPU            *meter
	serverCPU            *meter
	loadCPU              *meter
}

func newSampler(pooler, server, load int) *sampler {
	return &sampler{pooler, server, load, newMeter(), newMeter(), newMeter()}
}

// collect takes samples until the context ends or one fails.
func (s *sampler) collect(ctx context.Context) ([]Sample, error) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	var samples []Sample
	for {
		sample, err := s.take()
		if err != nil {
			return samples, err
		}
		samples = append(samples, sample)
		select {
		case <-ctx.Done():
			return samples, nil
		case <-ticker.C:
		}
	}
}

func (s *sampler) take() (Sample, error) {
	sample := Sample{At: time.Now()}
	var err error
	if s.pooler != 0 {
		if sample.Pooler, err = readFamily(s.poolerCPU, s.pooler); err != nil {
			return Sample{}, err
		}
		if sample.Memory, err = processMemory(s.pooler); err != nil {
			return Sample{}, err
		}
	}
	if sample.Load, err = s.loadCPU.read(s.load); err != nil {
		return Sample{}, err
	}
	if sample.Busy, err = machineBusy(); err != nil {
		return Sample{}, err
	}
	sample.Server, err = readFamily(s.serverCPU, s.server)
	return sample, err
}

// readFamily is the CPU time of a process and of its children.
func readFamily(m *meter, pid int) (time.Duration, error) {
	family, err := children(pid)
	if err != nil {
		return 0, err
	}
	return m.read(append(family, pid)...)
}

func processMemory(pid int) (memory, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return memory{}, err
	}
	return parseStatus(text)
}

func machineBusy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(text)
}
