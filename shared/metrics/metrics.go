// Package metrics writes CloudWatch metrics as lines of log, in the embedded
// metric format: CloudWatch Logs reads them from what a function prints, so
// that no call is made and nothing is lost when the function is frozen
// (CloudWatch user guide, "Specification: Embedded metric format").
//
// A line is one moment of one thing: its dimensions say what, its values how
// much. Values that the same dimensions get at different moments are what
// CloudWatch adds up.
package metrics

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Unit is a unit of CloudWatch's.
type Unit string

// The units that are used.
const (
	Count   Unit = "Count"
	Bytes   Unit = "Bytes"
	Seconds Unit = "Seconds"
)

// Dimension tells one stream of values from another. CloudWatch keeps, and
// bills, each combination of names and values by itself.
type Dimension struct{ Name, Value string }

// Metric is one value.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64
}

// Writer writes metrics of one namespace. A nil Writer writes nothing. It is
// safe for concurrent use as far as Out is.
type Writer struct {
	// Out is the function's standard output. Each line is one Write.
	Out io.Writer
	// Namespace is what CloudWatch files the metrics under.
	Namespace string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name string
	Unit Unit
}

// Write writes one line. At most 30 dimensions and 100 metrics are allowed, all
// of different names.
func (w *Writer) Write(dimensions []Dimension, list ...Metric) error {
	if w == nil {
		return nil
	}
	line, err := w.line(dimensions, list)
	if err != nil {
		return fmt.Errorf("encoding metrics: %w", err)
	}
	if _, err := w.Out.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	return nil
}

func (w *Writer) line(dimensions []Dimension, list []Metric) ([]byte, error) {
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	d := directive{Namespace: w.Namespace, Dimensions: [][]string{{}}}
	members := map[string]any{}
	for _, dimension := range dimensions {
		d.Dimensions[0] = append(d.Dimensions[0], dimension.Name)
		members[dimension.Name] = dimension.Value
	}
	for _, metric := range list {
		d.Metrics = append(d.Metrics, definition{metric.Name, metric.Unit})
		members[metric.Name] = metric.Value
	}
	if len(members) != len(dimensions)+len(list) {
		return nil, fmt.Errorf("a name is used twice among %v and %v", dimensions, list)
	}
	members["_aws"] = map[string]any{"Timestamp": now().UnixMilli(), "CloudWatchMetrics": []directive{d}}
	return json.Marshal(members)
}
