package kinds

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Access says which requests K10 takes for a kind.
type Access int

// The ways a kind can be used from outside.
const (
	Open       Access = iota
	NoCreate          // made by K10 alone, deletable by anyone allowed to
	ReadOnly          // a view
	CreateOnly        // a command: taken, carried out, not kept
)

// Kind describes one served resource.
type Kind struct {
	Name       string
	Family     string // first label of the API group
	Resource   string
	Namespaced bool
	Details    bool // has the subresource of that name
	Access     Access
	New        func() Thing
	NewList    func() runtime.Object
	definition definition
}

// GroupVersion is the kind's API group in an API domain such as kio.kasten.io.
func (k Kind) GroupVersion(domain string) schema.GroupVersion {
	return schema.GroupVersion{Group: k.Family + "." + domain, Version: Version}
}

// GroupResource names the resource in an API domain.
func (k Kind) GroupResource(domain string) schema.GroupResource {
	return k.GroupVersion(domain).WithResource(k.Resource).GroupResource()
}

// Singular is the resource's name for one object.
func (k Kind) Singular() string { return strings.ToLower(k.Name) }

type trait func(*Kind)

func clusterWide(k *Kind)  { k.Namespaced = false }
func withDetails(k *Kind)  { k.Details = true }
func readOnly(k *Kind)     { k.Access = ReadOnly }
func createOnly(k *Kind)   { k.Access = CreateOnly }
func notCreatable(k *Kind) { k.Access = NoCreate }

func define[K any](family, resource string, traits ...trait) Kind {
	kind := Kind{
		Name: kindName[K](), Family: family, Resource: resource, Namespaced: true,
		New:        func() Thing { return &Object[K]{} },
		NewList:    func() runtime.Object { return &List[K]{Items: []Object[K]{}} },
		definition: describe[K](),
	}
	for _, apply := range traits {
		apply(&kind)
	}
	return kind
}

// Named finds a kind by its resource.
func Named(resource string) Kind {
	for _, kind := range All {
		if kind.Resource == resource {
			return kind
		}
	}
	panic("no such resource: " + resource)
}

// AddToScheme registers every kind under an API domain, as its own internal
// version too, so that nothing has to be converted.
func AddToScheme(scheme *runtime.Scheme, domain string) {
	for _, kind := range All {
		version := kind.GroupVersion(domain)
		for _, gv := range []schema.GroupVersion{version, {Group: version.Group, Version: runtime.APIVersionInternal}} {
			scheme.AddKnownTypeWithName(gv.WithKind(kind.Name), kind.New())
			scheme.AddKnownTypeWithName(gv.WithKind(kind.Name+"List"), kind.NewList())
		}
		metav1.AddToGroupVersion(scheme, version)
	}
}
