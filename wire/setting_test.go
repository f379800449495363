package wire

import (
	"fmt"
	"strings"
	"testing"
)

func describe(changes []SettingChange, complete bool) string {
	var all []string
	for _, c := range changes {
		name := c.Name
		if name == "" {
			name = "ALL"
		}
		switch {
		case c.Local:
			all = append(all, "local "+name)
		case c.Reset:
			all = append(all, "reset "+name)
		case c.Known:
			all = append(all, fmt.Sprintf("%s=%q", name, c.Value))
		default:
			all = append(all, name+"=?")
		}
	}
	if !complete {
		all = append(all, "...")
	}
	return strings.Join(all, "; ")
}

func TestVisibleChangesOfSettingsAreReadOffTheText(t *testing.T) {
	for sql, want := range map[string]string{
		"SET statement_timeout = 100":                                    `statement_timeout=["100"]`,
		"set session Work_Mem to '64MB'":                                 `work_mem=["64MB"]`,
		`SET "app.Tenant" TO DEFAULT`:                                    `reset app.tenant`,
		"SET app.tenant_id = 'b''c'":                                     `app.tenant_id=["b'c"]`,
		"SET LOCAL work_mem = 1":                                         `local work_mem`,
		"select set_config('app.'||'x', 'y', false)":                     `...`,
		"SET TRANSACTION READ ONLY":                                      ``,
		"SET CONSTRAINTS ALL DEFERRED":                                   ``,
		`SET search_path TO a, "B c", pg_catalog`:                        `search_path=["a" "B c" "pg_catalog"]`,
		"SET search_path = ''":                                           `search_path=[""]`,
		`SELECT set_config('search_path', E'"\u00e9''\\\'x", b', false)`: `search_path=["é'\\'x" "b"]`,
		`SET app.x = E'a\tb'`:                                            `app.x=?`,
		`SET app.x = e'\U0001f600\ud800'`:                                `app.x=?`,
		`SET app.x = e'\U0001F600'`:                                      `app.x=["😀"]`,
		"SET SCHEMA 'b'":                                                 `search_path=["b"]`,
		"SET search_path FROM CURRENT":                                   `search_path=?`,
		"SET TIME ZONE 'UTC'":                                            `timezone=["UTC"]`,
		"SET TIME ZONE LOCAL":                                            `reset timezone`,
		"SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE":                 `timezone=?`,
		"SET NAMES 'LATIN1'":                                             `client_encoding=["LATIN1"]`,
		"SET ROLE none":                                                  `role=["none"]`,
		`SET ROLE "My"`:                                                  `role=["My"]`,
		"SET role = b":                                                   `role=["b"]`,
		"SET SESSION AUTHORIZATION DEFAULT":                              `reset session_authorization`,
		"SET SESSION AUTHORIZATION x":                                    `session_authorization=["x"]`,
		"SET SESSION ROLE x":                                             `role=["x"]`,
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY":           `default_transaction_isolation=?; default_transaction_read_only=?; default_transaction_deferrable=?`,
		"RESET ALL":                                                      `reset ALL`,
		"reset search_path":                                              `reset search_path`,
		"RESET ROLE":                                                     `reset role`,
		"RESET TIME ZONE":                                                `reset timezone`,
		"RESET SESSION AUTHORIZATION":                                    `reset session_authorization`,
		"DISCARD ALL":                                                    `reset ALL`,
		"DISCARD TEMP":                                                   ``,
		"BEGIN; SET a.b=1; SELECT 1; RESET a.b":                          `a.b=["1"]; reset a.b`,
		"select set_config('search_path','a, \"B\"',false)":              `search_path=["a" "B"]`,
		"SELECT pg_catalog.set_config('app.x', 'y', false)":              `app.x=["y"]`,
		"select set_config('app.x', $1, false)":                          `app.x=?`,
		"select set_config($1, $2, false)":                               `...`,
		"update pg_settings set setting = 'a'":                           `...`,
		"/* SET a=1 */ select 'SET b=2'":                                 ``,
		`SET x = E'\x41'`:                                                `x=?`,
	} {
		got := describe(SettingChanges([]byte(sql)))
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}

func TestANameBehindEscapesIsNotTakenForRead(t *testing.T) {
	if _, complete := SettingChanges([]byte(`select set_config(E'app\x2ex', 'y', false)`)); complete {
		t.Error("taken as read")
	}
}

func FuzzSettingChangesReadsAnyText(f *testing.F) {
	f.Add("SET search_path TO a; select set_config('x', 'y', true)")
	f.Add(`SET "`)
	f.Fuzz(func(t *testing.T, sql string) {
		for _, text := range []string{sql, "SET " + sql, "RESET " + sql, "select set_config(" + sql} {
			SettingChanges([]byte(text))
		}
	})
}
