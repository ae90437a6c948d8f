// Package kinds holds the resources K10 serves through API aggregation. Their
// bodies stay untyped: the product under test must cope with any spec, so the
// stand-in must not narrow it; only the names and scopes matter here.
package kinds

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Version is the only API version K10 serves.
const Version = "v1alpha1"

// Body is what every kind of K10 consists of beside its metadata.
type Body struct {
	Spec   map[string]any `json:"spec,omitempty"`
	Status map[string]any `json:"status,omitempty"`
}

// Fields gives access to the body of an object of unknown kind.
func (b *Body) Fields() *Body { return b }

// Thing is an object of any of the kinds.
type Thing interface {
	runtime.Object
	metav1.Object
	Fields() *Body
}

// Object is one Go type per kind (K is only a mark), because the generic API
// server tells kinds apart by Go type.
type Object[K any] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Body              `json:",inline"`
}

// List is the list of one kind.
type List[K any] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Object[K] `json:"items"`
}

// DeepCopyObject copies everything the object reaches.
func (o *Object[K]) DeepCopyObject() runtime.Object {
	out := &Object[K]{TypeMeta: o.TypeMeta}
	o.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec = runtime.DeepCopyJSON(o.Spec)
	out.Status = runtime.DeepCopyJSON(o.Status)
	return out
}

// DeepCopyObject copies the list and its items.
func (l *List[K]) DeepCopyObject() runtime.Object {
	out := &List[K]{TypeMeta: l.TypeMeta, Items: make([]Object[K], 0, len(l.Items))}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopyObject().(*Object[K]))
	}
	return out
}

// OpenAPIModelName keeps Go's brackets of type parameters out of the schema.
func (o Object[K]) OpenAPIModelName() string { return modelName[K]() }

// OpenAPIModelName names the list's schema.
func (l List[K]) OpenAPIModelName() string { return modelName[K]() + "List" }

func modelName[K any]() string {
	return "io.kasten.kio." + Version + "." + kindName[K]()
}

func kindName[K any]() string { return reflect.TypeFor[K]().Name() }
