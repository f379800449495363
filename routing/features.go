package routing

// Feature is something that a session can leave on its server connection and
// come back to, which transaction mode has to do something about.
type Feature uint8

// The features, in the order of FeatureNames.
const (
	Listen Feature = iota
	AdvisoryLocks
	Temp
	HoldCursors
	SQLPrepare
	Sequences
	featureCount
)

// FeatureNames are the keys of session_features.
func FeatureNames() []string {
	return []string{"listen", "advisory_locks", "temp", "hold_cursors", "sql_prepare", "sequences"}
}

// String gives the word the configuration uses.
func (f Feature) String() string { return FeatureNames()[f] }

// FeaturePolicy is what happens to a session that uses a feature.
type FeaturePolicy uint8

// The policies. The zero value leaves it to whoever is asked next.
const (
	Unsaid FeaturePolicy = iota
	Pin                  // it keeps its server connection for as long as anything is left there
	Refuse               // it gets an error
)

// Features say, for each Feature, what happens.
type Features [featureCount]FeaturePolicy

// Or fills in what f leaves unsaid.
func (f Features) Or(otherwise Features) Features {
	for i, p := range f {
		if p == Unsaid {
			f[i] = otherwise[i]
		}
	}
	return f
}

// Refuses says that a session may not use the feature.
func (f Features) Refuses(what Feature) bool { return f[what] == Refuse }
