package routing

import (
	"fmt"
	"regexp"
	"strings"
)

// settingName is what Postgres accepts as the name of a parameter: words of
// letters, digits, _ and $, joined by dots when an extension owns it.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

// notInProfile are parameters that a profile must not hold, and why.
var notInProfile = map[string]string{
	"search_path":            "use the key search_path",
	"role":                   "use the key role",
	"session_authorization":  "it would change the login; use role",
	"client_encoding":        "it belongs to the client",
	"transaction_isolation":  "it lasts one transaction; use default_transaction_isolation",
	"transaction_read_only":  "it lasts one transaction; use default_transaction_read_only",
	"transaction_deferrable": "it lasts one transaction; use default_transaction_deferrable",
}

// settings judges the settings of one entry.
func (p place) settings(list []Setting) {
	seen := make(map[string]string)
	for _, s := range list {
		lower := strings.ToLower(s.Name)
		why, forbidden := notInProfile[lower]
		twin, twice := seen[lower]
		var text string
		switch {
		case !settingName.MatchString(s.Name):
			text = fmt.Sprintf("%q is not the name of a setting", s.Name)
		case forbidden:
			text = fmt.Sprintf("%s cannot be among settings: %s", lower, why)
		case twice:
			text = fmt.Sprintf("%q and %q are one setting to Postgres", twin, s.Name)
		case strings.ContainsRune(s.Value, 0):
			text = fmt.Sprintf("the value of %q holds a NUL", s.Name)
		}
		seen[lower] = s.Name
		if text != "" {
			p.at("settings", -1, s.Name, text, false)
		}
	}
}
