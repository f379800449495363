package provision

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"tenantpool/routing"
)

// madeHere is the first line of the files that EntryFile names.
const madeHere = "# made by \"tenantpool tenant create\"; \"tenantpool tenant drop\" removes it\n"

// EntryFile is the file in which a tenant of its own is listed, among those that a
// pattern of include takes in. ok is false if the pattern names one file only.
func EntryFile(pattern, tenant string) (path string, ok bool) {
	dir, base := filepath.Split(pattern)
	if strings.Count(base, "*") != 1 || strings.ContainsAny(dir, "*?[") || strings.ContainsAny(base, "?[") {
		return "", false
	}
	name := strings.Replace(base, "*", fileName(tenant), 1)
	if len(name) > 255 {
		return "", false
	}
	return dir + name, true
}

// fileName writes a name so that it stays in its directory, whatever it holds.
func fileName(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), ".", "%2E")
}

// WriteEntry lists a tenant in a file of its own, which must not be there yet. The
// password is that of its own login; "" is none.
func WriteEntry(path string, e routing.TenantEntry, password string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	mode := os.FileMode(0o640)
	if password != "" {
		mode = 0o600
		if info, err := os.Stat(filepath.Dir(path)); err == nil && info.Mode().Perm()&0o007 == 0 {
			mode = 0o640 // the directory keeps others out
		}
	}
	return replace(path, entryText(e, password), mode)
}

// entryText is the file.
func entryText(e routing.TenantEntry, password string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[tenant.%s]\n", madeHere, tomlText(e.Name))
	add := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, tomlText(value))
		}
	}
	add("schema", e.Schema)
	add("cluster", e.Cluster)
	if e.Isolation != nil {
		add("isolation", e.Isolation.String())
	}
	add("login", e.Login)
	add("password", password)
	return b.String()
}

// tomlText writes a TOML basic string.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// RemoveEntry removes a file of WriteEntry's. A file that something else has
// written is left, with an error.
func RemoveEntry(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(text), madeHere) || strings.Count(string(text), "\n[") != 1 {
		return errors.New("it holds more than \"tenantpool tenant create\" has written: edit it by hand")
	}
	return os.Remove(path)
}

// IsEntry reports whether a file is one of WriteEntry's.
func IsEntry(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.HasPrefix(string(text), madeHere)
}
