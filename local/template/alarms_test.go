package template

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryQueueHasAnAlarm: what is set aside waits for somebody, so somebody
// must be told, and must find what to do.
func TestEveryQueueHasAnAlarm(t *testing.T) {
	t.Parallel()
	loaded := ours(t)
	operating, err := os.ReadFile(filepath.Join(root, "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	var queues, watched []string
	resources := child(loaded.root, "Resources")
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		resource := child(resources, name)
		properties := child(resource, "Properties")
		switch resource["Type"] {
		case "AWS::SQS::Queue":
			queues = append(queues, name)
		case "AWS::CloudWatch::Alarm":
			for _, dimension := range properties["Dimensions"].([]any) {
				value, _ := dimension.(map[string]any)["Value"].(string)
				watched = append(watched, strings.TrimSuffix(strings.TrimPrefix(value, "${"), ".QueueName}"))
			}
			if !strings.Contains(string(operating), "`"+name+"`") {
				t.Errorf("docs/operating.md does not say what the alarm %s means", name)
			}
			diff(t, "missing data of "+name, "notBreaching", properties["TreatMissingData"])
		}
	}
	slices.Sort(watched)
	diff(t, "queues with an alarm", queues, watched)
}
