package metrics

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
)

// page is the status page, whole: it loads nothing but status.json.
//
//go:embed page.html
var page []byte

// pagePolicy allows the page its own style and script, by their hashes, and to
// ask where it came from. Nothing else runs or is loaded, and no other site may
// show it in a frame.
var pagePolicy = "default-src 'none'; style-src '" + hashOf("style") + "'; script-src '" + hashOf("script") +
	"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// hashOf is the hash, as a policy names it, of what stands in the page's only
// element of that name.
func hashOf(element string) string {
	_, rest, found := bytes.Cut(page, []byte("<"+element+">"))
	text, _, ends := bytes.Cut(rest, []byte("</"+element+">"))
	if !found || !ends {
		panic("BUG: the status page has no " + element)
	}
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page)
}
