package certs

import "slices"

// Mode is how much TLS is asked for, in libpq's words. What each means depends on the side.
type Mode uint8

// The modes, each stricter than the one before.
const (
	Disable Mode = iota
	Allow
	Prefer
	Require
	VerifyCA
	VerifyFull
)

// Modes are the words for the modes, in their order.
var Modes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func (m Mode) String() string { return Modes[m] }

// ParseMode gives the mode of a word.
func ParseMode(word string) (Mode, bool) {
	i := slices.Index(Modes, word)
	return Mode(max(i, 0)), i >= 0
}
