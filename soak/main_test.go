package soak

import (
	"os"
	"testing"

	"tenantpool/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
