package proxy

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

func TestACertificateHasOneCommonNameOrNone(t *testing.T) {
	cn := func(value string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oidCommonName, Value: value}
	}
	other := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "acme"}
	for _, c := range []struct {
		parts []pkix.AttributeTypeAndValue
		want  string
	}{
		{[]pkix.AttributeTypeAndValue{cn("acme")}, "acme"},
		{[]pkix.AttributeTypeAndValue{other, cn("acme"), other}, "acme"},
		{[]pkix.AttributeTypeAndValue{cn("acme"), cn("globex")}, ""},
		{[]pkix.AttributeTypeAndValue{cn("acme"), cn("acme")}, ""},
		{[]pkix.AttributeTypeAndValue{cn("")}, ""},
		{[]pkix.AttributeTypeAndValue{other}, ""},
		{nil, ""},
	} {
		var cert x509.Certificate
		for _, p := range c.parts {
			var set pkix.RDNSequence = []pkix.RelativeDistinguishedNameSET{{p}}
			var one pkix.Name
			one.FillFromRDNSequence(&set)
			cert.Subject.Names = append(cert.Subject.Names, p)
			if one.CommonName != "" {
				cert.Subject.CommonName = one.CommonName
			}
		}
		if name, ok := commonName(&cert); ok != (c.want != "") || ok && name != c.want {
			t.Errorf("%v: %q, %v", c.parts, name, ok)
		}
	}
}
