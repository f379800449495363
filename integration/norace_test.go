//go:build !race

package integration

// raceEnabled says that the tests run under the race detector; the pooler then does so as well.
const raceEnabled = false
