package routing

import "hash/maphash"

// shardCount is how many maps a large set is spread over: a change of one name
// copies one of them, of a hundred names in a hundred thousand.
const shardCount = 1024

var shardSeed = maphash.MakeSeed()

// shards is an immutable map in pieces. A nil one is empty.
type shards struct {
	maps [shardCount]map[string]*tenant
}

func (s *shards) get(key string) *tenant {
	if s == nil {
		return nil
	}
	return s.maps[maphash.String(shardSeed, key)%shardCount][key]
}

// shardEdit is the next shards in the making: pieces are copied when they are
// first written to, the others are shared.
type shardEdit struct {
	now *shards
	own *[shardCount]bool // pieces that are not shared; nil: none, nor is now
}

func (e *shardEdit) piece(key string) map[string]*tenant {
	if e.own == nil {
		e.own = new([shardCount]bool)
		fresh := new(shards)
		if e.now != nil {
			*fresh = *e.now
		}
		e.now = fresh
	}
	i := maphash.String(shardSeed, key) % shardCount
	if !e.own[i] {
		e.own[i] = true
		fresh := make(map[string]*tenant, len(e.now.maps[i])+1)
		for k, v := range e.now.maps[i] {
			fresh[k] = v
		}
		e.now.maps[i] = fresh
	}
	return e.now.maps[i]
}

func (e *shardEdit) put(key string, t *tenant) { e.piece(key)[key] = t }

func (e *shardEdit) drop(key string) {
	if e.now.get(key) != nil {
		delete(e.piece(key), key)
	}
}
