package pgbouncer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tenantpool/config"
)

// translation says what becomes of a setting of [pgbouncer].
type translation func(t *translator, l line) (Result, string)

// The forms of a translation.

// count maps a number.
func count(section, key string) translation {
	return func(t *translator, l line) (Result, string) {
		n, err := strconv.Atoi(l.value)
		if err != nil || n < 0 {
			return None, fmt.Sprintf("%q is not a number", l.value)
		}
		return t.put(section, key, strconv.Itoa(n), l)
	}
}

// span maps a time that PgBouncer counts in units.
func span(section, key string, unit time.Duration) translation {
	return func(t *translator, l line) (Result, string) {
		n, err := strconv.ParseFloat(l.value, 64)
		if err != nil || n < 0 {
			return None, fmt.Sprintf("%q is not a time", l.value)
		}
		return t.put(section, key, duration(time.Duration(n*float64(unit))), l)
	}
}

// duration writes a time as the configuration has it.
func duration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String() // as in 1h0m0s
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return config.Quote(s)
}

// text maps a text.
func text(section, key string) translation {
	return func(t *translator, l line) (Result, string) { return t.put(section, key, config.Quote(l.value), l) }
}

// list maps names between commas.
func list(section, key string) translation {
	return func(t *translator, l line) (Result, string) {
		return t.put(section, key, config.QuoteList(words(l.value)), l)
	}
}

// words splits a list with commas.
func words(s string) (list []string) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			list = append(list, w)
		}
	}
	return list
}

// flag maps a truth value.
func flag(section, key string) translation {
	return func(t *translator, l line) (Result, string) { return t.put(section, key, fmt.Sprint(on(l.value)), l) }
}

func on(s string) bool {
	switch strings.ToLower(s) {
	case "1", "on", "yes", "true", "t", "y":
		return true
	}
	return false
}

// met says how tenantpool behaves that way by itself.
func met(how string) translation {
	return func(*translator, line) (Result, string) { return Met, how }
}

// none says why there is no equivalent.
func none(why string) translation {
	return func(*translator, line) (Result, string) { return None, why }
}

// unless is met if the setting is at the given value, which asks for nothing, and
// otherwise what it is otherwise.
func unless(value, how string, otherwise translation) translation {
	return func(t *translator, l line) (Result, string) {
		if strings.EqualFold(l.value, value) || value == "0" && !on(l.value) && strings.Trim(l.value, "0.") == "" {
			return Met, how
		}
		return otherwise(t, l)
	}
}

// without is met while another setting is at a value that makes this one mean nothing.
func without(other, value string, otherwise translation) translation {
	return func(t *translator, l line) (Result, string) {
		if t.value(other, value) == value {
			return Met, "it means nothing without " + other + ", which is off"
		}
		return otherwise(t, l)
	}
}

// served maps only if this version acts on the key.
func served(name string, f translation) translation {
	return func(t *translator, l line) (Result, string) {
		if !config.Knows(name) {
			return None, "this version does not act on " + name + " yet"
		}
		return f(t, l)
	}
}

// elsewhere is mapped by what is derived from all settings together.
func elsewhere(to string) translation {
	return func(*translator, line) (Result, string) { return Mapped, to }
}
