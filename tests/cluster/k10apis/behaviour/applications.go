package behaviour

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
)

// FollowNamespaces keeps one Application per namespace of users.
func FollowNamespaces(ctx context.Context, base *rest.Config, objects *catalog.Catalog) error {
	client, err := kubernetes.NewForConfig(rest.AddUserAgent(rest.CopyConfig(base), "aggregatedapis-server"))
	if err != nil {
		return err
	}
	table := objects.Table("applications")
	source := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "namespaces", metav1.NamespaceAll, fields.Everything())
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: source, ObjectType: &corev1.Namespace{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { found(ctx, table, obj) },
			DeleteFunc: func(obj any) { lost(ctx, table, obj) },
		},
	})
	go informer.Run(ctx.Done())
	return nil
}

func found(ctx context.Context, table *catalog.Table, obj any) {
	namespace := obj.(*corev1.Namespace)
	if strings.HasPrefix(namespace.Name, "kube-") || strings.HasPrefix(namespace.Name, "kasten-io") {
		return
	}
	app := table.Kind.New()
	app.SetName(namespace.Name)
	app.SetNamespace(namespace.Name)
	app.SetLabels(map[string]string{"k10.kasten.io/appType": "namespace"})
	app.Fields().Status = map[string]any{"components": []any{}}
	_ = table.Make(ctx, app) // a restart finds it there already
}

func lost(ctx context.Context, table *catalog.Table, obj any) {
	if unseen, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unseen.Obj
	}
	name := obj.(*corev1.Namespace).Name
	logFailure("forget an application", table.Drop(ctx, name, name))
}
