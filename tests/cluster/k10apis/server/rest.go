package server

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// The generic server offers exactly the verbs whose interfaces a storage has,
// so hiding a verb means embedding fewer of them.
type (
	identity interface {
		rest.Storage
		rest.Scoper
		rest.SingularNameProvider
	}
	reader interface {
		identity
		rest.Getter
		rest.Lister
	}
	deleter interface {
		reader
		rest.Updater
		rest.GracefulDeleter
		rest.CollectionDeleter
	}
	writer interface {
		deleter
		rest.Creater
	}
	watching interface{ rest.Watcher }

	command struct {
		identity
		rest.Creater
	}
)

// New resolves the method both embedded interfaces have.
func (c command) New() runtime.Object { return c.identity.New() }

func newStore(enc encoding, table *catalog.Table, domain string) (*registry.Store, error) {
	kind := table.Kind
	plan := newStrategy(enc.scheme, kind)
	resource := kind.GroupResource(domain)
	store := &registry.Store{
		NewFunc:                   func() runtime.Object { return kind.New() },
		NewListFunc:               kind.NewList,
		DefaultQualifiedResource:  resource,
		SingularQualifiedResource: kind.GroupVersion(domain).WithResource(kind.Singular()).GroupResource(),
		CreateStrategy:            plan, UpdateStrategy: plan, DeleteStrategy: plan,
		TableConvertor: rest.NewDefaultTableConvertor(resource),
	}
	options := generic.RESTOptions{
		StorageConfig: (&storagebackend.Config{
			Codec: enc.codecs.LegacyCodec(kind.GroupVersion(domain)),
		}).ForResource(resource),
		Decorator:               decorate(table),
		ResourcePrefix:          prefixOf(kind, domain),
		DeleteCollectionWorkers: 1,
	}
	return store, store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options})
}

func prefixOf(kind kinds.Kind, domain string) string {
	return "/" + kind.GroupVersion(domain).Group + "/" + kind.Resource
}

func decorate(table *catalog.Table) generic.StorageDecorator {
	return func(
		*storagebackend.ConfigForResource, string, func(runtime.Object) (string, error), func() runtime.Object,
		func() runtime.Object, storage.AttrFunc, storage.IndexerFuncs, *cache.Indexers,
	) (storage.Interface, factory.DestroyFunc, error) {
		return table, func() {}, nil
	}
}

// expose gives a store the verbs of its kind.
func expose(store *registry.Store, kind kinds.Kind, watch bool) rest.Storage {
	if kind.Access == kinds.CreateOnly {
		return command{identity: store, Creater: store}
	}
	switch {
	case kind.Access == kinds.ReadOnly && watch:
		return struct {
			reader
			watching
		}{store, store}
	case kind.Access == kinds.ReadOnly:
		return struct{ reader }{store}
	case kind.Access == kinds.NoCreate && watch:
		return struct {
			deleter
			watching
		}{store, store}
	case kind.Access == kinds.NoCreate:
		return struct{ deleter }{store}
	case watch:
		return store
	default:
		return struct{ writer }{store}
	}
}

// details is the subresource that reveals where the data of an object lies.
type details struct{ *registry.Store }

func newDetails(store *registry.Store) rest.Storage {
	return struct {
		rest.Storage
		rest.Getter
		rest.Scoper
	}{store, details{store}, store}
}

// Get answers the object with its artifacts.
func (d details) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	object, err := d.Store.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	thing := object.DeepCopyObject().(kinds.Thing)
	body := thing.Fields()
	if body.Status == nil {
		body.Status = map[string]any{}
	}
	body.Status["details"] = map[string]any{
		"artifacts": []any{map[string]any{"kind": "VolumeSnapshot", "name": "k10-csi-snap-" + thing.GetName()}},
	}
	return thing, nil
}
