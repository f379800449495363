package config

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"strings"
	"unicode/utf8"

	"tenantpool/auth"
)

// Users holds who may log in and with what secret. It is frozen.
type Users struct{ secrets map[string]Secret }

// Secret gives the secret of a user. The user may have an empty one, with
// which nobody can log in.
func (u *Users) Secret(user string) (Secret, bool) {
	s, ok := u.secrets[user]
	return s, ok
}

// All runs through the users and their secrets.
func (u *Users) All() iter.Seq2[string, Secret] { return maps.All(u.secrets) }

// Len is the number of users.
func (u *Users) Len() int { return len(u.secrets) }

// ReadUsers reads a file in the form of auth.users_file. The error is Problems, or
// says why it cannot be read.
func ReadUsers(path string) (*Users, error) { return loadUsers(path) }

// loadUsers reads a users file. An unreadable file is one problem without a
// line; otherwise every bad line is one.
func loadUsers(path string) (*Users, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	users, problems := parseUsers(path, string(text))
	if len(problems) > 0 {
		return nil, problems
	}
	return users, nil
}

// parseUsers reads PgBouncer's userlist: one "name" "secret" to a line, a
// quote inside either doubled. Lines may be empty or begin with ; or #, and
// what follows the secret is ignored, as PgBouncer does.
func parseUsers(file, text string) (*Users, Problems) {
	u := &Users{make(map[string]Secret)}
	var problems Problems
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		name, secret, col, err := parseUserLine(strings.TrimRight(line, "\r\n"))
		if err == nil && name == "" {
			continue
		}
		if _, twice := u.secrets[name]; err == nil && twice {
			col, err = 1, fmt.Errorf("user %q is listed twice", name)
		}
		if err != nil {
			problems = append(problems, Problem{file, number, col, err.Error()})
			continue
		}
		u.secrets[name] = NewSecret(secret)
	}
	return u, problems
}

// parseUserLine gives the two words of a line, an empty name for a line that
// holds none, or what is wrong and at which column.
func parseUserLine(line string) (name, secret string, col int, err error) {
	rest := strings.TrimLeft(line, " \t")
	if rest == "" || rest[0] == ';' || rest[0] == '#' {
		return "", "", 0, nil
	}
	at := func() int { return len(line) - len(rest) + 1 }
	if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
		return "", "", at(), errors.New("not valid UTF-8 text")
	}
	start := at()
	if name, rest, err = cutQuoted(rest); err != nil {
		return "", "", at(), fmt.Errorf("user: %w", err)
	}
	if name == "" {
		return "", "", start, errors.New("user: a name may not be empty")
	}
	trimmed := strings.TrimLeft(rest, " \t")
	if trimmed == rest {
		return "", "", at(), errors.New(`a space and the secret in double quotes should follow the name`)
	}
	rest = trimmed
	if secret, _, err = cutQuoted(rest); err != nil {
		return "", "", at(), fmt.Errorf("secret: %w", err)
	}
	if NewSecret(secret).Kind() == auth.SCRAM && !verifier.MatchString(secret) {
		return "", "", at(), errors.New("secret: a SCRAM verifier has the form SCRAM-SHA-256$iterations:salt$key:key")
	}
	return name, secret, 0, nil
}

// cutQuoted takes a double-quoted word off the front of s.
func cutQuoted(s string) (word, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", s, errors.New("should be in double quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), s[i+1:], nil
		}
	}
	return "", s, errors.New("the closing double quote is missing")
}
