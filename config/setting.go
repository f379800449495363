package config

// Kind is the type of a setting's value in the file.
type Kind uint8

// The kinds of value.
const (
	KindText     Kind = iota // a string
	KindTexts                // a string or a list of strings
	KindPath                 // a file, relative to the file that names it
	KindCount                // a whole number; 0 and "off" are off
	KindCounts               // a whole number or a list of them
	KindSize                 // bytes: a whole number, or "64MiB"
	KindDuration             // a string like "10s"; 0 and "off" are off
	KindBool                 // true or false
	KindChoice               // one of Choices
	KindFileMode             // permissions in octal: "0770" or 0o770
	KindPairs                // a table of strings, numbers and booleans
	KindFeatures             // a table of session features, each with one of Choices
	KindAny                  // of a key that is refused whatever it holds
)

// Support says what this version does with a key.
type Support uint8

// The levels of support.
const (
	Works    Support = iota
	Unserved         // accepted with a warning: nothing acts on it yet
	Refused          // a fault: ignoring it would mislead
)

// Setting describes one key of the configuration. All of them together are
// the reference documentation.
type Setting struct {
	Section    string // "" at the top; cluster, route and tenant may occur many times
	Key        string
	Kind       Kind
	Default    string   // as it would be written; "" is none
	Unit       string   // what a number counts
	Choices    []string // KindChoice, KindFeatures: all words
	Word       string   // KindDuration: what may stand there besides
	Later      []string // words that this version refuses
	Min, Max   int      // of a number; Max 0 is no limit
	Required   bool
	Reloadable bool // takes effect on reload, not only at start
	Support    Support
	Doc        string
}

// Name is the key as messages and documentation call it.
func (s Setting) Name() string {
	if s.Section == "" {
		return s.Key
	}
	return s.Section + "." + s.Key
}

// Settings gives every key, in the order of the documentation.
func Settings() []Setting {
	var all []Setting
	all = appendSettings(all, globalFields)
	all = appendSettings(all, authFields)
	all = appendSettings(all, adminFields)
	all = appendSettings(all, preparedFields)
	all = appendSettings(all, logFields)
	all = appendSettings(all, registryFields)
	all = appendSettings(all, clusterFields)
	all = appendSettings(all, peerFields)
	all = appendSettings(all, routeFields)
	return appendSettings(all, tenantFields)
}

func appendSettings[T any](to []Setting, fields []field[T]) []Setting {
	for _, f := range fields {
		to = append(to, f.Setting)
	}
	return to
}

// field ties a setting to the variable it fills in a T.
type field[T any] struct {
	Setting
	into func(*T) any // a pointer, see store
}
