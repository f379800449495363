#!/usr/bin/env bash
# Runs the integration tests in two halves side by side, each with Postgres servers of its own: most
# of them wait for something most of the time.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/tests" ./integration
cd integration
mapfile -t tests < <("$dir/tests" -test.list '^Test' | grep '^Test')

half() {
	local names=() i
	for ((i = $1; i < ${#tests[@]}; i += 2)); do names+=("${tests[i]}"); done
	local IFS='|'
	"$dir/tests" -test.run "^(${names[*]})\$" -test.parallel 3 -test.timeout 17m
}

half 1 >"$dir/second" 2>&1 &
second=$!
status=0
half 0 || status=1
wait $second || status=1
cat "$dir/second"
exit $status
