//go:build !race

package proxy

// raceEnabled says that the tests run under the race detector.
const raceEnabled = false
