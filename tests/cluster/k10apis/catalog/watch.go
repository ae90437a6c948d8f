package catalog

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// watcher queues without bound, so that a slow reader never holds up a write.
type watcher struct {
	table   *Table
	scope   string
	wanted  storage.SelectionPredicate
	mu      sync.Mutex
	queue   []watch.Event
	wake    chan struct{}
	results chan watch.Event
	done    chan struct{}
	stop    sync.Once
}

// Watch streams changes below a key, from a version on or from the present state.
func (t *Table) Watch(ctx context.Context, key string, opts storage.ListOptions) (watch.Interface, error) {
	since, err := t.Versioner().ParseResourceVersion(opts.ResourceVersion)
	if err != nil {
		return nil, err
	}
	w := &watcher{
		table: t, scope: t.scope(key, opts.Recursive), wanted: opts.Predicate,
		wake: make(chan struct{}, 1), results: make(chan watch.Event), done: make(chan struct{}),
	}
	if err := t.subscribe(w, since, opts.SendInitialEvents); err != nil {
		return nil, err
	}
	go w.run(ctx)
	return w, nil
}

func (t *Table) subscribe(w *watcher, since uint64, initial *bool) error {
	t.catalog.mu.Lock()
	defer t.catalog.mu.Unlock()
	state := since == 0
	if initial != nil {
		state = *initial
	}
	switch {
	case since > t.catalog.version:
		return storage.NewTooLargeResourceVersionError(since, t.catalog.version, 1)
	case state:
		w.sendState(initial != nil)
	case since != 0 && since < t.floor:
		return apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", since, t.floor))
	default:
		for _, change := range t.history {
			if change.Version > since {
				w.send(change)
			}
		}
	}
	t.watchers[w] = struct{}{}
	return nil
}

func (w *watcher) sendState(mark bool) {
	for _, key := range w.table.under(w.scope, "") {
		w.send(Change{Type: watch.Added, Key: key, Object: w.table.objects[key]})
	}
	if mark {
		w.enqueue(w.bookmark(map[string]string{metav1.InitialEventsAnnotationKey: "true"}))
	}
}

// bookmark must be made under the catalog's lock.
func (w *watcher) bookmark(annotations map[string]string) watch.Event {
	object := w.table.Kind.New()
	object.SetResourceVersion(formatVersion(w.table.catalog.version))
	object.SetAnnotations(annotations)
	return watch.Event{Type: watch.Bookmark, Object: object}
}

// send queues what a change means to this watch: entering or leaving a
// selection looks like an addition or a deletion.
func (w *watcher) send(change Change) {
	if !inScope(w.scope, change.Key) {
		return
	}
	now := change.Type != watch.Deleted && w.matches(change.Object)
	before := change.Before != nil && w.matches(change.Before)
	switch {
	case now && before:
		w.enqueue(event(watch.Modified, change.Object))
	case now:
		w.enqueue(event(watch.Added, change.Object))
	case before:
		last := change.Before.DeepCopyObject().(kinds.Thing)
		last.SetResourceVersion(formatVersion(change.Version))
		w.enqueue(watch.Event{Type: watch.Deleted, Object: last})
	}
}

func event(kind watch.EventType, object kinds.Thing) watch.Event {
	return watch.Event{Type: kind, Object: object.DeepCopyObject()}
}

func (w *watcher) matches(object kinds.Thing) bool {
	matches, err := w.wanted.Matches(object)
	return err == nil && matches
}

func inScope(scope, key string) bool {
	if scope[len(scope)-1] == '/' {
		return len(key) > len(scope) && key[:len(scope)] == scope
	}
	return key == scope
}

func (w *watcher) enqueue(e watch.Event) {
	w.mu.Lock()
	w.queue = append(w.queue, e)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []watch.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.queue
	w.queue = nil
	return taken
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.results)
	defer w.leave()
	ticker := time.NewTicker(w.table.catalog.options.Bookmark)
	defer ticker.Stop()
	for {
		for _, e := range w.take() {
			select {
			case w.results <- e:
			case <-ctx.Done():
				return
			case <-w.done:
				return
			}
		}
		select {
		case <-w.wake:
		case <-ticker.C:
			w.tick()
		case <-ctx.Done():
			return
		case <-w.done:
			return
		}
	}
}

func (w *watcher) tick() {
	if !w.wanted.AllowWatchBookmarks {
		return
	}
	w.table.catalog.mu.RLock()
	defer w.table.catalog.mu.RUnlock()
	w.enqueue(w.bookmark(nil))
}

func (w *watcher) leave() {
	w.table.catalog.mu.Lock()
	defer w.table.catalog.mu.Unlock()
	delete(w.table.watchers, w)
}

// ResultChan is where the events come out.
func (w *watcher) ResultChan() <-chan watch.Event { return w.results }

// Stop ends the watch.
func (w *watcher) Stop() { w.stop.Do(func() { close(w.done) }) }
