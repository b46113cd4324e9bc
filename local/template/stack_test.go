package template

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/trigger"
)

const root = "../.."

const bucket = "stagelift-stage"

// ours loads the template that is deployed.
func ours(t *testing.T) *Template {
	t.Helper()
	loaded, err := Load(filepath.Join(root, "template.yaml"), map[string]string{"StagingBucket": bucket})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "events", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// created is the event of a key's creation in the staging bucket.
func created(key string) []byte {
	return []byte(`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"` + bucket +
		`"},"object":{"key":"` + key + `"}}}`)
}

func TestRulesRouteEvents(t *testing.T) {
	t.Parallel()
	const folder = "stage/shop/public.Order%20Items/20261121T003000Z-7f3a91c2/"
	for name, test := range map[string]struct {
		event []byte
		want  []string
	}{
		"a receipt":            {sample(t, "load-receipt-eventbridge.json"), []string{"LoadFunction", "LoadSnowflakeFunction"}},
		"a headerless object":  {sample(t, "header-eventbridge.json"), []string{"HeaderFunction"}},
		"another bucket":       {sample(t, "refuse-foreign-bucket.json"), nil},
		"a deleted receipt":    {sample(t, "refuse-removed-event.json"), nil},
		"another source":       {sample(t, "refuse-foreign-event.json"), nil},
		"an escaped receipt":   {created(folder + "receipt.json"), []string{"LoadFunction", "LoadSnowflakeFunction"}},
		"a manifest":           {created(folder + "manifest.json"), nil},
		"a part":               {created(folder + "part-00000.csv.gz"), nil},
		"a load's outcome":     {created("stage/shop/_loads/7f3a.json"), nil},
		"an object headed":     {created("headed/customers_0000_part_00"), nil},
		"a receipt in unload/": {created("unload/receipt.json"), []string{"HeaderFunction"}},
		"a receipt elsewhere":  {created("other/shop/public.t/run/receipt.json"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, rule := range ours(t).Rules() {
				matches, err := rule.Pattern.Matches(test.event)
				if err != nil {
					t.Fatal(err)
				}
				if matches {
					got = append(got, rule.Function)
				}
			}
			diff(t, "functions woken", test.want, got)
		})
	}
}

func TestScheduleSendsTheSampleRequest(t *testing.T) {
	t.Parallel()
	input, err := ours(t).ScheduleInput("ExtractFunction")
	if err != nil {
		t.Fatal(err)
	}
	event, err := trigger.Decode(input)
	if err != nil || event.Kind != trigger.Direct {
		t.Fatalf("the schedule's input is a %s: %v", event.Kind, err)
	}
	var want, got any
	if err := json.Unmarshal(sample(t, "extract-schedule.json"), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(input, &got); err != nil {
		t.Fatal(err)
	}
	diff(t, "input", want, got)
}

// environmentTag finds the variables that a function reads.
var environmentTag = regexp.MustCompile("`env:\"([A-Z0-9_]+)([^\"]*)\"(?: envDefault:\"[^\"]*\")?`")

func TestFunctionsGetTheEnvironmentThatTheyRead(t *testing.T) {
	t.Parallel()
	for id, function := range functions(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			source := environmentSource(t, id)
			given := child(child(function, "Environment"), "Variables")
			read := map[string]bool{}
			for _, tag := range environmentTag.FindAllStringSubmatch(source, -1) {
				read[tag[1]] = true
				if _, has := given[tag[1]]; !has && strings.Contains(tag[2], "required") {
					t.Errorf("%s is required and not given", tag[1])
				}
			}
			for name := range given {
				if !read[name] {
					t.Errorf("%s is given and not read", name)
				}
			}
		})
	}
}

// environmentSource is where a function reads its environment. The two that
// load are one program, and each warehouse reads a part of its own.
func environmentSource(t *testing.T, id string) string {
	t.Helper()
	files := map[string][]string{
		"LoadFunction":          {"load/environment.go", "load/redshift.go"},
		"LoadSnowflakeFunction": {"load/environment.go", "load/snowflake.go"},
	}[id]
	if files == nil {
		files = []string{strings.ToLower(strings.TrimSuffix(id, "Function")) + "/environment.go"}
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, "functions", file))
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	return source.String()
}

