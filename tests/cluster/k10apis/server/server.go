package server

import (
	"context"
	"io"
	"net"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	apiopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/rest"
	genericserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	utilcompatibility "k8s.io/apiserver/pkg/util/compatibility"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// Options shape the server.
type Options struct {
	Kubeconfig string // of K10's own account
	Address    string // to serve on
	Port       int
	Domain     string // API domain, kio.kasten.io unless K10 was installed otherwise
	Watch      bool
	Stream     bool
	Envelope   string
	Cluster    string
	Pod        string
	Out        io.Writer
}

// Tables makes one table per kind, keyed as the generic store will ask for it.
func Tables(objects *catalog.Catalog, domain string) {
	for _, kind := range kinds.All {
		objects.Add(kind, prefixOf(kind, domain))
	}
}

// Run serves the catalog until the context ends.
func Run(ctx context.Context, options Options, objects *catalog.Catalog) error {
	enc := newEncoding(options.Domain)
	config, err := configure(options, enc)
	if err != nil {
		return err
	}
	server, err := config.Complete(nil).New("k10-aggregatedapis", genericserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	for _, group := range families() {
		if err := install(server, enc, objects, group, options); err != nil {
			return err
		}
	}
	return server.PrepareRun().RunWithContext(ctx)
}

func configure(options Options, enc encoding) (*genericserver.Config, error) {
	config := genericserver.NewConfig(enc.codecs)
	config.EffectiveVersion = utilcompatibility.DefaultBuildEffectiveVersion()
	names := apiopenapi.NewDefinitionNamer(enc.scheme)
	config.OpenAPIConfig = genericserver.DefaultOpenAPIConfig(kinds.OpenAPIDefinitions, names)
	config.OpenAPIV3Config = genericserver.DefaultOpenAPIV3Config(kinds.OpenAPIDefinitions, names)
	config.OpenAPIConfig.Info.Title, config.OpenAPIV3Config.Info.Title = "K10", "K10"
	config.EnableProfiling = false
	if err := secure(config, options); err != nil {
		return nil, err
	}
	if options.Stream {
		return config, newStream(options).attach(config, options.Domain)
	}
	return config, nil
}

// secure asks kube-apiserver who the caller is and what the caller may do, with
// answers kept so briefly that a test's change of RBAC shows at once.
func secure(config *genericserver.Config, options Options) error {
	serving := genericoptions.NewSecureServingOptions().WithLoopback()
	serving.BindAddress, serving.BindPort = net.ParseIP(options.Address), options.Port
	serving.ServerCert.CertDirectory = "" // self-signed, in memory: K10's APIServices skip verification
	if err := serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{serving.BindAddress}); err != nil {
		return err
	}
	if err := serving.ApplyToConfig(config); err != nil {
		return err
	}
	authentication := genericoptions.NewDelegatingAuthenticationOptions()
	authentication.RemoteKubeConfigFile = options.Kubeconfig
	authentication.CacheTTL = time.Second
	if err := authentication.ApplyTo(&config.Authentication, config.SecureServing, config.OpenAPIConfig); err != nil {
		return err
	}
	authorization := genericoptions.NewDelegatingAuthorizationOptions()
	authorization.RemoteKubeConfigFile = options.Kubeconfig
	authorization.AllowCacheTTL, authorization.DenyCacheTTL = time.Second, time.Second
	return authorization.ApplyTo(&config.Authorization)
}

func families() []string {
	names := []string{}
	for _, kind := range kinds.All {
		if len(names) == 0 || names[len(names)-1] != kind.Family {
			names = append(names, kind.Family)
		}
	}
	return names
}

func install(server *genericserver.GenericAPIServer, enc encoding, objects *catalog.Catalog, family string, options Options) error {
	group := schema.GroupVersion{Group: family + "." + options.Domain, Version: kinds.Version}
	info := genericserver.NewDefaultAPIGroupInfo(group.Group, enc.scheme, enc.parameters, enc.codecs)
	info.NegotiatedSerializer = jsonOnly{enc.codecs}
	info.PrioritizedVersions = []schema.GroupVersion{group}
	resources := map[string]rest.Storage{}
	for _, kind := range kinds.All {
		if kind.Family != family {
			continue
		}
		store, err := newStore(enc, objects.Table(kind.Resource), options.Domain)
		if err != nil {
			return err
		}
		resources[kind.Resource] = expose(store, kind, options.Watch)
		if kind.Details {
			resources[kind.Resource+"/details"] = newDetails(store)
		}
	}
	info.VersionedResourcesStorageMap[group.Version] = resources
	return server.InstallAPIGroup(&info)
}
