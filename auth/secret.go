package auth

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// SecretKind tells the forms of a secret apart.
type SecretKind uint8

// The forms in which a secret can be kept.
const (
	Plain SecretKind = iota // the password itself
	MD5                     // "md5" and 32 hex digits
	SCRAM                   // a SCRAM-SHA-256 verifier, as pg_authid holds it
)

// Secret is a password or verifier. Whatever prints it prints ***; only
// Reveal gives the text. It is kept behind a pointer, because fmt does not ask
// the methods of what stands in an unexported field.
type Secret struct{ text *string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal gives the secret itself. It must not reach a log or a client.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Kind tells the form by the same marks as Postgres does.
func (s Secret) Kind() SecretKind {
	text := s.Reveal()
	switch {
	case strings.HasPrefix(text, "SCRAM-SHA-256$"):
		return SCRAM
	case len(text) == 35 && strings.HasPrefix(text, "md5") && strings.Trim(text[3:], "0123456789abcdef") == "":
		return MD5
	}
	return Plain
}

const masked = "***"

// Format prints *** under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// String gives ***.
func (s Secret) String() string { return masked }

// LogValue gives ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText gives ***.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
