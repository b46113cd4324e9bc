package template

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolver turns YAML into maps, lists and scalars, with references replaced
// by the values that it holds.
type resolver map[string]string

func (r resolver) mapping(node *yaml.Node) (map[string]any, error) {
	value, err := r.value(node)
	if err != nil {
		return nil, err
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, line(node, errors.New("want a mapping"))
	}
	return m, nil
}

// value resolves a node together with its short-form function, if it has one.
func (r resolver) value(node *yaml.Node) (any, error) {
	switch {
	case node.Tag == "!Ref" && node.Kind == yaml.ScalarNode:
		return r.ref(node.Value), nil
	case node.Tag == "!GetAtt" && node.Kind == yaml.ScalarNode:
		return symbol(node.Value), nil
	case node.Tag == "!Sub" && node.Kind == yaml.ScalarNode:
		return r.substitute(node.Value), nil
	case node.Tag == "!Condition":
		return map[string]any{"Condition": node.Value}, nil
	case strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!"):
		plain, err := r.plain(node)
		return map[string]any{"Fn::" + node.Tag[1:]: plain}, err
	}
	return r.plain(node)
}

// plain resolves a node without regard to its tag.
func (r resolver) plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(node.Content)/2)
		for i := 0; i < len(node.Content); i += 2 {
			name := node.Content[i].Value
			if _, twice := m[name]; twice {
				return nil, line(node.Content[i], fmt.Errorf("%q is given twice", name))
			}
			value, err := r.value(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[name] = value
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, element := range node.Content {
			var err error
			if list[i], err = r.value(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.ScalarNode:
		if !strings.HasPrefix(node.Tag, "!!") {
			return node.Value, nil
		}
		var scalar any
		if err := node.Decode(&scalar); err != nil {
			return nil, line(node, err)
		}
		return scalar, nil
	default:
		return nil, line(node, errors.New("anchors and aliases are not read"))
	}
}

func (r resolver) ref(name string) string {
	if value, known := r[name]; known {
		return value
	}
	return symbol(name)
}

var reference = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// substitute fills in the references of an Fn::Sub. "${!x}", which stands for
// the text "${x}", is left as it is.
func (r resolver) substitute(text string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		return r.ref(found[len("${") : len(found)-len("}")])
	})
}

func symbol(name string) string { return "${" + name + "}" }
