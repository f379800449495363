package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const off = "off"

// count reads a whole number between Min and Max; where 0 is allowed, "off"
// is another way to say it.
func (s Setting) count(n *node) (any, string) {
	if n.value == off && s.Min == 0 {
		return 0, ""
	}
	v, ok := n.value.(int64)
	limit := int64(maxCount)
	if s.Max > 0 {
		limit = int64(s.Max)
	}
	switch {
	case !ok:
		return nil, s.want("a whole number", n)
	case v < int64(s.Min):
		return nil, fmt.Sprintf("%s should be at least %d, not %d", s.Name(), s.Min, v)
	case v > limit:
		return nil, fmt.Sprintf("%s should be at most %d, not %d", s.Name(), limit, v)
	}
	return int(v), ""
}

// counts reads one number or several.
func (s Setting) counts(n *node) (any, *slip) {
	items := []*node{n}
	if n.shape == list {
		items = n.kids
	}
	var out []int
	for _, item := range items {
		v, text := s.count(item)
		if text != "" {
			return nil, &slip{item.val, text}
		}
		out = append(out, v.(int))
	}
	return out, nil
}

// aWord is the duration that stands for Word.
const aWord = time.Duration(-1)

// duration reads a string like "10s". Numbers are refused because they would
// leave the unit to a guess; 0 has none.
func (s Setting) duration(n *node) (any, string) {
	if n.value == int64(0) {
		return time.Duration(0), ""
	}
	text, ok := n.value.(string)
	switch {
	case !ok:
		return nil, s.want(`a string with a unit, like "10s"`, n)
	case text == off || text == "0":
		return time.Duration(0), ""
	case text == s.Word && text != "":
		return aWord, ""
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return nil, s.want(`a time in ms, s, m or h, like "10s" or "1h30m"`, n)
	case d < 0:
		return nil, fmt.Sprintf("%s should not be negative", s.Name())
	}
	return d, ""
}

// units are Postgres's memory units and their unambiguous spellings.
var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}}

// size reads a number of bytes.
func (s Setting) size(n *node) (any, string) {
	text, ok := n.value.(string)
	if !ok {
		return s.count(n)
	}
	if text == off {
		return 0, ""
	}
	unit := int64(1)
	for _, u := range units {
		if number, found := strings.CutSuffix(text, u.suffix); found {
			text, unit = strings.TrimSpace(number), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 || v > maxCount/unit {
		return nil, s.want(`a size below 2 GiB, like "64MiB"`, n)
	}
	return int(v * unit), ""
}
