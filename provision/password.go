package provision

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tenantpool/wire"
)

// verifierIterations is what Postgres itself takes.
const verifierIterations = 4096

// NewPassword makes a password of 130 random bits and its verifier.
func NewPassword() (password, verifier string, err error) {
	password = rand.Text()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	v, err := wire.NewVerifier(password, salt, verifierIterations)
	if err != nil {
		return "", "", err
	}
	return password, v.Encode(), nil
}

// KeepSecret writes a login's password into a file of secrets, in the place of one
// that is there already. The file is replaced at once, with its mode and owner; a
// new one is for its owner alone.
func KeepSecret(path, login, password string) error {
	text, mode, err := readSecrets(path)
	if err != nil {
		return err
	}
	text = withoutSecret(text, login)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return replace(path, text+quoteWord(login)+" "+quoteWord(password)+"\n", mode)
}

// DropSecret takes a login's password out of a file of secrets.
func DropSecret(path, login string) error {
	text, mode, err := readSecrets(path)
	if err != nil {
		return err
	}
	rest := withoutSecret(text, login)
	if rest == text {
		return nil
	}
	return replace(path, rest, mode)
}

func readSecrets(path string) (text string, mode fs.FileMode, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0o600, nil
	case err != nil:
		return "", 0, err
	}
	b, err := os.ReadFile(path)
	return string(b), info.Mode().Perm(), err
}

func withoutSecret(text, login string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), quoteWord(login)+" ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// quoteWord writes a word as PgBouncer's userlist has it.
func quoteWord(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// replace puts a file in another's place in one step. A reader sees the old or the
// new one, whole.
func replace(path, text string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tenantpool-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once renamed it is not there
	if info, err := os.Stat(path); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(owner.Uid), int(owner.Gid)) // root keeps the owner; others own it already
		}
	} else if info, err := os.Stat(filepath.Dir(path)); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(-1, int(owner.Gid)) // the pooler's group reads what lies in its directory
		}
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
