#!/usr/bin/env bash
# Builds the Debian package into DIR (dist/ unless said otherwise) and has lintian look at it.
# $TENANTPOOL_PROGRAM names a program that has been built already. It wants debhelper and lintian: apt-get install debhelper lintian.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$(realpath -m "${1:-dist}")
command -v go >/dev/null || export PATH=$PATH:/usr/local/go/bin
GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE) # dh gives the build another home
export GOCACHE GOMODCACHE
export GOFLAGS=-buildvcs=false

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -z --cached --others --exclude-standard | grep -zv '^deploy/debian/' |
	tar --null -T - -c --ignore-failed-read | tar -x -C "$(mkdir -p "$work/tenantpool" && echo "$work/tenantpool")"
cp -a deploy/debian "$work/tenantpool/debian"
[ -e docs/registry.sql ] || sed -i /registry.sql/d "$work/tenantpool/debian/tenantpool.examples"

# --no-check-builddeps: Go is not from Debian, and all else is checked by debhelper itself.
(cd "$work/tenantpool" && dpkg-buildpackage --no-check-builddeps -us -uc -b)
mkdir -p "$out"
cp "$work"/*.deb "$out/"
lintian --fail-on error,warning --info "$work"/*.changes
ls "$out"/*.deb
