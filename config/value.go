package config

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenantpool/routing"
)

// choice is a value of KindChoice.
type choice struct {
	word  string
	index int
}

// slip is what is wrong with a value, and where.
type slip struct {
	at   place
	text string
}

// parse reads the value of a setting out of a node.
func (s Setting) parse(n *node) (any, *slip) {
	v, text := any(nil), ""
	switch s.Kind {
	case KindText, KindPath:
		v, text = s.text(n)
	case KindTexts:
		return s.texts(n)
	case KindCount:
		v, text = s.count(n)
	case KindCounts:
		return s.counts(n)
	case KindSize:
		v, text = s.size(n)
	case KindDuration:
		v, text = s.duration(n)
	case KindBool:
		v, text = s.bool(n)
	case KindChoice:
		v, text = s.choice(n)
	case KindFileMode:
		v, text = s.fileMode(n)
	case KindPairs:
		return s.pairs(n)
	case KindFeatures:
		return s.features(n)
	}
	if text != "" {
		return nil, &slip{n.val, text}
	}
	return v, nil
}

// want says what a value should be and what it is.
func (s Setting) want(what string, n *node) string {
	is := n.describe()
	if _, number := n.value.(int64); number && s.secret() {
		is = "a number"
	}
	return fmt.Sprintf("%s should be %s, not %s", s.Name(), what, is)
}

// describe names the type of a value.
func (n *node) describe() string {
	switch n.shape {
	case table:
		return "a table"
	case list:
		return "a list"
	}
	switch v := n.value.(type) {
	case string:
		return strconv.Quote(v)
	case int64, bool:
		return fmt.Sprint(v)
	case float64:
		return "a number with a fraction"
	}
	return "a date"
}

func (s Setting) text(n *node) (any, string) {
	v, ok := n.value.(string)
	switch {
	case !ok:
		return nil, s.want("a string", n)
	case strings.ContainsRune(v, 0):
		return nil, s.Name() + " holds a NUL"
	}
	return v, ""
}

func (s Setting) texts(n *node) (any, *slip) {
	items := []*node{n}
	if n.shape == list {
		items = n.kids
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		v, ok := item.value.(string)
		if !ok {
			return nil, &slip{item.val, s.want("a string or a list of strings", item)}
		}
		out = append(out, v)
	}
	return out, nil
}

func (s Setting) bool(n *node) (any, string) {
	v, ok := n.value.(bool)
	if !ok {
		return nil, s.want("true or false", n)
	}
	return v, ""
}

func (s Setting) choice(n *node) (any, string) {
	word, ok := n.value.(string)
	i := slices.Index(s.Choices, word)
	switch {
	case !ok:
		return nil, s.want("one of "+quoted(s.Choices), n)
	case i < 0:
		return nil, s.want("one of "+quoted(s.Choices), n) + didYouMean(word, s.Choices)
	case slices.Contains(s.Later, word):
		now := slices.DeleteFunc(slices.Clone(s.Choices), func(c string) bool { return slices.Contains(s.Later, c) })
		return nil, fmt.Sprintf("%s = %q is not supported in this version; it knows %s", s.Name(), word, quoted(now))
	}
	return choice{word, i}, ""
}

func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = strconv.Quote(w)
	}
	return strings.Join(list, ", ")
}

func (s Setting) fileMode(n *node) (any, string) {
	v, _ := n.value.(string)
	mode, err := strconv.ParseUint(v, 8, 32)
	if err != nil || mode > 0o777 {
		return nil, s.want(`permissions in octal, like "0770"`, n)
	}
	return fs.FileMode(mode), ""
}

// pairs reads a table of settings in file order. A number or a truth value is
// taken in the form Postgres would print.
func (s Setting) pairs(n *node) (any, *slip) {
	if n.shape != table {
		return nil, &slip{n.val, s.want(`a table, like { "app.tenant_id" = "{tenant}" }`, n)}
	}
	out := make([]routing.Setting, 0, len(n.kids))
	for _, kid := range n.kids {
		var value string
		switch v := kid.value.(type) {
		case string:
			value = v
		case int64, bool:
			value = fmt.Sprint(v)
		case float64:
			value = strconv.FormatFloat(v, 'g', -1, 64)
		default:
			if kid.shape == table {
				return nil, &slip{kid.at, fmt.Sprintf("%s.%s is a table; quote a name that has dots in it, like \"app.tenant_id\"", s.Name(), kid.key)}
			}
			return nil, &slip{kid.val, fmt.Sprintf("%s.%s should be a string, not %s", s.Name(), kid.key, kid.describe())}
		}
		out = append(out, routing.Setting{Name: kid.key, Value: value})
	}
	return out, nil
}

// features reads a table that says, for some session features, what happens.
func (s Setting) features(n *node) (any, *slip) {
	if n.shape != table {
		return nil, &slip{n.val, s.want(`a table, like { listen = "pin" }`, n)}
	}
	var out routing.Features
	names := routing.FeatureNames()
	for _, kid := range n.kids {
		i := slices.Index(names, kid.key)
		if i < 0 {
			return nil, &slip{kid.at, fmt.Sprintf("%s knows no feature %q%s", s.Name(), kid.key, didYouMean(kid.key, names))}
		}
		one := Setting{Section: s.Name(), Key: kid.key, Choices: s.Choices}
		v, text := one.choice(kid)
		if text != "" {
			return nil, &slip{kid.val, text}
		}
		out[i] = routing.FeaturePolicy(v.(choice).index) + routing.Pin
	}
	return out, nil
}

// store puts a parsed value into the variable it is for.
func store(into, v any) {
	switch to := into.(type) {
	case *string:
		if c, ok := v.(choice); ok {
			v = c.word
		}
		*to = v.(string)
	case *[]string:
		*to = v.([]string)
	case *int:
		*to = v.(int)
	case *[]int:
		*to = v.([]int)
	case **int:
		n := v.(int)
		*to = &n
	case *bool:
		*to = v.(bool)
	case *time.Duration:
		*to = v.(time.Duration)
	case **time.Duration:
		d := v.(time.Duration)
		*to = &d
	case *fs.FileMode:
		*to = v.(fs.FileMode)
	case *[]routing.Setting:
		*to = v.([]routing.Setting)
	case *routing.Mode:
		*to = routing.Mode(v.(choice).index)
	case *routing.Existence:
		*to = routing.Existence(v.(choice).index)
	case *routing.Isolation:
		*to = routing.Isolation(v.(choice).index)
	case **routing.Isolation:
		level := routing.Isolation(v.(choice).index)
		*to = &level
	case *routing.TenantSettings:
		*to = routing.TenantSettings(v.(choice).index)
	case **routing.TenantSettings:
		policy := routing.TenantSettings(v.(choice).index)
		*to = &policy
	case *routing.Features:
		*to = v.(routing.Features).Or(*to)
	case *any: // refused or without meaning here
	default:
		panic(fmt.Sprintf("BUG: no setting is stored in a %T", into))
	}
}

// maxCount is the most a count may be.
const maxCount = math.MaxInt32
