package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"k10-auditwatch.io/tests/cluster/k10apis/behaviour"
	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/server"
)

type settings struct {
	server   server.Options
	catalog  catalog.Options
	seed     behaviour.Seed
	apps     string
	account  string
	gcPeriod time.Duration
	noWatch  bool
	noStream bool
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.StringVar(&s.server.Kubeconfig, "kubeconfig", "", "of K10's service account")
	flags.StringVar(&s.server.Address, "address", "127.0.0.1", "to serve the APIs on")
	flags.IntVar(&s.server.Port, "port", 0, "to serve the APIs on")
	flags.StringVar(&s.server.Domain, "api-domain", "kio.kasten.io", "what the API groups end in")
	flags.StringVar(&s.server.Envelope, "envelope", server.DefaultEnvelope, "line around an audit event: $event $time $cluster $pod")
	flags.StringVar(&s.server.Cluster, "cluster", "stand-in", "name for the stream")
	flags.StringVar(&s.server.Pod, "pod", "aggregatedapis-svc", "name for the stream")
	flags.BoolVar(&s.noWatch, "no-watch", false, "answer watch requests with 405")
	flags.BoolVar(&s.noStream, "no-stream", false, "write no K10Event lines")
	flags.IntVar(&s.catalog.History, "history", 10000, "changes per resource a watch may start from")
	flags.DurationVar(&s.catalog.Bookmark, "bookmark-period", 20*time.Second, "between bookmarks")
	flags.StringVar(&s.catalog.Dir, "data-dir", "", "keep the objects here over restarts")
	flags.StringVar(&s.account, "account", "system:serviceaccount:kasten-io:k10-k10", "K10's own user name")
	flags.DurationVar(&s.gcPeriod, "gc-period", 2*time.Second, "between collections of expired points")
	flags.StringVar(&s.apps, "seed-apps", "", "application namespaces, comma separated")
	flags.IntVar(&s.seed.Points, "seed-points", 10, "restore points per application")
	flags.StringVar(&s.seed.Policy, "seed-policy", "daily-backup", "policy that made them")
	flags.StringVar(&s.seed.Namespace, "namespace", "kasten-io", "K10's namespace")
	err := flags.Parse(args)
	s.server.Watch, s.server.Stream, s.server.Out = !s.noWatch, !s.noStream, os.Stdout
	s.seed.Apps = strings.FieldsFunc(s.apps, func(r rune) bool { return r == ',' })
	return s, err
}

func serve(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.server.Kubeconfig)
	if err != nil {
		return err
	}
	objects := catalog.New(s.catalog)
	server.Tables(objects, s.server.Domain)
	existed, err := objects.Open()
	if err != nil {
		return err
	}
	if !existed {
		s.seed.Load(objects)
	}
	if err := behave(ctx, s, config, objects); err != nil {
		return err
	}
	return server.Run(ctx, s.server, objects)
}

func behave(ctx context.Context, s settings, config *rest.Config, objects *catalog.Catalog) error {
	executor, err := behaviour.NewAccount(config, "executor-server", s.server.Domain)
	if err != nil {
		return err
	}
	collector, err := behaviour.NewAccount(config, "garbagecollector-server", s.server.Domain)
	if err != nil {
		return err
	}
	behaviour.Install(ctx, objects, s.account, executor)
	go behaviour.CollectExpired(ctx, objects, collector, s.gcPeriod)
	return behaviour.FollowNamespaces(ctx, config, objects)
}
