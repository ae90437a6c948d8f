package catalog

import (
	"context"

	"k8s.io/apiserver/pkg/storage"
)

// Stats counts the objects.
func (t *Table) Stats(context.Context) (storage.Stats, error) {
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	return storage.Stats{ObjectCount: int64(len(t.keys))}, nil
}

// ReadinessCheck always passes: memory is always there.
func (t *Table) ReadinessCheck() error { return nil }

// RequestWatchProgress has nothing to ask for: watches see commits at once.
func (t *Table) RequestWatchProgress(context.Context) error { return nil }

// GetCurrentResourceVersion is the version of the newest write.
func (t *Table) GetCurrentResourceVersion(context.Context) (uint64, error) {
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	return t.catalog.version, nil
}

// EnableResourceSizeEstimation is refused by doing nothing: sizes are not kept.
func (t *Table) EnableResourceSizeEstimation(storage.KeysFunc) error { return nil }

// CompactRevision is the version before which changes are forgotten.
func (t *Table) CompactRevision() int64 {
	t.catalog.mu.RLock()
	defer t.catalog.mu.RUnlock()
	return int64(t.floor)
}
