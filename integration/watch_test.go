package integration

import "time"

// sampleInterval is the time between two looks at something that is watched while a test runs.
const sampleInterval = 10 * time.Millisecond

// watch looks again and again until stop is closed, once at least, and returns the first error.
func watch(stop <-chan struct{}, look func() error) error {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		if err := look(); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
}
