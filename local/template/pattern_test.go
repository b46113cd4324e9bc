package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func parse(t testing.TB, pattern string) (Pattern, error) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(pattern), &document); err != nil {
		t.Fatal(err)
	}
	value, err := resolver(nil).value(document.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return newPattern(value)
}

func TestPatternMatches(t *testing.T) {
	t.Parallel()
	const event = `{"source":"aws.s3","size":7,"resources":["arn:a","arn:b"],"detail":{"object":{"key":"stage/a+b/r.json"}},"empty":""}`
	for name, test := range map[string]struct {
		pattern string
		want    bool
	}{
		"an exact text":                       {`source: [aws.s3]`, true},
		"one of several texts":                {`source: [aws.ec2, aws.s3]`, true},
		"another text":                        {`source: [aws.ec2]`, false},
		"a text in another case":              {`source: [AWS.S3]`, false},
		"a field that is not there":           {`account: ["1"]`, false},
		"two fields of which one differs":     {`{source: [aws.s3], empty: [full]}`, false},
		"the empty text":                      {`empty: [""]`, true},
		"a text where the event has a number": {`size: ["7"]`, false},
		"a nested field":                      {`detail: {object: {key: [stage/a+b/r.json]}}`, true},
		"a nested field that is not there":    {`detail: {bucket: {name: [b]}}`, false},
		"an object where the event has text":  {`source: {name: [aws.s3]}`, false},
		"text where the event has an object":  {`detail: [aws.s3]`, false},
		"an element of a list":                {`resources: ["arn:b"]`, true},
		"no element of a list":                {`resources: ["arn:c"]`, false},
		"a prefix":                            {`detail: {object: {key: [{prefix: stage/}]}}`, true},
		"another prefix":                      {`detail: {object: {key: [{prefix: tage/}]}}`, false},
		"a suffix":                            {`detail: {object: {key: [{suffix: .json}]}}`, true},
		"another suffix":                      {`detail: {object: {key: [{suffix: .jso}]}}`, false},
		"a wildcard":                          {`detail: {object: {key: [{wildcard: "stage/*.json"}]}}`, true},
		"a wildcard over a slash":             {`detail: {object: {key: [{wildcard: "*r.json"}]}}`, true},
		"a wildcard with signs of its own":    {`detail: {object: {key: [{wildcard: "*a+b*"}]}}`, true},
		"a wildcard that ends too early":      {`detail: {object: {key: [{wildcard: "stage/*/r"}]}}`, false},
		"a wildcard whose dot is a dot":       {`detail: {object: {key: [{wildcard: "*r?json"}]}}`, false},
		"a wildcard with an escaped star":     {`detail: {object: {key: [{wildcard: 'stage/\*'}]}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pattern, err := parse(t, test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pattern.Matches([]byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("matches is %t, want %t", got, test.want)
			}
		})
	}
}

func TestWildcardEscapes(t *testing.T) {
	t.Parallel()
	pattern, err := parse(t, `key: [{wildcard: 'a\*\\*'}]`)
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]bool{
		`{"key":"a*\\"}`:         true,
		`{"key":"a*\\\n.ключ"}`:  true,
		`{"key":"ab\\"}`:         false,
		`{"key":"a*"}`:           false,
		`{"key":"a*\\","b":"c"}`: true,
	} {
		if got, err := pattern.Matches([]byte(event)); err != nil || got != want {
			t.Errorf("matches of %s is %t, %v, want %t", event, got, err, want)
		}
	}
}

func TestMatchesRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	pattern, err := parse(t, `source: [aws.s3]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `null`, `[]`, `{`} {
		if _, err := pattern.Matches([]byte(event)); err == nil {
			t.Errorf("%q was taken for an event", event)
		}
	}
}

func TestPatternRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ pattern, want string }{
		"anything-but":                  {`source: [{anything-but: aws.s3}]`, "operator anything-but is not known"},
		"anything-but of an object":     {`source: [{anything-but: {prefix: a}}]`, "operator anything-but of"},
		"a prefix in any case":          {`source: [{prefix: {equals-ignore-case: a}}]`, "operator prefix of"},
		"exists":                        {`source: [{exists: true}]`, "operator exists of true"},
		"$or":                           {`$or: [{source: [a]}]`, "operator $or is not known"},
		"a number":                      {`size: [7]`, "alternative 7 is not known"},
		"two operators at once":         {`key: [{prefix: a, suffix: b}]`, "is not known here"},
		"a text without a list":         {`source: aws.s3`, "field source: got aws.s3, want an object or a list"},
		"an empty list":                 {`source: []`, "an empty list"},
		"an empty object":               {`detail: {}`, "field detail: a pattern with no field"},
		"two stars in a row":            {`key: [{wildcard: "a/**/b"}]`, "two * in a row"},
		"an escape of another sign":     {`key: [{wildcard: 'a\b'}]`, "escapes something else"},
		"a reference without a value":   {`key: [!Ref Bucket]`, "${Bucket} has no value"},
		"a reference inside a wildcard": {`key: [{wildcard: !Sub "${Prefix}*"}]`, "${Prefix} has no value"},
		"a function":                    {`key: [!Join [a, [b]]]`, "operator Fn::Join of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, test.pattern)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestLoadResolves(t *testing.T) {
	t.Parallel()
	loaded, err := Load(write(t, `
Parameters:
  Prefix: {Type: String, Default: stage/}
  Host: {Type: String}
  Port: {Type: Number, Default: 5432}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      A: !Ref Prefix
      B: !Sub "${Prefix}*/${Host}:${Port}"
      C: !GetAtt Bucket.Arn
      D: !If [Known, !Ref Bucket, !Ref AWS::NoValue]
      E: !Sub "${Bucket.Arn}/${!Literal}"
      F: 7
`), map[string]string{"Bucket": "b", "AWS::NoValue": ""})
	if err != nil {
		t.Fatal(err)
	}
	got := child(child(child(loaded.root, "Resources"), "Bucket"), "Properties")
	diff(t, "properties", map[string]any{
		"A": "stage/", "B": "stage/*/${Host}:5432", "C": "${Bucket.Arn}",
		"D": map[string]any{"Fn::If": []any{"Known", "b", ""}}, "E": "${Bucket.Arn}/${!Literal}", "F": 7,
	}, got)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text   string
		values map[string]string
		want   string
	}{
		"an unknown name":        {"Resources: {}", map[string]string{"Bucket": "b"}, `no parameter or resource "Bucket"`},
		"a name given twice":     {"Resources:\n  A: {}\n  A: {}\n", nil, `line 3: "A" is given twice`},
		"what is no mapping":     {"[]", nil, "line 1: want a mapping"},
		"an empty file":          {"", nil, "the file is empty"},
		"what is no YAML":        {"a: [", nil, "yaml: "},
		"an alias":               {"A: &a {}\nB: *a\n", nil, "line 2: anchors and aliases are not read"},
		"a rule without pattern": {functionWith("{Type: EventBridgeRule, Properties: {}}"), nil, "rule E of F: got <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, test.text), test.values)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestScheduleInputRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ event, want string }{
		"no schedule":         {"{Type: EventBridgeRule, Properties: {Pattern: {source: [a]}}}", "function F has 0 schedules"},
		"an input of no JSON": {"{Type: ScheduleV2, Properties: {Input: x}}", "Input is not the text of a JSON value"},
		"no input":            {"{Type: ScheduleV2, Properties: {}}", "Input is not the text of a JSON value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loaded, err := Load(write(t, functionWith(test.event)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = loaded.ScheduleInput("F"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want it to say %q", err, test.want)
			}
		})
	}
}

func functionWith(event string) string {
	return "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {E: " + event + "}}}}"
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
