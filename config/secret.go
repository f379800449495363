package config

import "tenantpool/auth"

// Secret is a password or verifier that nothing prints.
type Secret = auth.Secret

// NewSecret wraps a text.
func NewSecret(text string) Secret { return auth.NewSecret(text) }
