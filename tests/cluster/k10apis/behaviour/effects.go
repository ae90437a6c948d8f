// Package behaviour is what K10 does by itself: points that go with their
// content, actions that cancel others, policy runs, retention, expiry.
package behaviour

import (
	"context"
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// Effects reacts to committed writes.
type Effects struct {
	objects *catalog.Catalog
	account string // K10's own user name
	runs    *runs
	mu      sync.Mutex
	bound   map[string]map[point]struct{} // restore points of each content
}

type point struct{ namespace, name string }

// Install makes the catalog tell the effects of every write.
func Install(ctx context.Context, objects *catalog.Catalog, account string, executor *Account) *Effects {
	e := &Effects{objects: objects, account: account, bound: map[string]map[point]struct{}{}}
	e.runs = &runs{ctx: ctx, objects: objects, executor: executor}
	objects.Table("restorepoints").Each("", func(p kinds.Thing) { e.bind(p) })
	objects.Observe(e.observe)
	return e
}

func (e *Effects) observe(ctx context.Context, kind kinds.Kind, change catalog.Change) {
	ctx = context.WithoutCancel(ctx) // a client that hangs up does not stop K10
	switch {
	case change.Type == watch.Deleted && kind.Resource == "restorepointcontents":
		e.contentGone(ctx, change.Object)
	case change.Type == watch.Deleted && kind.Resource == "clusterrestorepoints":
		e.retire(ctx, change.Object)
	case change.Type == watch.Deleted && kind.Resource == "restorepoints":
		e.pointGone(ctx, change.Object)
	case change.Type == watch.Added && kind.Resource == "restorepoints":
		e.pointMade(ctx, change.Object)
	case change.Type == watch.Added && kind.Resource == "cancelactions":
		e.cancel(ctx, change.Object)
	case change.Type == watch.Added && kind.Resource == "runactions":
		go e.runs.start(change.Object, !e.own(ctx))
	}
}

// own says whether a request came from K10's account.
func (e *Effects) own(ctx context.Context) bool {
	user, known := request.UserFrom(ctx)
	return known && user.GetName() == e.account
}

func (e *Effects) contentGone(ctx context.Context, content kinds.Thing) {
	for p := range e.pointsOf(content.GetName()) {
		logFailure("remove a bound restore point", e.objects.Table("restorepoints").Drop(ctx, p.namespace, p.name))
	}
	e.retire(ctx, content)
}

// retire leaves the RetireAction that every deletion of data leaves. K10's own
// components make theirs through the API before they delete.
func (e *Effects) retire(ctx context.Context, retired kinds.Thing) {
	if e.own(ctx) {
		return
	}
	table := e.objects.Table("retireactions")
	now := time.Now().UTC().Format(time.RFC3339)
	action := table.Kind.New()
	action.SetName("retire-" + rand.String(10))
	action.SetLabels(maps.Clone(retired.GetLabels()))
	*action.Fields() = kinds.Body{
		Spec:   map[string]any{"scheduledTime": now},
		Status: map[string]any{"state": "Complete", "startTime": now, "endTime": now},
	}
	logFailure("make a RetireAction", table.Make(ctx, action))
}

func (e *Effects) pointMade(ctx context.Context, p kinds.Thing) {
	name := e.bind(p)
	if name == "" {
		return
	}
	reference := map[string]any{"name": p.GetName(), "namespace": p.GetNamespace()}
	labels := map[string]string{}
	edit := func(content kinds.Thing) {
		maps.Copy(labels, content.GetLabels())
		setStatus(content, "state", "Bound")
		setStatus(content, "restorePointRef", reference)
	}
	logFailure("bind a content", e.objects.Table("restorepointcontents").Edit(ctx, "", name, edit))
	label := func(made kinds.Thing) {
		maps.Copy(labels, made.GetLabels())
		made.SetLabels(labels)
	}
	logFailure("label a restore point", e.objects.Table("restorepoints").Edit(ctx, p.GetNamespace(), p.GetName(), label))
}

func (e *Effects) pointGone(ctx context.Context, p kinds.Thing) {
	name := contentOf(p)
	e.mu.Lock()
	delete(e.bound[name], point{p.GetNamespace(), p.GetName()})
	left := len(e.bound[name])
	if left == 0 {
		delete(e.bound, name)
	}
	e.mu.Unlock()
	if name == "" || left > 0 {
		return
	}
	unbind := func(content kinds.Thing) {
		setStatus(content, "state", "Unbound")
		delete(content.Fields().Status, "restorePointRef")
	}
	logFailure("unbind a content", e.objects.Table("restorepointcontents").Edit(ctx, "", name, unbind))
}

func (e *Effects) cancel(ctx context.Context, command kinds.Thing) {
	subject, _ := command.Fields().Spec["subject"].(map[string]any)
	for _, kind := range kinds.All {
		if kind.Family != "actions" || kind.Name != text(subject, "kind") {
			continue
		}
		stop := func(action kinds.Thing) { setStatus(action, "state", "Cancelled") }
		err := e.objects.Table(kind.Resource).Edit(ctx, text(subject, "namespace"), text(subject, "name"), stop)
		logFailure("cancel an action", err)
	}
}

func (e *Effects) bind(p kinds.Thing) string {
	name := contentOf(p)
	if name == "" {
		return ""
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bound[name] == nil {
		e.bound[name] = map[point]struct{}{}
	}
	e.bound[name][point{p.GetNamespace(), p.GetName()}] = struct{}{}
	return name
}

func (e *Effects) pointsOf(content string) map[point]struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.bound[content])
}

func contentOf(p kinds.Thing) string {
	reference, _ := p.Fields().Spec["restorePointContentRef"].(map[string]any)
	return text(reference, "name")
}

func text(fields map[string]any, name string) string {
	value, _ := fields[name].(string)
	return value
}

func setStatus(object kinds.Thing, name string, value any) {
	body := object.Fields()
	if body.Status == nil {
		body.Status = map[string]any{}
	}
	body.Status[name] = value
}

func logFailure(what string, err error) {
	if err != nil {
		klog.ErrorS(err, "K10's own work failed", "work", what)
	}
}

// timeOf reads a time a client may have written in any way.
func timeOf(value any) (metav1.Time, bool) {
	written, _ := value.(string)
	parsed, err := time.Parse(time.RFC3339, written)
	return metav1.NewTime(parsed), err == nil
}
