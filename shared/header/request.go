package header

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/strict"
)

// Request asks for one object, for several, or for several made into one. One of
// Key, Keys, Prefix and Manifest says which.
type Request struct {
	Bucket string `json:"bucket,omitempty"`
	// Key is one object. If it is the manifest of an UNLOAD, it stands for what
	// the manifest lists.
	Key string `json:"key,omitempty"`
	// Keys are several, in the order in which they are merged.
	Keys []string `json:"keys,omitempty"`
	// Prefix is all objects below it, in the order of their keys.
	Prefix string `json:"prefix,omitempty"`
	// Manifest is the key of a manifest, whatever its name, in the same bucket.
	Manifest string `json:"manifest,omitempty"`

	// Header lists column names; empty looks for them elsewhere (see Job).
	Header []string `json:"header,omitempty"`
	// Delimiter is between names, one character; empty is as the data has it.
	Delimiter string `json:"delimiter,omitempty"`
	// Quote is round names that need it; empty is the double quote. "none"
	// refuses such names.
	Quote string `json:"quote,omitempty"`
	// LineEnding is lf or crlf; empty is as the data has it.
	LineEnding string `json:"line_ending,omitempty"`
	// BOM says whether a byte order mark begins the copy; without it, it does if
	// it begins the data.
	BOM *bool `json:"bom,omitempty"`

	// Merge makes one object of all.
	Merge bool `json:"merge,omitempty"`
	// Rewrite decompresses and compresses again what is compressed, so that the
	// copy is one member. All of it passes through the function.
	Rewrite bool `json:"rewrite,omitempty"`

	// Destination is where copies go; what is empty is filled in.
	Destination Destination `json:"destination,omitzero"`
	// IfExists says what to do if there is another object in the copy's place:
	// replace it, which is what empty means, skip, or fail.
	IfExists string `json:"if_exists,omitempty"`
	// After says what becomes of a source once its copy is verified.
	After After `json:"after,omitzero"`

	// Continue is filled in by an answer that has a continuation.
	Continue Continue `json:"continue,omitzero"`
}

// Destination names the copy.
type Destination struct {
	Bucket string `json:"bucket,omitempty"`
	// Key may hold {prefix}, the function's destination prefix; {key}, the
	// source's key below the function's source prefix; {name}, what comes after
	// the key's last slash. Empty is {prefix}{key}. A merge of a manifest has the
	// manifest's key for its source's, without the word and what joins it.
	Key string `json:"key,omitempty"`
}

// After is what becomes of a source. The zero value leaves it alone.
type After struct {
	// Delete deletes it, unless it has changed meanwhile.
	Delete bool `json:"delete,omitempty"`
	// Tag adds a tag to it.
	Tag Tag `json:"tag,omitzero"`
}

// Tag is a tag of an object; without a key it is none.
type Tag struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

// Continue is how far an invocation came.
type Continue struct {
	// From is the place among the keys or the manifest's entries, from 0.
	From int `json:"from,omitempty"`
	// After is the last key of a prefix that was done.
	After string `json:"after,omitempty"`
	// Upload is the multipart upload under way, and Recipe what it is of.
	Upload string `json:"upload,omitempty"`
	Recipe string `json:"recipe,omitempty"`
}

// What IfExists may be.
const (
	existsReplace = "replace"
	existsSkip    = "skip"
	existsFail    = "fail"
)

// decodeRequest reads a direct request.
func decodeRequest(raw json.RawMessage) (Request, error) {
	var r Request
	if err := strict.Decode(raw, &r); err != nil {
		return r, fmt.Errorf("reading the header request: %w", err)
	}
	if err := errors.Join(r.places(), r.check()); err != nil {
		return r, fmt.Errorf("reading the header request: %w", err)
	}
	return r, nil
}

// ParseOptions reads what requests made of events have in common: a request that
// names no objects and no continuation. Empty is the zero request.
func ParseOptions(text string) (Request, error) {
	var r Request
	if text == "" {
		return r, nil
	}
	if err := strict.Decode([]byte(text), &r); err != nil {
		return r, fmt.Errorf("reading the header options: %w", err)
	}
	err := r.check()
	if r.Bucket != "" || r.named() != 0 || r.Continue != (Continue{}) {
		err = errors.Join(err, errors.New("bucket, key, keys, prefix, manifest and continue belong into requests; events name their objects"))
	}
	if strings.Contains(r.Destination.Key, "{") == (r.Destination.Key == "") {
		err = errors.Join(err, fmt.Errorf("destination.key is %q for every event; put {key} or {name} into it", r.Destination.Key))
	}
	if err != nil {
		return r, fmt.Errorf("reading the header options: %w", err)
	}
	return r, nil
}

// named counts the ways in which objects are named.
func (r *Request) named() int {
	n := 0
	for _, named := range []bool{r.Key != "", len(r.Keys) > 0, r.Prefix != "", r.Manifest != ""} {
		if named {
			n++
		}
	}
	return n
}

// places checks what a request names.
func (r *Request) places() error {
	var problems []error
	if r.Bucket == "" || r.named() == 0 {
		problems = append(problems, errors.New("bucket and key are both needed; in place of key there may be keys, prefix or manifest"))
	}
	if r.named() > 1 {
		problems = append(problems, errors.New("give one of key, keys, prefix and manifest"))
	}
	if r.Merge && (len(r.Keys) > 0 || r.Prefix != "") && r.Destination.Key == "" {
		problems = append(problems, errors.New("merging keys or a prefix: destination.key is needed"))
	}
	if several := len(r.Keys) > 1 || r.Prefix != ""; several && !r.Merge && r.Destination.Key != "" && !strings.Contains(r.Destination.Key, "{") {
		problems = append(problems, fmt.Errorf("destination.key is %q for several objects; put {key} or {name} into it", r.Destination.Key))
	}
	if r.Continue.From < 0 {
		problems = append(problems, fmt.Errorf("continue.from is %d", r.Continue.From))
	}
	return errors.Join(problems...)
}

// check checks how a request wants things done.
func (r *Request) check() error {
	problems := []error{r.checkText(), checkTemplate(r.Destination.Key)}
	switch r.IfExists {
	case "", existsReplace, existsSkip, existsFail:
	default:
		problems = append(problems, fmt.Errorf("if_exists is %q, want replace, skip or fail", r.IfExists))
	}
	if r.After.Delete && r.After.Tag != (Tag{}) {
		problems = append(problems, errors.New("after: delete and tag exclude each other"))
	}
	if r.After.Tag.Key == "" && r.After.Tag.Value != "" {
		problems = append(problems, errors.New("after.tag has a value and no key"))
	}
	return errors.Join(problems...)
}

func (r *Request) checkText() error {
	var problems []error
	if err := oneCharacter(r.Delimiter); err != nil {
		problems = append(problems, fmt.Errorf("delimiter: %w", err))
	}
	if r.Quote != quoteNone {
		if err := oneCharacter(r.Quote); err != nil {
			problems = append(problems, fmt.Errorf("quote: %w; or \"none\"", err))
		}
	}
	if r.Delimiter != "" && r.Delimiter == r.quote() {
		problems = append(problems, fmt.Errorf("delimiter and quote are both %q", r.Delimiter))
	}
	switch r.LineEnding {
	case "", "lf", "crlf":
	default:
		problems = append(problems, fmt.Errorf("line_ending is %q, want lf or crlf", r.LineEnding))
	}
	return errors.Join(problems...)
}
