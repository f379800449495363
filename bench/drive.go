package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// An order is what our own driver is to do. It is a process of its own, like
// pgbench, so that its CPU time is seen; it writes the same log.
type order struct {
	Port     int
	TLS      bool
	Options  string
	Who      []identity // of each client in turn
	Clients  int
	Load     Load
	Protocol string
	Rows     int    // keys are 1 to Rows
	Seconds  int    // from when all are connected
	Log      string // path of the transaction log
}

// identity is whom a client connects as, and what it asks for.
type identity struct{ User, Database string }

// driveFlag makes this program the driver of the order in a file.
const driveFlag = "-drive"

// drive reads an order and carries it out.
func drive(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	runtime.GOMAXPROCS(threads)
	return o.run(context.Background())
}

// connecting is how many clients log in at once.
const connecting = 32

// run connects all clients, lets them work until the order's end, and writes
// the log.
func (o order) run(ctx context.Context) error {
	drivers := make([]*driver, o.Clients)
	err := atOnce(connecting, o.Clients, func(i int) (err error) {
		drivers[i], err = o.connect(ctx, i)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println("connected")
	until := time.Now().Add(time.Duration(o.Seconds) * time.Second)
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for _, d := range drivers {
		all.Go(func() {
			if err := d.work(until); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	all.Wait()
	if e := failed.Load(); e != nil {
		return *e
	}
	return o.write(drivers)
}

// atOnce calls f for 0 to n-1, a few at a time, and returns what went wrong.
func atOnce(few, n int, f func(int) error) error {
	var all sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, few)
	for w := range few {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = f(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// write writes the log in pgbench's form.
func (o order) write(drivers []*driver) error {
	f, err := os.Create(o.Log)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	for i, d := range drivers {
		for n, t := range d.done {
			logTxn(w, i, n, t)
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

func logTxn(w io.Writer, client, n int, t Txn) {
	us := t.End.UnixMicro()
	fmt.Fprintf(w, "%d %d %d 0 %d %d\n", client, n, t.Latency.Microseconds(), us/1e6, us%1e6)
}
