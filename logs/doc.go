// Package logs writes the pooler's log: for people on a terminal, with priorities
// for the journal of systemd, and as logfmt or JSON for programs. What repeats is
// collapsed into one line that says how often, so that neither an outage nor a
// stranger fills the log, and the last lines are kept for the status page.
//
// Who logs sees to it that no SQL, parameter or secret is in what it logs.
package logs
