package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"tenantpool/manual"
)

// verbs describe the commands, in the order of the help. Their flags are not
// among it: each command knows its own (see withFlags).
var verbs = []manual.Verb{
	{Name: "run", Args: "[-c FILE]", Does: "start in the foreground, log to standard error",
		About: "Serves the configuration until a signal ends it: TERM drains, INT stops at once.",
		Examples: []manual.Example{
			{Line: "tenantpool run -c /etc/tenantpool/tenantpool.toml", Why: "what a service manager runs"}},
		Exit: []string{"ended by a signal", "could not start", "the command line is wrong"}},
	{Name: "init", Args: "--from URL [--tenants PATTERN]", Does: "write a configuration for a live server",
		About: "Looks at a database, finds the schemas that are tenants and the logins that may use them, and prints the smallest " +
			"configuration that works, each line with its reason. Passwords are left out, and named by password_env.",
		Examples: []manual.Example{
			{Line: "tenantpool init --from postgres://app@localhost/app > config.toml", Why: "guess the tenants by the prefix that most schemas share"},
			{Line: "tenantpool init --from postgres:///app --tenants 'schema like tenant_%'", Why: "say which schemas are tenants"}}},
	{Name: "check", Args: "[-c FILE] [--connect] [--json]", Does: "check a configuration, and with --connect its servers",
		About: "Reads the configuration as run does and tells every fault at once, each by file, line and column; then what is " +
			"suspicious: secrets that others can read, certificates that end within 21 days. With --connect it logs in to every " +
			"cluster and looks for the schemas, roles and rights that the tenants need.",
		Examples: []manual.Example{
			{Line: "tenantpool check -c config.toml", Why: "before a start or a reload"},
			{Line: "tenantpool check --connect --json | jq .problems", Why: "for scripts"}},
		Exit: []string{"good, though there may be warnings", "faulty", "the command line is wrong"}},
	{Name: "config", Args: "[-c FILE] [--effective]", Does: "print the configuration and where each value is said",
		About: "Prints what the file and its includes say, in one piece; with --effective also the defaults of what they leave out. " +
			"Secrets are masked.",
		Examples: []manual.Example{
			{Line: "tenantpool config --effective | grep timeout", Why: "which time-outs hold, and which are defaults"}}},
	{Name: "why", Args: "[-c FILE] USER DATABASE [--server-name NAME]", Does: "explain which tenant a client would be",
		About: "Walks through the routes as a login does, and tells each step, the route it ends at, the pool, path, role and limits, " +
			"and the file and line that each comes from. It asks no server.",
		Examples: []manual.Example{
			{Line: "tenantpool why app acme", Why: "who is \"psql -U app acme\"?"}},
		Exit: []string{"the client has a route", "it is refused, or the configuration is faulty", "the command line is wrong"}},
	{Name: "hash", Args: "[--stdin] [--user NAME] [--iterations COUNT]", Does: "make a SCRAM verifier from a password",
		About: "Asks for the password without showing it, and prints what pg_authid and a users file hold. The password is never " +
			"an argument: others could see it.",
		Examples: []manual.Example{
			{Line: "tenantpool hash --user app >> users.txt", Why: "add a login"},
			{Line: "pass show app | tenantpool hash --stdin", Why: "from a password manager"}}},
	{Name: "import", Args: "[--commented] [--json] PGBOUNCER.INI", Does: "translate a configuration of PgBouncer",
		About: "Prints a configuration for tenantpool, and on standard error what became of each setting of PgBouncer's file: " +
			"mapped, met without a setting, or not mapped and why. Nothing is dropped silently.",
		Examples: []manual.Example{
			{Line: "tenantpool import /etc/pgbouncer/pgbouncer.ini > config.toml", Why: "translate, and read what is told"},
			{Line: "tenantpool import --commented /usr/share/doc/pgbouncer/examples/pgbouncer.ini", Why: "all that the annotated sample names"}}},
	{Name: "demo", Args: "[flags]", Does: "show it at work on a private Postgres",
		Examples: []manual.Example{{Line: "tenantpool demo --config config.toml", Why: "several tenants, pgbench and the proof"}}},
	{Name: "soak", Args: "[-c FILE] [flags]", Does: "try to make it mix tenants up, on your own Postgres",
		Examples: []manual.Example{{Line: "tenantpool soak -c config.toml --duration 60s", Why: "200 clients, 50 tenants, one minute"}},
		Exit:     []string{"found nothing", "found something, or could not run", "the command line is wrong"}},
	{Name: "tenant", Args: "COMMAND", Does: "create, check, pause tenants; run a command for each",
		Examples: []manual.Example{
			{Line: "tenantpool tenant create acme", Why: "schema, role and grants, checked and published"},
			{Line: "tenantpool tenant each -- psql -f migration.sql", Why: "a migration for every tenant"},
			{Line: "tenantpool tenant suspend acme --reason 'invoice 4711 is open'", Why: "its clients are told so"}}},
	{Name: "status", Args: "[-c FILE] [--json]", Does: "how the running pooler does, on one screen",
		Examples: []manual.Example{{Line: "tenantpool status --json | jq .state", Why: "for scripts"}},
		Exit:     []string{"all is well", "degraded", "down, or the command line is wrong"}},
	{Name: "top", Args: "[-c FILE] [--every TIME] [--once]", Does: "its tenants and pools, live",
		Examples: []manual.Example{{Line: "tenantpool top", Why: "q ends it, s sorts by the next column"}}},
	{Name: "reload", Args: "[-c FILE] [--wait]", Does: "have it read its configuration again, all or nothing",
		Examples: []manual.Example{{Line: "tenantpool reload --wait", Why: "prints what has changed, or every fault"}},
		Exit:     []string{"reloaded", "refused: the old configuration holds", "the command line is wrong"}},
	{Name: "completion", Args: "bash|zsh|fish", Does: "print completion for a shell",
		Examples: []manual.Example{
			{Line: "tenantpool completion bash > /etc/bash_completion.d/tenantpool", Why: "for bash"},
			{Line: "tenantpool completion zsh > \"${fpath[1]}/_tenantpool\"", Why: "for zsh"},
			{Line: "tenantpool completion fish > ~/.config/fish/completions/tenantpool.fish", Why: "for fish"}}},
	{Name: "man", Args: "1|5|7|settings", Does: "print a manual page, or the settings as Markdown",
		Examples: []manual.Example{{Line: "tenantpool man 5 | man -l -", Why: "the configuration file"}}},
	{Name: "version", Args: "[--json]", Does: "print the version"},
}