// What belongs to a warehouse is there if the warehouse is, and else it is not.
func TestEachWarehouseIsLeftOutAsAWhole(t *testing.T) {
	t.Parallel()
	loaded := ours(t)
	alarms := map[string]string{"": "Alarm", "ToRedshift": "AlarmOfRedshift", "UseRoutes": "AlarmOfRoutes", "ToSnowflake": "AlarmOfSnowflake", "UseSnowflakeRoutes": "AlarmOfSnowflakeRoutes"}
	for _, section := range []string{"Resources", "Outputs"} {
		for id := range child(loaded.root, section) {
			condition, _ := child(child(loaded.root, section), id)["Condition"].(string)
			want := ""
			switch {
			case strings.HasPrefix(id, "LoadSnowflake"), id == "SnowflakeStageUrl":
				want = "ToSnowflake"
			case strings.HasPrefix(id, "Load"), section == "Outputs" && id == "CopyRole":
				want = "ToRedshift"
			case id == "CopyRole":
				want = "CreateCopyRole"
			case strings.HasPrefix(id, "Arriv"):
				want = "UseRoutes"
			case strings.HasPrefix(id, "SnowflakeArriv"):
				want = "UseSnowflakeRoutes"
			}
			if child(child(loaded.root, section), id)["Type"] == "AWS::CloudWatch::Alarm" {
				want = alarms[want]
			}
			if condition != want {
				t.Errorf("%s %s has condition %q, want %q", section, id, condition, want)
			}
		}
	}
	conditions := child(loaded.root, "Conditions")
	for _, name := range []string{"CreateCopyRole", "UseRoutes"} {
		parts := list(child(conditions, name)["Fn::And"])
		if len(parts) != 2 {
			t.Fatalf("%s is %v", name, conditions[name])
		}
		diff(t, name+" asks for", map[string]any{"Condition": "ToRedshift"}, parts[0])
	}
	diff(t, "UseSnowflakeRoutes asks for", []any{map[string]any{"Condition": "ToSnowflake"}, map[string]any{"Condition": "OverBucket"}},
		list(child(conditions, "UseSnowflakeRoutes")["Fn::And"])[:2])
	delete(alarms, "")
	for of, name := range alarms {
		diff(t, name+" asks for", []any{map[string]any{"Condition": "Alarm"}, map[string]any{"Condition": of}}, list(child(conditions, name)["Fn::And"]))
	}
}

func TestEveryFunctionSetsAsideWhatFails(t *testing.T) {
	t.Parallel()
	for id, function := range functions(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			queue := strings.TrimSuffix(id, "Function") + "Failures"
			onFailure := child(child(child(function, "EventInvokeConfig"), "DestinationConfig"), "OnFailure")
			diff(t, "on failure", map[string]any{"Type": "SQS", "Destination": "${" + queue + ".Arn}"}, onFailure)
			events := child(function, "Events")
			if len(events) == 0 {
				t.Error("no event wakes it")
			}
			for name := range events {
				properties := child(child(events, name), "Properties")
				diff(t, name+"'s queue", map[string]any{"Arn": "${" + queue + ".Arn}"}, child(properties, "DeadLetterConfig"))
				if len(child(properties, "RetryPolicy")) != 2 {
					t.Errorf("%s has no retry policy of its own: %v", name, properties["RetryPolicy"])
				}
			}
			checkQueue(t, ours(t), queue)
		})
	}
}

func checkQueue(t *testing.T, loaded *Template, id string) {
	t.Helper()
	diff(t, id, map[string]any{"MessageRetentionPeriod": 14 * 24 * 3600, "SqsManagedSseEnabled": true}, properties(loaded, id))
	policy := properties(loaded, id+"Policy")
	diff(t, "queues of the policy", []any{"${" + id + "}"}, policy["Queues"])
	checkTLSOnly(t, child(policy, "PolicyDocument"))
}

// checkTLSOnly wants a document's first statement to deny what is not sent
// over TLS.
func checkTLSOnly(t *testing.T, document map[string]any) {
	t.Helper()
	statements := statementsOf(document)
	if len(statements) == 0 {
		t.Fatal("no statements")
	}
	first := statements[0]
	diff(t, "effect and condition", []any{"Deny", "*", map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}},
		[]any{first["Effect"], first["Principal"], first["Condition"]})
}

func functions(t *testing.T) map[string]map[string]any {
	t.Helper()
	loaded, found := ours(t), map[string]map[string]any{}
	for id := range child(loaded.root, "Resources") {
		if child(child(loaded.root, "Resources"), id)["Type"] == "AWS::Serverless::Function" {
			found[id] = properties(loaded, id)
		}
	}
	diff(t, "functions", []string{"ExtractFunction", "HeaderFunction", "LoadFunction", "LoadSnowflakeFunction"}, slices.Sorted(maps.Keys(found)))
	return found
}

func properties(loaded *Template, id string) map[string]any {
	return child(child(child(loaded.root, "Resources"), id), "Properties")
}

// statementsOf returns a policy's statements, those behind a condition too.
func statementsOf(document map[string]any) []map[string]any {
	var statements []map[string]any
	var collect func(any)
	collect = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, element := range value {
				collect(element)
			}
		case map[string]any:
			if value["Effect"] != nil {
				statements = append(statements, value)
			}
			collect(value["Fn::If"])
		}
	}
	collect(document["Statement"])
	return statements
}
