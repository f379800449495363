#!/usr/bin/env bash
# Runs every fuzz test of the module so many times: scripts/fuzz.sh 1000000x. A time (20s) may end in
# "context deadline exceeded", by a fault of Go's own up to 1.26 (golang/go#75804); a number never does.
set -euo pipefail

for package in $(go list ./...); do
	for test in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		printf '%s %s\n' "$package" "$test"
		go test -run '^$' -fuzz "^$test\$" -fuzztime "${1:-100000x}" "$package"
	done
done
