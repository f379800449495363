#!/usr/bin/env bash
# Runs every fuzz test of the module for a while: scripts/fuzz.sh 20s
set -euo pipefail

for package in $(go list ./...); do
	for test in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		printf '%s %s\n' "$package" "$test"
		go test -run '^$' -fuzz "^$test\$" -fuzztime "${1:-20s}" "$package"
	done
done