// flagLine is one flag as package flag lists it.
var flagLine = regexp.MustCompile(`^  -([\w-]+)(?: (\S+))?(?:\t(.*))?$`)

// withFlags asks a command for its flags, by -h, and adds them to its verb.
func withFlags(v manual.Verb) manual.Verb {
	words := strings.Fields(v.Name)
	command, ok := commands[words[0]]
	if !ok {
		return v
	}
	var out strings.Builder
	command(append(words[1:], "-h"), &out, &out)
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if m := flagLine.FindStringSubmatch(line); m != nil {
			v.Flags = append(v.Flags, manual.Flag{Name: m[1], Arg: m[2], Does: m[3]})
		} else if text, ok := strings.CutPrefix(line, "    \t"); ok && len(v.Flags) > 0 {
			f := &v.Flags[len(v.Flags)-1]
			f.Does = strings.TrimSpace(f.Does + " " + strings.TrimSpace(text))
		}
	}
	return v
}

// verb finds the description of a command, or of one of tenant's: "tenant drop".
func verb(name string) (manual.Verb, bool) {
	for _, v := range append(verbsOfTenant(), verbs...) {
		if v.Name == name {
			return withFlags(v), true
		}
	}
	return manual.Verb{}, false
}

// verbsOfTenant describe the commands of "tenantpool tenant".
func verbsOfTenant() (all []manual.Verb) {
	for _, name := range slices.Sorted(maps.Keys(tenantVerbs)) {
		v := manual.Verb{Name: "tenant " + name, Args: tenantVerbs[name].args, Does: tenantVerbs[name].does}
		if consoleVerbs[name] != "" {
			v.About = "The running pooler does it: it is the command of the console."
			v.Exit = []string{"done", "refused; standard error says why", "the command line is wrong, or there is no console"}
		}
		all = append(all, v)
	}
	return all
}

// named finds the description of the command that words begin with, and gives
// what stands behind it.
func named(words []string) (v manual.Verb, rest []string, ok bool) {
	if len(words) > 1 && words[0] == "tenant" {
		if v, ok := verb("tenant " + words[1]); ok {
			return v, words[2:], true
		}
	}
	v, ok = verb(words[0])
	return v, words[1:], ok
}

// usage is the help of the program as a whole.
func usage() string {
	var b strings.Builder
	b.WriteString("tenantpool: a PostgreSQL pooler for multi-tenant applications\n\nusage:\n")
	for _, v := range verbs {
		b.WriteString("  tenantpool " + v.Name + strings.Repeat(" ", max(1, 12-len(v.Name))) + v.Does + "\n")
	}
	b.WriteString("\n\"tenantpool COMMAND -h\" lists its flags, --help tells more, with examples.\n" +
		"Where there is a -c FILE, it is config.toml unless said otherwise.\n")
	return b.String()
}
