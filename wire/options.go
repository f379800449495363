package wire

import "strings"

// ParseOptions reads the startup parameter "options" as the server does: words
// parted by white space, a backslash taking the next character as it is
// (pg_split_opts in utils/init/postinit.c), each of them a setting: -c x=y,
// -cx=y, or --x=y (process_postgres_switches in tcop/postgres.c, where a dash
// in a name stands for an underscore). Other switches of the postgres program
// have no place in a shared connection and are an error, FATAL 42601.
func ParseOptions(options string) ([]Param, *Error) {
	words := splitOptions(options)
	var params []Param
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-c" || word == "--":
			if i++; i == len(words) {
				return nil, badSwitch(word)
			}
			word = words[i]
		case strings.HasPrefix(word, "-c") || strings.HasPrefix(word, "--"):
			word = word[2:]
		default:
			return nil, badSwitch(word)
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, fatal("42601", "-c %s requires a value", word)
		}
		params = append(params, Param{strings.ReplaceAll(name, "-", "_"), value})
	}
	return params, nil
}

func badSwitch(word string) *Error {
	return fatal("42601", "invalid command-line argument for server process: %s", word)
}

func splitOptions(s string) []string {
	var words []string
	var word strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isOptionSpace(c):
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
			continue
		case c == '\\' && i+1 < len(s):
			i++
		case c == '\\':
			continue
		}
		word.WriteByte(s[i])
		inside = true
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}

func isOptionSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}
