// Package strict is the one way in which JSON that means something to us is read:
// requests, and the documents that runs leave for each other.
//
// encoding/json takes much that is almost right: a field that there is not, a
// name in another case, a name given twice, null, a number that loses digits,
// text that is not UTF-8. Each could change what a document means without a word.
//
// Promised: what is decoded is what was written, or an error that names every
// field that is wrong, what was got, and the fields there are. No error holds the
// value.
package strict

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Decode reads a JSON object into the struct that into points to. A field that
// there is not, a name in another case, a name given twice, null, a value of
// another kind, anything after the object's end are refused.
//
// A field left out keeps the value that it has. Fields are told by their json
// tags, at any depth, and are of strings, numbers, bools, lists, structs and
// maps by string of these, and types that unmarshal themselves; embedded
// structs are not flattened. After an error the struct is not to be used.
func Decode(raw []byte, into any) error {
	target := reflect.TypeOf(into)
	if target == nil || target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("into is %T, want a pointer to a struct", into)
	}
	if err := Valid(raw); err != nil {
		return err
	}
	if err := errors.Join(mismatches("", raw, target.Elem())...); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return Wording(err)
	}
	return nil
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// mismatches compares a value with the type that it is meant for.
func mismatches(path string, raw json.RawMessage, t reflect.Type) []error {
	got := KindOf(raw)
	if got == "null" {
		return []error{at(path, errors.New("got null; leave the field out instead"))}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if pointer := reflect.PointerTo(t); pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler) {
		return nil
	}
	if want := wants(t); got != want {
		return []error{at(path, fmt.Errorf("got %s, want %s", got, want))}
	}
	switch t.Kind() {
	case reflect.Struct:
		return memberMismatches(path, raw, t)
	case reflect.Map:
		return entryMismatches(path, raw, t.Elem())
	case reflect.Slice, reflect.Array:
		return elementMismatches(path, raw, t.Elem())
	default:
		return nil
	}
}

// entryMismatches compares an object whose names are the caller's own, as those
// of tables are.
func entryMismatches(path string, raw json.RawMessage, t reflect.Type) []error {
	list, err := Members(raw)
	if err != nil {
		return []error{at(path, err)}
	}
	var problems []error
	for _, m := range list {
		problems = append(problems, mismatches(fmt.Sprintf("%s[%s]", path, Short(m.Name)), m.Value, t)...)
	}
	return problems
}

func memberMismatches(path string, raw json.RawMessage, t reflect.Type) []error {
	list, err := Members(raw)
	if err != nil {
		return []error{at(path, err)}
	}
	names, types := fieldsOf(t)
	var problems []error
	for _, m := range list {
		field, known := types[m.Name]
		if !known {
			problems = append(problems, at(path, fmt.Errorf("no field %s; there are %s", Short(m.Name), strings.Join(names, ", "))))
			continue
		}
		problems = append(problems, mismatches(join(path, m.Name), m.Value, field)...)
	}
	return problems
}

func elementMismatches(path string, raw json.RawMessage, t reflect.Type) []error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return []error{at(path, err)}
	}
	var problems []error
	for i, element := range list {
		problems = append(problems, mismatches(fmt.Sprintf("%s[%d]", path, i), element, t)...)
	}
	return problems
}

// fieldsOf returns the JSON names of a struct's fields in their order, and
// their types.
func fieldsOf(t reflect.Type) ([]string, map[string]reflect.Type) {
	names, types := make([]string, 0, t.NumField()), make(map[string]reflect.Type, t.NumField())
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		names = append(names, name)
		types[name] = field.Type
	}
	return names, types
}

// wants names the kind of JSON value, in the words of kindOf, that t is read
// from.
func wants(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	default:
		return "number"
	}
}

// Wording says what encoding/json found without the Go types, and without the
// value, which may be of any length.
func Wording(err error) error {
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	got, _, _ := strings.Cut(mismatch.Value, " ")
	if ours, other := map[string]string{"string": "text", "array": "list", "bool": "true or false"}[got]; other {
		got = ours
	}
	switch mismatch.Type.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint, reflect.Uint64, reflect.Uint32:
		return at(mismatch.Field, fmt.Errorf("got %s, want a whole number that fits", got))
	default:
		return at(mismatch.Field, fmt.Errorf("got %s, want %s", got, wants(mismatch.Type)))
	}
}

func at(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("field %s: %w", path, err)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
