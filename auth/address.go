package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// addressKind is what an address field means.
type addressKind uint8

const (
	addressAll  addressKind = iota
	addressOwn              // samehost: one of this machine's own
	addressNear             // samenet: in a network that this machine is in
	addressRange
)

// address is the address field of a rule.
type address struct {
	kind  addressKind
	block netip.Prefix
}

// matches holds the field against a client's address. own are this machine's.
func (a address) matches(addr netip.Addr, own func() []netip.Prefix) bool {
	switch a.kind {
	case addressAll:
		return true
	case addressRange:
		return a.block.Contains(addr)
	}
	return slices.ContainsFunc(own(), func(p netip.Prefix) bool {
		if a.kind == addressOwn {
			return p.Addr().Unmap() == addr
		}
		return p.Masked().Contains(addr)
	})
}

// local says that only clients on this machine match.
func (a address) local() bool {
	return a.kind == addressOwn || a.kind == addressRange && a.block.Addr().IsLoopback()
}

// parseAddress reads the address field, and takes the mask behind it if it needs one.
func parseAddress(t token, mask *token) (a address, usedMask bool, err error) {
	switch {
	case t.is("all"):
		return address{kind: addressAll}, false, nil
	case t.is("samehost"):
		return address{kind: addressOwn}, false, nil
	case t.is("samenet"):
		return address{kind: addressNear}, false, nil
	case strings.Contains(t.text, "/"):
		block, err := netip.ParsePrefix(t.text)
		if err != nil {
			return a, false, fmt.Errorf("%q is not an address range, like 10.0.0.0/8 or fd00::/8", t.text)
		}
		return address{addressRange, block.Masked()}, false, nil
	}
	addr, err := netip.ParseAddr(t.text)
	if err != nil || addr.Zone() != "" {
		return a, false, fmt.Errorf("%q is not an address; host names are not supported, for whoever answers for the name would decide", t.text)
	}
	if mask == nil {
		return a, false, fmt.Errorf("%s has no mask: write %s/%d for this one address", t.text, t.text, addr.BitLen())
	}
	bits, err := maskBits(*mask, addr)
	if err != nil {
		return a, true, err
	}
	return address{addressRange, netip.PrefixFrom(addr, bits).Masked()}, true, nil
}

// maskBits counts the ones at the front of a mask that has no others.
func maskBits(t token, addr netip.Addr) (int, error) {
	mask, err := netip.ParseAddr(t.text)
	if err != nil || mask.BitLen() != addr.BitLen() {
		return 0, fmt.Errorf("%q is not a mask for %s; write an address range, like %s/%d", t.text, addr, addr, addr.BitLen())
	}
	bits := 0
	for _, b := range mask.AsSlice() {
		for ; b&0x80 != 0; b <<= 1 {
			bits++
		}
	}
	again, err := mask.Prefix(bits)
	ones := 0
	for _, b := range mask.AsSlice() {
		for ; b != 0; b &= b - 1 {
			ones++
		}
	}
	if err != nil || again.Addr() != mask || ones != bits {
		return 0, errors.New(t.text + " has ones behind a zero, which no address range has")
	}
	return bits, nil
}
