package integration

import "strings"

// exception is a difference that has been looked at and left, with its reason.
type exception struct{ direct, pooler, reason string }

// exceptions are told by how a message of the server itself begins, and the pooler's in its place.
var exceptions = []exception{
	{`E S="ERROR" V="ERROR" C="08P01" M="bind message `, `E S="ERROR" V="ERROR" C="25P02" `,
		"in a failed transaction a server that does not have the statement yet cannot be given it: what else is wrong goes unsaid"},
}

// excuse is the pooler's account with what is excepted put as the server itself has it.
func excuse(direct, pooler string) string {
	wants, gots := strings.Split(direct, "\n"), strings.Split(pooler, "\n")
	for i := range min(len(wants), len(gots)) {
		for _, e := range exceptions {
			if strings.HasPrefix(wants[i], e.direct) && strings.HasPrefix(gots[i], e.pooler) {
				gots[i] = wants[i]
			}
		}
	}
	return strings.Join(gots, "\n")
}
