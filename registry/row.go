package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

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
	Reason     string `json:"reason"`

	Password       *string                    `json:"password"`
	Users          []string                   `json:"users"`
	MatchDatabases []string                   `json:"match_databases"`
	MatchUsers     []string                   `json:"match_users"`
	Settings       map[string]json.RawMessage `json:"settings"`
	limits
}

// limits are the columns that bound a tenant. Durations are texts like "10s".
type limits struct {
	MaxClients  *int `json:"max_clients"`
	MaxServers  *int `json:"max_servers"`
	MaxWaiting  *int `json:"max_waiting"`
	MaxPrepared *int `json:"max_prepared"`
	Weight      *int `json:"weight"`
	MaxQPS      *int `json:"max_qps"`
	MaxQPSBurst *int `json:"max_qps_burst"`
	MaxBPS      *int `json:"max_bps"`
	MaxBPSBurst *int `json:"max_bps_burst"`

	QueryWaitTimeout       *string `json:"query_wait_timeout"`
	QueryTimeout           *string `json:"query_timeout"`
	TransactionTimeout     *string `json:"transaction_timeout"`
	IdleTransactionTimeout *string `json:"idle_transaction_timeout"`
	ClientIdleTimeout      *string `json:"client_idle_timeout"`
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
		return row, name, fmt.Errorf("column %s cannot be a %s", wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:], wrong.Value)
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
	return row, name, errors.Join(row.isolation(c.Isolation), row.state(c.State, c.Reason), row.settings(c.Settings), row.limits(&c))
}

// rowName is the name of a row, "" if it cannot be read.
func rowName(text []byte) string {
	var c struct {
		Name       string `json:"name"`
		SchemaName string `json:"schema_name"`
	}
	_ = json.Unmarshal(text, &c)
	return cmp.Or(c.Name, c.SchemaName)
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

func (r *Row) state(word, reason string) error {
	switch word {
	case "", "active", "enabled":
	case "disabled":
		r.Disabled = true
	case "suspended":
		r.Disabled, r.Suspended = true, cmp.Or(reason, "no reason is given")
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
	number := func(name string, n *int, least int) *int {
		switch {
		case n != nil && *n < least:
			faults = append(faults, fmt.Errorf("%s: %d is less than %d", name, *n, least))
		case n != nil && name == "weight" && *n > routing.MaxWeight:
			faults = append(faults, fmt.Errorf("%s: %d is more than %d", name, *n, routing.MaxWeight))
		}
		return n
	}
	lasts := func(name string, text *string) *time.Duration {
		if text == nil {
			return nil
		}
		d, err := time.ParseDuration(*text)
		if err != nil && *text != "0" || d < 0 {
			faults = append(faults, fmt.Errorf(`%s: %q is not a duration like "10s"`, name, *text))
		}
		return &d
	}
	l := routing.LimitChanges{
		MaxClients:             number("max_clients", c.MaxClients, 0),
		MaxServers:             number("max_servers", c.MaxServers, 0),
		MaxWaiting:             number("max_waiting", c.MaxWaiting, 0),
		MaxPrepared:            number("max_prepared", c.MaxPrepared, 0),
		Weight:                 number("weight", c.Weight, 1),
		MaxQPS:                 number("max_qps", c.MaxQPS, 0),
		MaxQPSBurst:            number("max_qps_burst", c.MaxQPSBurst, 0),
		MaxBPS:                 number("max_bps", c.MaxBPS, 0),
		MaxBPSBurst:            number("max_bps_burst", c.MaxBPSBurst, 0),
		QueryWaitTimeout:       lasts("query_wait_timeout", c.QueryWaitTimeout),
		QueryTimeout:           lasts("query_timeout", c.QueryTimeout),
		TransactionTimeout:     lasts("transaction_timeout", c.TransactionTimeout),
		IdleTransactionTimeout: lasts("idle_transaction_timeout", c.IdleTransactionTimeout),
		ClientIdleTimeout:      lasts("client_idle_timeout", c.ClientIdleTimeout),
	}
	if l != (routing.LimitChanges{}) {
		r.Limits = &l
	}
	return errors.Join(faults...)
}
