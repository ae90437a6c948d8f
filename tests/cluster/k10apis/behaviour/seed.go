package behaviour

import (
	"fmt"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// Seed is what a K10 that has been running for a while holds.
type Seed struct {
	Apps      []string
	Points    int // per application
	Policy    string
	Namespace string // K10's own
}

// Load fills an empty catalog.
func (s Seed) Load(objects *catalog.Catalog) {
	objects.Bulk(func() {
		for _, app := range s.Apps {
			contents, points := s.history(app)
			objects.Table("restorepointcontents").Load(contents)
			objects.Table("restorepoints").Load(points)
		}
		s.singles(objects)
	})
}

// history makes one point per day back from now, the newest with number 1.
func (s Seed) history(app string) (contents, points []kinds.Thing) {
	labels := map[string]string{labelPolicy: s.Policy, labelPolicyNS: s.Namespace, labelApp: app, labelAppNS: app}
	now := time.Now().UTC().Truncate(time.Second)
	for i := 1; i <= s.Points; i++ {
		taken := metav1.NewTime(now.Add(-time.Duration(i) * 24 * time.Hour))
		content, p := pair(app, fmt.Sprintf("scheduled-%05d", i), labels, taken.Format(time.RFC3339))
		contents = append(contents, catalog.Stamp(content, taken))
		points = append(points, catalog.Stamp(p, taken))
	}
	return contents, points
}

// pair makes a content and the restore point bound to it.
func pair(app, name string, labels map[string]string, taken string) (content, p kinds.Thing) {
	content, p = kinds.Named("restorepointcontents").New(), kinds.Named("restorepoints").New()
	content.SetName(app + "-" + name)
	content.SetLabels(maps.Clone(labels))
	*content.Fields() = kinds.Body{
		Spec: map[string]any{},
		Status: map[string]any{
			"state": "Bound", "actionTime": taken, "scheduledTime": taken,
			"restorePointRef": map[string]any{"name": name, "namespace": app},
		},
	}
	p.SetName(name)
	p.SetNamespace(app)
	p.SetLabels(maps.Clone(labels))
	*p.Fields() = kinds.Body{
		Spec:   map[string]any{"restorePointContentRef": map[string]any{"name": content.GetName()}},
		Status: map[string]any{"actionTime": taken, "scheduledTime": taken},
	}
	return content, p
}

func (s Seed) singles(objects *catalog.Catalog) {
	add := func(resource, namespace, name string, body kinds.Body) {
		table := objects.Table(resource)
		object := table.Kind.New()
		object.SetNamespace(namespace)
		object.SetName(name)
		*object.Fields() = body
		table.Load([]kinds.Thing{catalog.Stamp(object, metav1.Now())})
	}
	add("passkeys", "", "k10MasterKey", kinds.Body{
		Spec:   map[string]any{"secret": map[string]any{"name": "k10-cluster-passphrase", "namespace": s.Namespace}},
		Status: map[string]any{"valid": true, "state": "Added to Catalog"},
	})
	add("clusterrestorepoints", "", "cluster-scheduled-00001", kinds.Body{Status: map[string]any{"actionTime": rfc3339()}})
	for _, app := range s.Apps {
		add("storagerepositories", s.Namespace, "kopia-volumedata-repository-"+app, kinds.Body{
			Spec:   map[string]any{"disableMaintenance": false},
			Status: map[string]any{"appName": app, "backendType": "kopia", "contentType": "volumedata"},
		})
		add("backupactions", app, "scheduled-running", kinds.Body{
			Spec:   map[string]any{"subject": map[string]any{"kind": "Namespace", "name": app}},
			Status: map[string]any{"state": "Running", "startTime": rfc3339()},
		})
	}
}
