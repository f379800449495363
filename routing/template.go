package routing

import (
	"fmt"
	"strings"
)

const schemaMark = "{schema}"

// template is a text with any number of {tenant} and {schema} in it.
type template string

func (t template) expand(tenant, schema string) string {
	return strings.NewReplacer(tenantMark, tenant, schemaMark, schema).Replace(string(t))
}

// varies reports whether the text differs from tenant to tenant.
func (t template) varies() bool {
	return strings.Contains(string(t), tenantMark) || strings.Contains(string(t), schemaMark)
}

// checkNameTemplate judges a template that becomes a name: other braces are
// slips of the pen, and what is literal in it has to be usable.
func checkNameTemplate(s string, check func(string) error) error {
	rest := template(s).expand("", "")
	if strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("%q: the placeholders are {schema} and {tenant}", s)
	}
	if !template(s).varies() {
		return check(s)
	}
	if err := check(template(s).expand("x", "x")); err != nil {
		return fmt.Errorf("%q gives names like %w", s, err)
	}
	return nil
}
