// Package server puts the catalog behind a genuine generic API server:
// requestheader authentication, delegated authorization, its own audit trail.
package server

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

type encoding struct {
	scheme     *runtime.Scheme
	codecs     serializer.CodecFactory
	parameters runtime.ParameterCodec
}

func newEncoding(domain string) encoding {
	scheme := runtime.NewScheme()
	kinds.AddToScheme(scheme, domain)
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, unversioned)
	scheme.AddUnversionedTypes(unversioned,
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	return encoding{scheme: scheme, codecs: serializer.NewCodecFactory(scheme), parameters: runtime.NewParameterCodec(scheme)}
}

// jsonOnly offers what kinds without generated protobuf code can be written in. A client that prefers protobuf but
// takes JSON too, as the namespace controller does, must be answered in JSON and not with an error.
type jsonOnly struct{ serializer.CodecFactory }

func (only jsonOnly) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(only.CodecFactory.SupportedMediaTypes()), func(info runtime.SerializerInfo) bool {
		return info.MediaType == runtime.ContentTypeProtobuf
	})
}
