#!/bin/sh
# The manual pages and completions come from the program itself, if it has them:
#   manual.sh PROGRAM DIR      writes them to DIR
#   manual.sh install DIR ROOT installs what is there
set -eu

if [ "$1" != install ]; then
	for section in 1 5 7; do
		name=tenantpool
		[ "$section" = 5 ] && name=tenantpool.toml
		"$1" man "$section" >"$2/page" 2>/dev/null && mv "$2/page" "$2/$name.$section"
	done
	for shell in bash zsh fish; do
		"$1" completion "$shell" >"$2/page" 2>/dev/null && mv "$2/page" "$2/completion.$shell"
	done
	rm -f "$2/page"
	exit 0
fi

put() { # FROM TO
	if [ -s "$1" ]; then install -D -m 0644 "$1" "$2"; fi
}
man=$3/usr/share/man
put "$2/tenantpool.1" "$man/man1/tenantpool.1"
put "$2/tenantpool.toml.5" "$man/man5/tenantpool.toml.5"
put "$2/tenantpool.7" "$man/man7/tenantpool.7"
put "$2/completion.bash" "$3/usr/share/bash-completion/completions/tenantpool"
put "$2/completion.zsh" "$3/usr/share/zsh/vendor-completions/_tenantpool"
put "$2/completion.fish" "$3/usr/share/fish/vendor_completions.d/tenantpool.fish"
