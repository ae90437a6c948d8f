package catalog_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

const prefix = "/vault/passkeys"

type passkeys = kinds.List[kinds.Passkey]

func open(t *testing.T, dir string, history int) (*catalog.Catalog, *catalog.Table) {
	t.Helper()
	objects := catalog.New(catalog.Options{History: history, Bookmark: time.Hour, Dir: dir})
	for _, kind := range kinds.All {
		objects.Add(kind, "/"+kind.Resource)
	}
	table := objects.Add(kinds.Named("passkeys"), prefix)
	if _, err := objects.Open(); err != nil {
		t.Fatal(err)
	}
	return objects, table
}

func add(t *testing.T, table *catalog.Table, names ...string) {
	t.Helper()
	for _, name := range names {
		object := table.Kind.New()
		object.SetName(name)
		if err := table.Make(context.Background(), object); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t *testing.T, table *catalog.Table, limit int64, token string) *passkeys {
	t.Helper()
	page := &passkeys{}
	if err := table.GetList(context.Background(), prefix+"/", everything(limit, token, ""), page); err != nil {
		t.Fatal(err)
	}
	return page
}

func everything(limit int64, token, version string) storage.ListOptions {
	return storage.ListOptions{
		Recursive: true, ResourceVersion: version,
		Predicate: storage.SelectionPredicate{
			Label: labels.Everything(), Field: fields.Everything(), Limit: limit, Continue: token,
			GetAttrs: storage.DefaultClusterScopedAttr,
		},
	}
}

func TestPagesMissAndRepeatNothing(t *testing.T) {
	_, table := open(t, "", 10)
	for i := range 7 {
		add(t, table, fmt.Sprintf("key_%d", i))
	}

	names, token := []string{}, ""
	for first := true; first || token != ""; first = false {
		page := list(t, table, 3, token)
		for _, item := range page.Items {
			names = append(names, item.Name)
		}
		token = page.Continue
	}

	if got := fmt.Sprint(names); got != "[key_0 key_1 key_2 key_3 key_4 key_5 key_6]" {
		t.Error(got)
	}
}

func TestAWatchGoesOnWhereAListEnded(t *testing.T) {
	_, table := open(t, "", 10)
	add(t, table, "before")
	version := list(t, table, 0, "").ResourceVersion
	add(t, table, "after")
	if err := table.Drop(context.Background(), "", "before"); err != nil {
		t.Fatal(err)
	}

	w, err := table.Watch(context.Background(), prefix+"/", everything(0, "", version))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	for _, wanted := range []string{"ADDED after", "DELETED before"} {
		event := <-w.ResultChan()
		if got := string(event.Type) + " " + event.Object.(kinds.Thing).GetName(); got != wanted {
			t.Errorf("%s instead of %s", got, wanted)
		}
	}
}

func TestForgottenHistoryIsSaid(t *testing.T) {
	_, table := open(t, "", 2)
	add(t, table, "a")
	version := list(t, table, 0, "").ResourceVersion
	add(t, table, "b", "c", "d", "e", "f")

	_, err := table.Watch(context.Background(), prefix+"/", everything(0, "", version))

	if status, known := err.(apierrors.APIStatus); !known || status.Status().Code != http.StatusGone {
		t.Errorf("%v instead of 410", err)
	}
}

func TestObjectsAndVersionsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	_, before := open(t, dir, 10)
	add(t, before, "k10MasterKey", "gone")
	if err := before.Drop(context.Background(), "", "gone"); err != nil {
		t.Fatal(err)
	}

	_, after := open(t, dir, 10)

	was, is := list(t, before, 0, ""), list(t, after, 0, "")
	if len(is.Items) != 1 || is.Items[0].UID != was.Items[0].UID || is.ResourceVersion != was.ResourceVersion {
		t.Errorf("%v became %v", was, is)
	}
}

func TestAnUpdateThatChangesNothingIsNone(t *testing.T) {
	objects, table := open(t, "", 10)
	add(t, table, "same")
	seen := []watch.EventType{}
	objects.Observe(func(_ context.Context, _ kinds.Kind, change catalog.Change) { seen = append(seen, change.Type) })

	for _, value := range []string{"one", "one"} {
		edit := func(object kinds.Thing) { object.Fields().Spec = map[string]any{"value": value} }
		if err := table.Edit(context.Background(), "", "same", edit); err != nil {
			t.Fatal(err)
		}
	}

	if fmt.Sprint(seen) != "[MODIFIED]" {
		t.Error(seen)
	}
}
