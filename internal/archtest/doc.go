// Package archtest holds the rules of ARCHITECTURE.md as tests: which package may import which,
// where outside modules may be used, that each package says what it is, and that functions stay short.
//
// It reads source files and builds nothing, so it sees the files of every platform.
package archtest
