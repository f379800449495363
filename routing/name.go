package routing

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxName is the longest name Postgres keeps whole (NAMEDATALEN - 1 bytes); it
// cuts longer ones silently, which could turn one tenant's name into another's.
const maxName = 63

// CheckName says what makes s unusable as the name of a tenant, schema or
// role; nil means that it can be used, quoted. Names are compared by bytes.
func CheckName(s string) error {
	switch {
	case strings.HasPrefix(s, "pg_"):
		return fmt.Errorf("%q: names that begin with pg_ belong to Postgres", s)
	case s == "$user":
		return errors.New(`"$user" is not the name of a schema; write "{schema}"`)
	}
	return checkText(s)
}

// checkText says what makes s no name at all, reserved or not.
func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("a name may not be empty")
	case len(s) > maxName:
		return fmt.Errorf("%q is longer than %d bytes", s, maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not valid UTF-8", s)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("%q holds a NUL", s)
	}
	return nil
}

// checkRole is CheckName and one more: Postgres takes "none", quoted or not,
// for "no role at all".
func checkRole(s string) error {
	if s == "none" {
		return errors.New(`"none" is not a role: SET ROLE takes it for no role at all`)
	}
	return CheckName(s)
}
