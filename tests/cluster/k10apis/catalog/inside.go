package catalog

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apiserver/pkg/storage"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// What K10 does inside its own catalog goes through these: no request, no
// audit event, but every watch sees it.

// Stamp gives an object the identity the API server gives to created ones.
func Stamp(object kinds.Thing, created metav1.Time) kinds.Thing {
	object.SetUID(uuid.NewUUID())
	object.SetCreationTimestamp(created)
	return object
}

// Make adds an object.
func (t *Table) Make(ctx context.Context, object kinds.Thing) error {
	Stamp(object, metav1.Now())
	return t.Create(ctx, t.Key(object), object, t.Kind.New(), 0)
}

// Drop removes an object if it is there.
func (t *Table) Drop(ctx context.Context, namespace, name string) error {
	object := t.Kind.New()
	object.SetNamespace(namespace)
	object.SetName(name)
	anything := func(context.Context, runtime.Object) error { return nil }
	err := t.Delete(ctx, t.Key(object), t.Kind.New(), nil, anything, nil, storage.DeleteOptions{})
	if storage.IsNotFound(err) {
		return nil
	}
	return err
}

// Edit changes an object if it is there.
func (t *Table) Edit(ctx context.Context, namespace, name string, change func(kinds.Thing)) error {
	object := t.Kind.New()
	object.SetNamespace(namespace)
	object.SetName(name)
	update := func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		change(input.(kinds.Thing))
		return input, nil, nil
	}
	err := t.GuaranteedUpdate(ctx, t.Key(object), t.Kind.New(), false, nil, update, nil)
	if storage.IsNotFound(err) {
		return nil
	}
	return err
}
