package catalog

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

var _ storage.Interface = (*Table)(nil)

// Versioner reads and writes resource versions.
func (t *Table) Versioner() storage.Versioner { return storage.APIObjectVersioner{} }

// Create adds an object; a command (CancelAction) is carried out but not kept.
func (t *Table) Create(ctx context.Context, key string, obj, out runtime.Object, _ uint64) error {
	object := obj.DeepCopyObject().(kinds.Thing)
	change, err := t.create(key, object)
	if err != nil {
		return err
	}
	assign(out, object)
	t.catalog.observe(ctx, t.Kind, change)
	return nil
}

func (t *Table) create(key string, object kinds.Thing) (Change, error) {
	t.catalog.mu.Lock()
	defer t.catalog.mu.Unlock()
	if _, exists := t.objects[key]; exists {
		return Change{}, storage.NewKeyExistsError(key, int64(t.catalog.version))
	}
	if t.Kind.Access == kinds.CreateOnly {
		return Change{Type: watch.Added, Key: key, Object: object}, nil
	}
	return t.commit(watch.Added, key, object), nil
}

// Delete removes an object if it is still what the caller decided upon.
func (t *Table) Delete(
	ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validate storage.ValidateObjectFunc, _ runtime.Object, _ storage.DeleteOptions,
) error {
	change, err := t.remove(ctx, key, preconditions, validate)
	if err != nil {
		return err
	}
	assign(out, change.Object)
	t.catalog.observe(ctx, t.Kind, change)
	return nil
}

func (t *Table) remove(
	ctx context.Context, key string, preconditions *storage.Preconditions, validate storage.ValidateObjectFunc,
) (Change, error) {
	t.catalog.mu.Lock()
	defer t.catalog.mu.Unlock()
	current, err := t.current(key)
	if err != nil {
		return Change{}, err
	}
	if err := preconditions.Check(key, current); err != nil {
		return Change{}, err
	}
	if err := validate(ctx, current.DeepCopyObject()); err != nil {
		return Change{}, err
	}
	return t.commit(watch.Deleted, key, current.DeepCopyObject().(kinds.Thing)), nil
}

// Get reads one object.
func (t *Table) Get(_ context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	current, err := t.current(key)
	if err != nil && opts.IgnoreNotFound {
		return runtime.SetZeroValue(out)
	}
	if err != nil {
		return err
	}
	assign(out, current)
	return nil
}

func (t *Table) current(key string) (kinds.Thing, error) {
	object, found := t.objects[key]
	if !found {
		return nil, storage.NewKeyNotFoundError(key, 0)
	}
	return object, nil
}

// GetList answers a page. Later pages show the present, under the version of
// the first page: a watch from that version then repeats what changed between.
func (t *Table) GetList(_ context.Context, key string, opts storage.ListOptions, listObj runtime.Object) error {
	version, from, err := storage.ValidateListOptions(t.prefix, t.Versioner(), opts)
	if err != nil {
		return err
	}
	items, err := meta.GetItemsPtr(listObj)
	if err != nil {
		return err
	}
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	if version <= 0 {
		version = int64(t.catalog.version)
	}
	last, rest, err := t.page(t.scope(key, opts.Recursive), from, opts.Predicate, reflect.ValueOf(items).Elem())
	if err != nil {
		return err
	}
	next, remaining, err := storage.PrepareContinueToken(last, t.prefix, version, int64(rest)+opts.Predicate.Limit, rest > 0, opts)
	if err != nil {
		return err
	}
	return t.Versioner().UpdateList(listObj, uint64(version), next, remaining)
}

// scope turns what the generic store asks for into the prefix or exact key of this table.
func (t *Table) scope(key string, recursive bool) string {
	if recursive && key[len(key)-1] != '/' {
		return key + "/"
	}
	return key
}

func (t *Table) page(scope, from string, wanted storage.SelectionPredicate, into reflect.Value) (string, int, error) {
	keys := t.under(scope, from)
	for i, key := range keys {
		if scope[len(scope)-1] != '/' && key != scope {
			continue
		}
		matches, err := wanted.Matches(t.objects[key])
		if err != nil {
			return "", 0, err
		}
		if !matches {
			continue
		}
		into.Set(reflect.Append(into, reflect.ValueOf(t.objects[key].DeepCopyObject()).Elem()))
		if wanted.Limit > 0 && int64(into.Len()) >= wanted.Limit {
			return key, len(keys) - i - 1, nil
		}
	}
	return "", 0, nil
}

// GuaranteedUpdate retries until nothing came between reading and writing.
func (t *Table) GuaranteedUpdate(
	ctx context.Context, key string, destination runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, tryUpdate storage.UpdateFunc, _ runtime.Object,
) error {
	for {
		before := t.Kind.New()
		if err := t.Get(ctx, key, storage.GetOptions{IgnoreNotFound: ignoreNotFound}, before); err != nil {
			return err
		}
		if err := preconditions.Check(key, before); err != nil {
			return err
		}
		version, err := t.Versioner().ObjectResourceVersion(before)
		if err != nil {
			return err
		}
		wanted, _, err := tryUpdate(before.DeepCopyObject(), storage.ResponseMeta{ResourceVersion: version})
		if err != nil {
			return err
		}
		object := wanted.DeepCopyObject().(kinds.Thing)
		if change, done := t.replace(key, before, object); done {
			assign(destination, object)
			if change.Version != 0 {
				t.catalog.observe(ctx, t.Kind, change)
			}
			return nil
		}
	}
}

// replace writes object unless another write won; an update that changes nothing is none.
func (t *Table) replace(key string, before, object kinds.Thing) (Change, bool) {
	t.catalog.mu.Lock()
	defer t.catalog.mu.Unlock()
	present := ""
	if current, err := t.current(key); err == nil {
		present = current.GetResourceVersion()
	}
	if present != before.GetResourceVersion() {
		return Change{}, false
	}
	object.SetResourceVersion(present)
	if present == "" {
		return t.commit(watch.Added, key, object), true
	}
	if reflect.DeepEqual(before, object) {
		return Change{}, true
	}
	return t.commit(watch.Modified, key, object), true
}

// assign copies an object into the pointer the caller owns.
func assign(out runtime.Object, object kinds.Thing) {
	reflect.ValueOf(out).Elem().Set(reflect.ValueOf(object.DeepCopyObject()).Elem())
}

func formatVersion(version uint64) string { return strconv.FormatUint(version, 10) }

func sortedKeys(objects map[string]kinds.Thing) []string {
	return slices.Sorted(maps.Keys(objects))
}
