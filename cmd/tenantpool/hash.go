package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tenantpool/wire"
)

// runHash makes a SCRAM verifier from a password, which it asks for on the
// terminal, or reads from standard input.
func runHash(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("hash")
	stdin := flags.Bool("stdin", false, "take the first line of standard input")
	user := flags.String("user", "", "print a line for a users file: `NAME` and verifier in quotes")
	iterations := flags.Int("iterations", 4096, "how costly each guess of the password shall be (`COUNT`)")
	_, err := parseArgs(flags, args, stderr)
	if err == nil && (*iterations < 4096 || *iterations > 10_000_000) {
		fmt.Fprintln(stderr, "tenantpool hash: --iterations should be 4096 to 10000000")
		err = errMisuse
	}
	if err != nil {
		return misuse(err)
	}
	password, err := readPassword(*stdin, stderr)
	if err == nil {
		err = printVerifier(stdout, *user, password, *iterations)
	}
	if err != nil {
		fmt.Fprintf(stderr, "tenantpool hash: %v\n", err)
		return 1
	}
	return 0
}

// readPassword reads it twice from a terminal, without echo, or once from what is
// none.
func readPassword(stdin bool, stderr io.Writer) (string, error) {
	fd := int(os.Stdin.Fd())
	if stdin || !term.IsTerminal(fd) {
		return firstLine(os.Stdin)
	}
	once, err := askPassword(fd, "password: ", stderr)
	if err != nil {
		return "", err
	}
	again, err := askPassword(fd, "the same again: ", stderr)
	if err == nil && once != again {
		err = errors.New("the two passwords differ")
	}
	return once, err
}

func askPassword(fd int, prompt string, stderr io.Writer) (string, error) {
	fmt.Fprint(stderr, prompt)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(stderr)
	return string(text), err
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// printVerifier prints the verifier of a password with a new salt.
func printVerifier(w io.Writer, user, password string, iterations int) error {
	if password == "" {
		return errors.New("the password is empty, and nobody can log in with that")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	v, err := wire.NewVerifier(password, salt, iterations)
	if err != nil {
		return err
	}
	if user == "" {
		fmt.Fprintln(w, v.Encode())
		return nil
	}
	fmt.Fprintf(w, "%s %s\n", userListWord(user), userListWord(v.Encode()))
	return nil
}

// userListWord quotes a word as users files have it.
func userListWord(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
