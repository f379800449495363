package config

import "tenantpool/routing"

// The raw structs hold what a file says before it is judged: the frozen
// structs, and beside them the words that become something else.

type rawGlobal struct {
	*Config
	include, listen []string
	maxPinned       *int
	tls             rawTLS
	tlsMin          string
	ignored         any // of keys that are refused or unserved
}

type rawCluster struct {
	Cluster
	password     rawPassword
	loginSecrets string // the path of the file
	tls          rawTLS
	replicas     rawReplicas
}

type rawPeer struct {
	Peer
	address string
	tls     rawTLS
}

type rawReplicas struct {
	hosts            []string
	suffix, fallback string
	size             int // 0 is not given
}

// rawPassword is where a password is said to be; one of the three is given.
type rawPassword struct{ text, file, env string }

type rawAuth struct {
	*Auth
	hbaFile, identFile string
	mapName            string
	password           rawPassword // of the look-ups' login
}

type rawTLS struct{ mode, cert, key, ca string }

type rawRoute struct {
	routing.Rule
}

type rawTenant struct {
	routing.TenantEntry
	limits   routing.LimitChanges
	state    string
	password rawPassword
}
