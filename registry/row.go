package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tenantpool/routing"
)

// maxRow is how long a row may be, as JSON.
const maxRow = 64 << 10

// Row is what one row says of a tenant.
type Row struct {
	routing.TenantEntry
	Domains  []string // names of hosts that mean it
	Password *string  // of its own login; nil: the row says nothing of it
}

// columns are those that are read, by name; all others are left alone. NULL and
// a column that is not there are one.
type columns struct {
	Name       string `json:"name"`
	SchemaName string `json:"schema_name"` // django-tenants: the name, and the schema
	DomainURL  string `json:"domain_url"`
	Schema     string `json:"schema"`
	Cluster    string `json:"cluster"`
	Role       string `json:"role"`
	Login      string `json:"login"`
	Isolation  string `json:"isolation"`
	State      string `json:"state"`

	Password       *string                    `json:"password"`
	Users          []string                   `json:"users"`
	MatchDatabases []string                   `json:"match_databases"`
	MatchUsers     []string                   `json:"match_users"`
	Settings       map[string]json.RawMessage `json:"settings"`
	MaxClients     *int                       `json:"max_clients"`
	MaxServers     *int                       `json:"max_servers"`
	Weight         *int                       `json:"weight"`
}

// parseRow reads a row from its JSON. The name is given with an error, too, if
// there is one to be read.
func parseRow(text []byte) (row Row, name string, err error) {
	var c columns
	if len(text) > maxRow {
		return row, "", fmt.Errorf("it is longer than %d bytes", maxRow)
	}
	err = json.Unmarshal(text, &c)
	name = cmp.Or(c.Name, c.SchemaName)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return row, name, fmt.Errorf("column %s cannot be a %s", wrong.Field, wrong.Value)
	case err != nil:
		return row, name, errors.New("it is not a row")
	}
	row.TenantEntry = routing.TenantEntry{
		Name: name, Schema: cmp.Or(c.Schema, c.SchemaName), Cluster: c.Cluster, Role: c.Role, Login: c.Login,
		Users: c.Users, MatchDatabases: c.MatchDatabases, MatchUsers: c.MatchUsers,
	}
	if row.Schema == row.Name {
		row.Schema = "" // the same, and shorter
	}
	row.Password = c.Password
	if c.DomainURL != "" {
		row.Domains = []string{strings.ToLower(c.DomainURL)}
	}
	return row, name, errors.Join(row.isolation(c.Isolation), row.state(c.State), row.settings(c.Settings), row.limits(&c))
}

func (r *Row) isolation(word string) error {
	if word == "" {
		return nil
	}
	for level := routing.Shared; level <= routing.Dedicated; level++ {
		if level.String() == word {
			r.Isolation = &level
			return nil
		}
	}
	return fmt.Errorf(`isolation: %q is not "shared", "role" or "dedicated"`, word)
}

func (r *Row) state(word string) error {
	switch word {
	case "", "active", "enabled":
	case "disabled", "suspended":
		r.Disabled = true
	default:
		return fmt.Errorf(`state: %q is not "active", "disabled" or "suspended"`, word)
	}
	return nil
}

// settings takes texts, numbers and truth values, and nothing else.
func (r *Row) settings(values map[string]json.RawMessage) error {
	var faults []error
	for name, raw := range values {
		raw = bytes.TrimSpace(raw)
		var text string
		switch {
		case len(raw) > 0 && raw[0] == '"':
			_ = json.Unmarshal(raw, &text) // the server has made it
		case len(raw) == 0 || bytes.ContainsAny(raw[:1], "{[n"):
			faults = append(faults, fmt.Errorf("settings: the value of %q is no text, number or truth value", name))
			continue
		default:
			text = string(raw)
		}
		r.Settings = append(r.Settings, routing.Setting{Name: name, Value: text})
	}
	sortSettings(r.Settings)
	return errors.Join(faults...)
}

func (r *Row) limits(c *columns) error {
	var faults []error
	take := func(name string, n *int, least int) *int {
		if n != nil && *n < least {
			faults = append(faults, fmt.Errorf("%s: %d is less than %d", name, *n, least))
		}
		return n
	}
	r.MaxClients = take("max_clients", c.MaxClients, 0)
	r.MaxServers = take("max_servers", c.MaxServers, 0)
	r.Weight = take("weight", c.Weight, 1)
	return errors.Join(faults...)
}
