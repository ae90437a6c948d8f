package behaviour

import (
	"context"
	"sort"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// runs carries out RunActions.
type runs struct {
	ctx      context.Context
	objects  *catalog.Catalog
	executor *Account
}

const (
	labelManual    = "k10.kasten.io/isRunNow"
	labelPolicy    = "k10.kasten.io/policyName"
	labelPolicyNS  = "k10.kasten.io/policyNamespace"
	labelApp       = "k10.kasten.io/appName"
	labelAppNS     = "k10.kasten.io/appNamespace"
	labelRunAction = "k10.kasten.io/runActionName"
)

func (r *runs) start(action kinds.Thing, manual bool) {
	state := "Complete"
	if err := r.run(action, manual); err != nil {
		logFailure("run a policy", err)
		state = "Failed"
	}
	end := func(done kinds.Thing) {
		setStatus(done, "state", state)
		setStatus(done, "endTime", rfc3339())
	}
	logFailure("finish a RunAction", r.objects.Table("runactions").Edit(r.ctx, action.GetNamespace(), action.GetName(), end))
}

func (r *runs) run(action kinds.Thing, manual bool) error {
	subject, _ := action.Fields().Spec["subject"].(map[string]any)
	policy, err := r.executor.read(r.ctx, "policies", text(subject, "namespace"), text(subject, "name"))
	if err != nil {
		return err
	}
	actions, _, _ := unstructured.NestedSlice(policy, "spec", "actions")
	for _, app := range applicationsOf(policy) {
		labels := map[string]string{
			labelPolicy: text(subject, "name"), labelPolicyNS: text(subject, "namespace"),
			labelApp: app, labelAppNS: app, labelRunAction: action.GetName(),
		}
		if manual {
			labels[labelManual] = "true"
		}
		for _, step := range actions {
			if err := r.step(step, app, labels, action.Fields().Spec["expiresAt"]); err != nil {
				return err
			}
		}
		if err := r.retain(policy, app, labels); err != nil {
			return err
		}
	}
	return nil
}

// applicationsOf reads the namespaces a policy selects by name, which is all
// the stand-in's policies do.
func applicationsOf(policy map[string]any) []string {
	found := []string{}
	expressions, _, _ := unstructured.NestedSlice(policy, "spec", "selector", "matchExpressions")
	for _, expression := range expressions {
		fields, _ := expression.(map[string]any)
		if text(fields, "key") == labelAppNS && text(fields, "operator") == "In" {
			names, _, _ := unstructured.NestedStringSlice(fields, "values")
			found = append(found, names...)
		}
	}
	return found
}

func (r *runs) step(step any, app string, labels map[string]string, expires any) error {
	fields, _ := step.(map[string]any)
	subject := map[string]any{"kind": "Namespace", "name": app}
	switch text(fields, "action") {
	case "backup":
		if err := r.executor.create(r.ctx, "backupactions", app, "scheduled-", labels, map[string]any{"subject": subject}); err != nil {
			return err
		}
		return r.makePoint(app, labels, expires)
	case "export":
		return r.executor.create(r.ctx, "exportactions", app, "scheduled-", labels, map[string]any{"subject": subject})
	}
	return nil
}

func (r *runs) makePoint(app string, labels map[string]string, expires any) error {
	content, p := pair(app, "scheduled-"+time.Now().UTC().Format("20060102-150405.000000000"), labels, rfc3339())
	if expires != nil {
		content.Fields().Spec["expiresAt"] = expires
	}
	if err := r.objects.Table("restorepointcontents").Make(r.ctx, content); err != nil {
		return err
	}
	return r.objects.Table("restorepoints").Make(r.ctx, p)
}

// retain retires what the policy no longer keeps. K10 sorts points into hours,
// days, weeks; the sum of the counts shows the same to an onlooker. Points of
// manual runs are not subject to retention.
func (r *runs) retain(policy map[string]any, app string, labels map[string]string) error {
	keep, limited := r.retention(policy)
	if !limited {
		return nil
	}
	points := []kinds.Thing{}
	r.objects.Table("restorepoints").Each(app, func(p kinds.Thing) {
		own := p.GetLabels()
		if own[labelPolicy] == labels[labelPolicy] && own[labelPolicyNS] == labels[labelPolicyNS] && own[labelManual] == "" {
			points = append(points, p)
		}
	})
	sort.SliceStable(points, func(i, j int) bool {
		return points[j].GetCreationTimestamp().Time.Before(points[i].GetCreationTimestamp().Time)
	})
	for _, p := range points[min(keep, len(points)):] {
		if err := r.executor.retire(r.ctx, contentOf(p), p.GetLabels(), rfc3339()); err != nil {
			return err
		}
	}
	return nil
}

func (r *runs) retention(policy map[string]any) (int, bool) {
	counts, found, _ := unstructured.NestedMap(policy, "spec", "retention")
	if name, _, _ := unstructured.NestedString(policy, "spec", "presetRef", "name"); name != "" {
		namespace, _, _ := unstructured.NestedString(policy, "spec", "presetRef", "namespace")
		if preset, err := r.executor.read(r.ctx, "policypresets", namespace, name); err == nil {
			counts, found, _ = unstructured.NestedMap(preset, "spec", "backup", "retention")
		}
	}
	sum := 0
	for _, count := range counts {
		number, _ := count.(int64)
		sum += int(number)
	}
	return sum, found
}

func rfc3339() string { return time.Now().UTC().Format(time.RFC3339) }
