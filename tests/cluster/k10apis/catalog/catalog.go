// Package catalog keeps K10's objects in memory, as K10's own catalog does, and
// presents each resource as a storage of the generic API server: resource
// versions, conflicts, pages and watches behave as they do in front of etcd.
package catalog

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// Change is one committed write. Object is immutable once it is here.
type Change struct {
	Type    watch.EventType
	Key     string
	Object  kinds.Thing // as it is now; for a deletion the last state
	Before  kinds.Thing // nil for an addition
	Version uint64
}

// Observer is told of committed changes, with the request that made them.
type Observer func(ctx context.Context, kind kinds.Kind, change Change)

// Options shape a catalog.
type Options struct {
	History  int           // changes per resource a late watch may still start from
	Bookmark time.Duration // period of bookmarks
	Dir      string        // where the journal lives; empty keeps nothing
}

// Catalog is the whole of K10's objects under one resource version.
type Catalog struct {
	options Options
	mu      sync.RWMutex
	version uint64
	tables  map[string]*Table
	journal *journal
	observe Observer
}

// Table holds one resource, its keys sorted because pages need an order.
type Table struct {
	Kind     kinds.Kind
	catalog  *Catalog
	prefix   string
	attrs    storage.AttrFunc
	keys     []string
	objects  map[string]kinds.Thing
	history  []Change
	floor    uint64 // a watch from before this version has lost changes
	watchers map[*watcher]struct{}
}

// New makes an empty catalog.
func New(options Options) *Catalog {
	return &Catalog{options: options, version: 1, tables: map[string]*Table{}, observe: func(context.Context, kinds.Kind, Change) {}}
}

// Observe sets who is told of changes; before the first request.
func (c *Catalog) Observe(observer Observer) { c.observe = observer }

// Add makes the table of a kind whose keys begin with prefix.
func (c *Catalog) Add(kind kinds.Kind, prefix string) *Table {
	attrs := storage.DefaultClusterScopedAttr
	if kind.Namespaced {
		attrs = storage.DefaultNamespaceScopedAttr
	}
	table := &Table{
		Kind: kind, catalog: c, prefix: prefix + "/", attrs: attrs,
		objects: map[string]kinds.Thing{}, watchers: map[*watcher]struct{}{}, floor: c.version,
	}
	c.tables[kind.Resource] = table
	return table
}

// Table finds the table of a resource.
func (c *Catalog) Table(resource string) *Table { return c.tables[resource] }

// commit must be called under the lock; it stamps the object with the next version.
func (t *Table) commit(kind watch.EventType, key string, object kinds.Thing) Change {
	t.catalog.version++
	object.SetResourceVersion(formatVersion(t.catalog.version))
	change := Change{Type: kind, Key: key, Object: object, Before: t.objects[key], Version: t.catalog.version}
	t.put(key, object, kind == watch.Deleted)
	t.remember(change)
	for w := range t.watchers {
		w.send(change)
	}
	t.catalog.journal.write(t, change)
	return change
}

func (t *Table) put(key string, object kinds.Thing, gone bool) {
	at, found := slices.BinarySearch(t.keys, key)
	switch {
	case gone && found:
		t.keys = slices.Delete(t.keys, at, at+1)
	case !gone && !found:
		t.keys = slices.Insert(t.keys, at, key)
	}
	if gone {
		delete(t.objects, key)
	} else {
		t.objects[key] = object
	}
}

func (t *Table) remember(change Change) {
	t.history = append(t.history, change)
	keep := t.catalog.options.History
	if surplus := len(t.history) - keep; surplus > keep { // trimming in halves keeps writes cheap
		t.floor = t.history[surplus-1].Version
		t.history = slices.Clone(t.history[surplus:])
	}
}

// under lists the keys below a prefix that are not smaller than from.
func (t *Table) under(prefix, from string) []string {
	first := sort.SearchStrings(t.keys, max(prefix, from))
	last := first + sort.Search(len(t.keys)-first, func(i int) bool {
		key := t.keys[first+i]
		return key > prefix && !strings.HasPrefix(key, prefix)
	})
	return t.keys[first:last]
}

// Load adds objects outside of any request, in one go: seeds of many thousand
// points must take seconds. Keys follow the generic store's own scheme.
func (t *Table) Load(objects []kinds.Thing) {
	t.catalog.mu.Lock()
	defer t.catalog.mu.Unlock()
	for _, object := range objects {
		t.catalog.version++
		object.SetResourceVersion(formatVersion(t.catalog.version))
		key := t.Key(object)
		if _, there := t.objects[key]; !there {
			t.keys = append(t.keys, key)
		}
		t.objects[key] = object
		t.catalog.journal.write(t, Change{Key: key, Object: object})
	}
	sort.Strings(t.keys)
	t.floor = t.catalog.version
}

// Key is where an object is kept.
func (t *Table) Key(object metav1.Object) string {
	if t.Kind.Namespaced {
		return t.prefix + object.GetNamespace() + "/" + object.GetName()
	}
	return t.prefix + object.GetName()
}

// Each visits the objects of a namespace ("" is everywhere) in the order of
// their keys. They are shared: a visitor must neither change nor write.
func (t *Table) Each(namespace string, visit func(kinds.Thing)) {
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	prefix := t.prefix
	if namespace != "" {
		prefix += namespace + "/"
	}
	for _, key := range t.under(prefix, "") {
		visit(t.objects[key])
	}
}
