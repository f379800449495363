package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// shells are the completion scripts. Each hands the words of the line to
// "tenantpool complete", so that they never grow old; a word that nothing is said
// of is the name of a file.
var shells = map[string]string{
	"bash": `_tenantpool() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [ -n "$line" ] && COMPREPLY+=("$line")
    done < <(tenantpool complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _tenantpool tenantpool
`,
	"zsh": `#compdef tenantpool
_tenantpool() {
    local -a found
    found=(${(f)"$(tenantpool complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -- $found
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_tenantpool" ]; then
    _tenantpool "$@"
else
    compdef _tenantpool tenantpool
fi
`,
	"fish": `function __tenantpool_complete
    set -l words (commandline -opc) (commandline -ct)
    tenantpool complete $words[2..-1] 2>/dev/null
end
complete -c tenantpool -a '(__tenantpool_complete)'
`,
}

// runCompletion prints the script of a shell.
func runCompletion(args []string, stdout, stderr io.Writer) int {
	rest, err := parseArgs(newFlags("completion"), args, stderr, "the shell (bash, zsh or fish)")
	if err != nil {
		return misuse(err)
	}
	script, ok := shells[rest[0]]
	if !ok {
		fmt.Fprintf(stderr, "tenantpool completion: there is none for %q; there is for bash, zsh and fish\n", rest[0])
		return 2
	}
	fmt.Fprint(stdout, script)
	return 0
}

// runComplete prints what may stand in the place of the last of the words, one to
// a line, for the scripts of runCompletion.
func runComplete(words []string, stdout, _ io.Writer) int {
	if len(words) == 0 {
		words = []string{""}
	}
	for _, c := range candidates(words[:len(words)-1]) {
		if strings.HasPrefix(c, words[len(words)-1]) {
			fmt.Fprintln(stdout, c)
		}
	}
	return 0
}

// candidates are the words that may follow others.
func candidates(before []string) (all []string) {
	if len(before) == 0 {
		for _, v := range verbs {
			all = append(all, v.Name)
		}
		return append(all, "help")
	}
	if before[0] == "help" && len(before) == 1 {
		return candidates(nil)
	}
	if before[0] == "help" {
		before = before[1:]
	}
	v, rest, ok := named(before)
	if !ok || slices.Contains(rest, "--") {
		return nil
	}
	last := before[len(before)-1]
	for _, f := range v.Flags {
		if f.Arg != "" && strings.TrimLeft(last, "-") == f.Name && strings.HasPrefix(last, "-") {
			return nil // its value
		}
	}
	if len(rest) == 0 {
		all = alternatives(v.Args)
	}
	if len(rest) == 0 && v.Name == "tenant" {
		all = slices.Sorted(maps.Keys(tenantVerbs))
	}
	for _, f := range v.Flags {
		all = append(all, strings.Fields(f.Spelling())[0])
	}
	return append(all, "--help")
}

// alternatives are the words of a synopsis that is a choice, as in a|b|c.
func alternatives(synopsis string) []string {
	first, _, _ := strings.Cut(synopsis, " ")
	if !strings.Contains(first, "|") {
		return nil
	}
	return strings.Split(first, "|")
}
