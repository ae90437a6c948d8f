// Command monitoring reads what a chart makes for the Prometheus operator, as that operator and Prometheus read it.
//
// Standard input: objects, YAML. Each must be an object of the operator's own types and have no other field; rules
// must be rules to Prometheus, whose parser reads every expression. Each object is named; exit code 1 and the reasons
// where one is refused.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

func main() {
	refused := false
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		name, problems := "standard input", []error{err}
		if err == nil {
			name, problems = check(document)
		}
		for _, problem := range problems {
			if problem != nil {
				refused = true
				fmt.Fprintf(os.Stderr, "%s: %v\n", name, problem)
			}
		}
		fmt.Println(name)
	}
	if refused {
		os.Exit(1)
	}
}

// check returns what the object calls itself, and why it is refused.
func check(document []byte) (string, []error) {
	var head metav1.PartialObjectMetadata
	if err := strict.Unmarshal(document, &head); err != nil {
		return "an object", []error{err}
	}
	name := head.Kind + "/" + head.Name
	switch head.Kind {
	case monitoring.ServiceMonitorsKind:
		return name, []error{strict.UnmarshalStrict(document, &monitoring.ServiceMonitor{})}
	case monitoring.PrometheusRuleKind:
		return name, rules(document)
	default:
		return name, []error{errors.New("neither a ServiceMonitor nor a PrometheusRule")}
	}
}

func rules(document []byte) []error {
	var rule monitoring.PrometheusRule
	if err := strict.UnmarshalStrict(document, &rule); err != nil {
		return []error{err}
	}
	groups, err := strict.Marshal(rule.Spec)
	if err != nil {
		return []error{err}
	}
	_, problems := rulefmt.Parse(groups, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
	return problems
}
