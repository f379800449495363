package config

import (
	"fmt"
	"strings"
)

// pgbouncerKeys are keys that people bring along from PgBouncer, by the name
// of the setting that means the same here.
var pgbouncerKeys = map[string]string{
	"admin_users":             "admin.users",
	"auth_file":               "auth.users_file",
	"auth_type":               "auth.method",
	"auth_dbname":             "auth.cluster",
	"auth_hba_file":           "auth.hba_file",
	"auth_ident_file":         "auth.ident_file",
	"auth_query":              "auth.query",
	"auth_user":               "auth.query_user",
	"client_tls_sslmode":      "tls",
	"dbname":                  "cluster.database",
	"default_pool_size":       "cluster.pool_size",
	"listen_addr":             "listen",
	"listen_port":             "listen",
	"max_client_conn":         "max_clients",
	"max_db_connections":      "cluster.pool_size",
	"max_prepared_statements": "prepared.per_server",
	"server_tls_sslmode":      "cluster.tls",
	"unix_socket_dir":         "listen",
}

// unknownKey says that a section has no such key, and what may be meant: a
// spelling one slip away, the same word in another section, PgBouncer's word,
// or the nearest spelling.
func unknownKey(key, section string, known []string) string {
	text := fmt.Sprintf("unknown key %q", key)
	near := closest(key, known)
	if near != "" && slips(key, near) == 1 {
		return text + didYouMean(key, known)
	}
	for _, s := range Settings() {
		if s.Key == key && s.Section != section {
			return fmt.Sprintf("%s (it belongs %s)", text, sectionPlace(s.Section))
		}
	}
	if ours := pgbouncerKeys[key]; ours != "" {
		return fmt.Sprintf("%s (PgBouncer's %s is %s here)", text, key, ours)
	}
	return text + didYouMean(key, known)
}

// sectionPlace says where the keys of a section stand.
func sectionPlace(section string) string {
	switch section {
	case "":
		return "at the top, before the first table"
	case "route":
		return "in a [[route]]"
	case "cluster", "tenant":
		return fmt.Sprintf("in a [%s.NAME]", section)
	}
	return fmt.Sprintf("in [%s]", section)
}

// didYouMean gives " (did you mean ...?)", or nothing if no word is close.
func didYouMean(word string, known []string) string {
	if near := closest(word, known); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// closest gives the known word with the fewest slips of the pen from word, or
// "" if all are more than a third of it away.
func closest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	plain := strings.ReplaceAll(strings.ToLower(word), "-", "_")
	best, least := "", len(word)/3+1
	for _, k := range known {
		if d := slips(plain, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// slips counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (the restricted Damerau-Levenshtein distance).
func slips(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
