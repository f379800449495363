package proxy

// Origin says who made an error that a client was told.
type Origin uint8

const (
	FromPooler Origin = iota
	FromServer
)

func (o Origin) String() string { return [...]string{"pooler", "server"}[o] }

// errorKey is what errors are counted by.
type errorKey struct {
	code [5]byte
	by   Origin
}

// errorCounts counts errors by SQLSTATE and origin.
type errorCounts map[errorKey]int64

// maxErrorKeys bounds how many are told apart: a text can raise any code it likes.
// The others are counted as otherCode.
const (
	maxErrorKeys = 200
	otherCode    = "other"
)

func (e errorCounts) add(code string, by Origin) {
	k := errorKey{by: by}
	copy(k.code[:], otherCode)
	if isSQLState(code) {
		copy(k.code[:], code)
	}
	if _, known := e[k]; !known && len(e) >= maxErrorKeys {
		copy(k.code[:], otherCode)
	}
	e[k]++
}

func isSQLState(code string) bool {
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(code) == 5
}

// merge adds what another one has counted.
func (e errorCounts) merge(o errorCounts) {
	for k, n := range o {
		e[k] += n
	}
}
