package kinds

import (
	metaopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// definition makes the schemas of one kind and of its list.
type definition func(common.ReferenceCallback) map[string]common.OpenAPIDefinition

func describe[K any]() definition {
	return func(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
		object, list := Object[K]{}.OpenAPIModelName(), List[K]{}.OpenAPIModelName()
		return map[string]common.OpenAPIDefinition{
			object: model(metav1.ObjectMeta{}.OpenAPIModelName(), ref, map[string]spec.Schema{"spec": anything(), "status": anything()}),
			list: model(metav1.ListMeta{}.OpenAPIModelName(), ref, map[string]spec.Schema{
				"items": *spec.ArrayProperty(&spec.Schema{SchemaProps: spec.SchemaProps{Ref: ref(object)}}),
			}, object),
		}
	}
}

func model(meta string, ref common.ReferenceCallback, properties map[string]spec.Schema, needs ...string) common.OpenAPIDefinition {
	properties["apiVersion"] = *spec.StringProperty()
	properties["kind"] = *spec.StringProperty()
	properties["metadata"] = spec.Schema{SchemaProps: spec.SchemaProps{Ref: ref(meta)}}
	return common.OpenAPIDefinition{
		Schema:       spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, Properties: properties}},
		Dependencies: append(needs, meta),
	}
}

func anything() spec.Schema {
	return spec.Schema{
		SchemaProps:        spec.SchemaProps{Type: []string{"object"}},
		VendorExtensible:   spec.VendorExtensible{Extensions: spec.Extensions{"x-kubernetes-preserve-unknown-fields": true}},
		SwaggerSchemaProps: spec.SwaggerSchemaProps{},
	}
}

// OpenAPIDefinitions are the schemas of all kinds and of what they refer to;
// server-side apply merges by them.
func OpenAPIDefinitions(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := metaopenapi.GetOpenAPIDefinitions(ref)
	for _, kind := range All {
		for name, schema := range kind.definition(ref) {
			all[name] = schema
		}
	}
	return all
}
