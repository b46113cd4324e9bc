package header

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
)

// placeholder is what a template may hold, and what looks like it.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func checkTemplate(key string) error {
	for _, found := range placeholder.FindAllString(key, -1) {
		switch found {
		case "{prefix}", "{key}", "{name}":
		default:
			return fmt.Errorf("destination.key has %s; there are {prefix}, {key} and {name}", found)
		}
	}
	return nil
}

// split cuts a key behind its last slash.
func split(key string) (folder, name string) {
	at := strings.LastIndexByte(key, '/') + 1
	return key[:at], key[at:]
}

// destination says where the copy of an object with the given key goes. A
// template must not lead to what the job reads; a key that a request spells out
// may, since the mark keeps the copy from being copied.
func (j *Job) destination(r *Request, key string) (object.Location, error) {
	rest, below := strings.CutPrefix(key, j.Source.Prefix)
	below = below && r.Bucket == j.Source.Bucket
	template := cmp.Or(r.Destination.Key, "{prefix}{key}")
	if !below && strings.Contains(template, "{key}") {
		return object.Location{}, fmt.Errorf("it is not below s3://%s/%s, so the request must give destination.key, without {key}", j.Source.Bucket, j.Source.Prefix)
	}
	_, name := split(key)
	to := object.Location{
		Bucket: cmp.Or(r.Destination.Bucket, j.Destination.Bucket),
		Key:    strings.NewReplacer("{prefix}", j.Destination.Prefix, "{key}", rest, "{name}", name).Replace(template),
	}
	switch {
	case to.Key == "":
		return to, fmt.Errorf("its copy would be %s, which is no object's name; name another key", to)
	case to.Bucket == r.Bucket && to.Key == key:
		return to, errors.New("the destination is the source itself; name another key")
	case strings.Contains(template, "{") && to.Bucket == j.Source.Bucket && strings.HasPrefix(to.Key, j.Source.Prefix):
		return to, fmt.Errorf("its copy would be %s, among the objects that are read, and might replace one of them; name another key", to)
	}
	return to, nil
}
