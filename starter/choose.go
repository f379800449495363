package starter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tenancy is what the schemas make of the tenants.
type tenancy struct {
	schemas []Schema
	pattern string // of the key schemas; "" is any schema
	listed  bool   // no pattern says which; each is written down
	why     string
}

// choose finds the tenants: those that a pattern says, or else those with the
// prefix that most schemas share, or else all.
func choose(all []Schema, said string) (tenancy, error) {
	if said != "" {
		return chosenBy(all, said)
	}
	if len(all) == 0 {
		return tenancy{}, errors.New("the database has no schema but public: create the tenants' schemas first, or name another database")
	}
	if prefix, n := commonPrefix(all); n >= 2 && 2*n >= len(all) {
		t := tenancy{pattern: prefix + "*", why: fmt.Sprintf("%d of %d schemas begin with %q", n, len(all), prefix)}
		t.schemas = keep(all, func(s Schema) bool { return strings.HasPrefix(s.Name, prefix) })
		return t, nil
	}
	return tenancy{schemas: all, why: fmt.Sprintf("all %d schemas but public; narrow it with schemas = \"prefix_*\"", len(all))}, nil
}

var likeClause = regexp.MustCompile(`(?i)^\s*(?:schema\s+)?like\s+'?([^']+?)'?\s*$`)

// chosenBy takes "schema like tenant_%" or "tenant_*".
func chosenBy(all []Schema, said string) (tenancy, error) {
	like := ""
	if m := likeClause.FindStringSubmatch(said); m != nil {
		like = m[1]
	} else if !strings.ContainsAny(said, " '") {
		like = strings.ReplaceAll(strings.ReplaceAll(said, "_", `\_`), "*", "%")
	} else {
		return tenancy{}, fmt.Errorf("--tenants %q should be like 'schema like tenant_%%', or tenant_*", said)
	}
	t := tenancy{why: fmt.Sprintf("--tenants %q", said)}
	matches := likeRegexp(like)
	t.schemas = keep(all, func(s Schema) bool { return matches.MatchString(s.Name) })
	if len(t.schemas) == 0 {
		return t, fmt.Errorf("--tenants %q: no schema is like that; there are %s", said, some(all))
	}
	prefix, rest, _ := strings.Cut(strings.ReplaceAll(like, `\_`, "_"), "%")
	begins := func(s Schema) bool { return strings.HasPrefix(s.Name, prefix) }
	if rest == "" && strings.HasSuffix(like, "%") && len(keep(t.schemas, begins)) == len(t.schemas) {
		if prefix != "" {
			t.pattern = prefix + "*"
		}
		return t, nil
	}
	t.listed = true // no pattern of ours says the same
	return t, nil
}

// likeRegexp is LIKE as a regular expression.
func likeRegexp(like string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(like); i++ {
		switch c := like[i]; {
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteString(".")
		case c == '\\' && i+1 < len(like):
			i++
			b.WriteString(regexp.QuoteMeta(like[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(like[i : i+1]))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// commonPrefix gives the prefix up to an underscore that most schemas share.
func commonPrefix(all []Schema) (best string, n int) {
	counts := make(map[string]int)
	for _, s := range all {
		if i := strings.IndexByte(s.Name, '_'); i > 0 && i+1 < len(s.Name) {
			counts[s.Name[:i+1]]++
		}
	}
	for prefix, c := range counts {
		if c > n || c == n && prefix < best {
			best, n = prefix, c
		}
	}
	return best, n
}

func keep(all []Schema, want func(Schema) bool) (kept []Schema) {
	for _, s := range all {
		if want(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func every(all []Schema, is func(Schema) bool) bool {
	return !slices.ContainsFunc(all, func(s Schema) bool { return !is(s) })
}

// some names a few schemas.
func some(all []Schema) string {
	if len(all) == 0 {
		return "none but public"
	}
	var names []string
	for _, s := range all[:min(5, len(all))] {
		names = append(names, s.Name)
	}
	if len(all) > 5 {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
