package server

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// strategy lets everything pass: what K10 would refuse is mostly unknown, and a
// refusal invented here would hide an attack from the tests.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind kinds.Kind
}

func newStrategy(scheme *runtime.Scheme, kind kinds.Kind) strategy {
	return strategy{ObjectTyper: scheme, NameGenerator: names.SimpleNameGenerator, kind: kind}
}

func (s strategy) NamespaceScoped() bool                                          { return s.kind.Namespaced }
func (strategy) AllowCreateOnUpdate(context.Context) bool                         { return false }
func (strategy) AllowUnconditionalUpdate(context.Context) bool                    { return true }
func (strategy) Canonicalize(runtime.Object)                                      {}
func (strategy) PrepareForUpdate(context.Context, runtime.Object, runtime.Object) {}
func (strategy) Validate(context.Context, runtime.Object) field.ErrorList         { return nil }
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string        { return nil }
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}
func (strategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}

// PrepareForCreate gives the first status, which clients cannot choose.
func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	now := time.Now().UTC().Format(time.RFC3339)
	body := obj.(kinds.Thing).Fields()
	switch {
	case s.kind.Resource == "passkeys":
		body.Status = map[string]any{"valid": true, "state": "Added to Catalog"}
	case s.kind.Resource == "runactions":
		body.Status = map[string]any{"state": "Running", "startTime": now}
	case s.kind.Family == "actions":
		body.Status = map[string]any{"state": "Complete", "startTime": now, "endTime": now}
	}
}
