package pool

import (
	"strings"

	"tenantpool/wire"
)

// Servers from version 18 on report the search_path in the client's encoding.
// When that has no such characters, the server fails to get ready for a query,
// tries again, and goes on for ever: it uses up a processor, hears no signal and
// survives the end of its connection (seen on 18.4). So a state must not be set
// whose own client_encoding cannot spell its path.

// unsayable is the refusal of such a state, nil for all others.
func (s *State) unsayable() *wire.Error {
	for _, o := range s.own {
		if o.Name == "client_encoding" && !spells(o.Value, s.profile.spec.Path) {
			return &wire.Error{Severity: wire.SeverityError, Code: "22P05",
				Message: `client_encoding "` + o.Value + `" cannot spell the search_path of tenant "` + s.profile.Tenant() + `"`,
				Hint:    "This server reports the search_path to its clients. Use client_encoding UTF8."}
		}
	}
	return nil
}

// spells says that all names can be written in an encoding, as far as is known
// without its table. Every encoding that Postgres takes from clients spells
// ASCII.
func spells(encoding string, names []string) bool {
	last := rune('~')
	switch simplified(encoding) {
	case "utf8", "unicode", "sqlascii":
		return true
	case "latin1", "iso88591":
		last = 0xff
	}
	for _, name := range names {
		if strings.ContainsFunc(name, func(r rune) bool { return r > last }) {
			return false
		}
	}
	return true
}

// simplified leaves letters and digits only, as Postgres does to find an
// encoding by its name (clean_encoding_name in common/encnames.c).
func simplified(encoding string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, lower(encoding))
}
