package storm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keep writes down what is known of a round: its script, what was asked and
// answered, what the functions logged, what was found, and what lies in the
// bucket.
func (l *lane) keep(ctx context.Context, folder string, s script, p *played, v verdict, failure error) error {
	dir := filepath.Join(folder, fmt.Sprintf("seed-%d-round-%d", s.Seed, s.Round))
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	script, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	var found, said strings.Builder
	for _, f := range v.findings {
		_, _ = fmt.Fprintln(&found, f)
	}
	if failure != nil {
		_, _ = fmt.Fprintln(&found, "the storm itself:", failure)
	}
	for _, a := range p.answers {
		_, _ = fmt.Fprintf(&said, "%s after %s, to %s, %v\n%s\n%s\n\n", a.Function, a.After, a.Before, a.Took, a.Request, a.Payload)
	}
	files := map[string]string{
		"script.json": string(script), "setup.sql": strings.Join(s.setup(), ";\n") + ";\n", "findings.txt": found.String(),
		"calls.txt": said.String(), "function.log": p.log, "refused-changes.txt": strings.Join(p.refusals, "\n"),
	}
	keys, err := l.keys(ctx)
	for _, key := range keys {
		data, getErr := l.Get(ctx, key)
		err = errors.Join(err, getErr)
		files["bucket/"+strings.ReplaceAll(strings.TrimPrefix(key, l.stagedPrefix()), "/", " ")] = string(data)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	return err
}
