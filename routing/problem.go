package routing

// Problem is a fault in rules or tenant entries, told by its place in them so
// that whoever read them from a file can say where it stands.
type Problem struct {
	Rule    int    // index of the rule; -1 if a tenant entry is meant
	Tenant  int    // index of the tenant entry; -1 if a rule is meant
	Key     string // the configuration key; "" is the entry as a whole
	Item    int    // index within a list; -1 is the key as a whole
	Name    string // key within a table of settings; "" otherwise
	Text    string
	Warning bool // worth saying, but nothing is refused
}
