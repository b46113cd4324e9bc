// Package template reads template.yaml, so that the laptop stack takes its
// rules and requests from the very file that is deployed.
//
// A template is read as SAM writes it: short forms (!Ref, !Sub, !If …) become
// their long forms, and a reference becomes its value where one is known: given
// to Load, or the parameter's default. What is known only after a deployment
// stays a symbol, "${Name}" or "${Name.Attribute}". Conditions are not decided:
// an Fn::If keeps both of its branches.
//
// Rules understand the part of EventBridge's patterns that is documented on
// Pattern. Anything else is refused on loading: a rule that the stack read
// wrongly would be worse than none.
package template

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is a loaded template.
type Template struct {
	root  map[string]any
	rules []Rule
}

// Rule sends the events that its pattern matches to a function.
type Rule struct {
	// Function is the function's logical id.
	Function string
	// Pattern says which events.
	Pattern Pattern
}

// Load reads the template at path. values gives what a name stands for: a
// parameter's value, a resource's (what !Ref of it returns) or a pseudo
// parameter's. A parameter without a value has its default. A name that the
// template does not have is an error, and so is a rule whose pattern needs a
// name without a value.
func Load(path string, values map[string]string) (*Template, error) {
	t, err := load(path, values)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", path, err)
	}
	return t, nil
}

func load(path string, values map[string]string) (*Template, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, errors.New("the file is empty")
	}
	// Once without values, to learn the parameters and their defaults.
	bare, err := resolver(nil).mapping(document.Content[0])
	if err != nil {
		return nil, err
	}
	known, err := valuesOf(bare, values)
	if err != nil {
		return nil, err
	}
	t := &Template{}
	if t.root, err = resolver(known).mapping(document.Content[0]); err != nil {
		return nil, err
	}
	t.rules, err = t.readRules()
	return t, err
}

// valuesOf joins the defaults of the template's parameters with the values
// that were given.
func valuesOf(root map[string]any, given map[string]string) (map[string]string, error) {
	values := map[string]string{}
	parameters := child(root, "Parameters")
	for name := range parameters {
		if fallback, has := child(parameters, name)["Default"]; has {
			values[name] = fmt.Sprint(fallback)
		}
	}
	resources := child(root, "Resources")
	for name, value := range given {
		_, parameter := parameters[name]
		_, resource := resources[name]
		if !parameter && !resource && !strings.HasPrefix(name, "AWS::") {
			return nil, fmt.Errorf("there is no parameter or resource %q to give a value to", name)
		}
		values[name] = value
	}
	return values, nil
}

// Rules returns the EventBridge rules of all functions, ordered by function
// and then by the name of the event.
func (t *Template) Rules() []Rule { return slices.Clone(t.rules) }

func (t *Template) readRules() ([]Rule, error) {
	var rules []Rule
	err := t.events("EventBridgeRule", func(function, name string, properties map[string]any) error {
		pattern, err := newPattern(properties["Pattern"])
		if err != nil {
			return fmt.Errorf("rule %s of %s: %w", name, function, err)
		}
		rules = append(rules, Rule{Function: function, Pattern: pattern})
		return nil
	})
	return rules, err
}

// ScheduleInput returns the request that the function's schedule sends. A
// function with no schedule, or several, is an error.
func (t *Template) ScheduleInput(function string) (json.RawMessage, error) {
	var inputs []json.RawMessage
	err := t.events("ScheduleV2", func(of, name string, properties map[string]any) error {
		if of != function {
			return nil
		}
		input, isText := properties["Input"].(string)
		if !isText || !json.Valid([]byte(input)) {
			return fmt.Errorf("schedule %s of %s: Input is not the text of a JSON value", name, function)
		}
		inputs = append(inputs, json.RawMessage(input))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(inputs) != 1 {
		return nil, fmt.Errorf("function %s has %d schedules, want one", function, len(inputs))
	}
	return inputs[0], nil
}

// events calls visit with the properties of every event of that type.
func (t *Template) events(kind string, visit func(function, name string, properties map[string]any) error) error {
	resources := child(t.root, "Resources")
	for _, function := range slices.Sorted(maps.Keys(resources)) {
		resource := child(resources, function)
		if resource["Type"] != "AWS::Serverless::Function" {
			continue
		}
		events := child(child(resource, "Properties"), "Events")
		for _, name := range slices.Sorted(maps.Keys(events)) {
			event := child(events, name)
			if event["Type"] != kind {
				continue
			}
			if err := visit(function, name, child(event, "Properties")); err != nil {
				return err
			}
		}
	}
	return nil
}

// child returns the mapping under name; nil when there is none.
func child(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	return inner
}

// line says where in the file an error is.
func line(node *yaml.Node, err error) error {
	return fmt.Errorf("line %d: %w", cmp.Or(node.Line, 1), err)
}
