package behaviour

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// Account is K10's service account at kube-apiserver: what K10 does through it
// is audited there like any client's request.
type Account struct {
	client dynamic.Interface
	domain string
}

// NewAccount makes the account act as one of K10's components.
func NewAccount(base *rest.Config, component, domain string) (*Account, error) {
	config := rest.CopyConfig(base)
	config.UserAgent = component + "/v0.0.0 (linux/amd64) kubernetes/$Format"
	config.QPS, config.Burst = 200, 400
	client, err := dynamic.NewForConfig(config)
	return &Account{client: client, domain: domain}, err
}

// read gets an object of K10's configuration, such as a policy.
func (a *Account) read(ctx context.Context, resource, namespace, name string) (map[string]any, error) {
	group := schema.GroupVersionResource{Group: "config." + a.domain, Version: kinds.Version, Resource: resource}
	object, err := a.client.Resource(group).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return object.Object, nil
}

func (a *Account) create(ctx context.Context, resource, namespace, prefix string, labels map[string]string, spec map[string]any) error {
	kind := kinds.Named(resource)
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(kind.GroupVersion(a.domain).WithKind(kind.Name))
	object.SetGenerateName(prefix)
	object.SetLabels(labels)
	_, err := a.of(kind).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{})
	return err
}

// retire destroys the data of a content the way K10's components do: a
// RetireAction first, then the content itself.
func (a *Account) retire(ctx context.Context, content string, labels map[string]string, now string) error {
	if err := a.create(ctx, "retireactions", "", "retire-", labels, map[string]any{"scheduledTime": now}); err != nil {
		return err
	}
	return a.of(kinds.Named("restorepointcontents")).Delete(ctx, content, metav1.DeleteOptions{})
}

func (a *Account) of(kind kinds.Kind) dynamic.NamespaceableResourceInterface {
	return a.client.Resource(kind.GroupVersion(a.domain).WithResource(kind.Resource))
}
