package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"k10-auditwatch.io/tests/cluster/k10apis/node"
)

type nodeSettings struct {
	name, kubeconfig, scheduler     string
	clientCA, certificate, key, dir string
	served, address                 string
	port                            int
	command                         []string
}

func parseNode(args []string) (nodeSettings, error) {
	var s nodeSettings
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	flags.StringVar(&s.name, "name", "k10-node", "of the Node")
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "of the node's identity")
	flags.StringVar(&s.scheduler, "scheduler-kubeconfig", "", "of the scheduler's identity")
	flags.StringVar(&s.clientCA, "client-ca-file", "", "signs who may read logs")
	flags.StringVar(&s.certificate, "tls-cert-file", "", "of the kubelet's API")
	flags.StringVar(&s.key, "tls-private-key-file", "", "of the kubelet's API")
	flags.StringVar(&s.dir, "dir", "", "for logs of containers")
	flags.StringVar(&s.served, "served", "aggregatedapis-svc", "label run of the pod that runs the command")
	flags.StringVar(&s.address, "ready-address", "", "answers when the command is ready")
	flags.IntVar(&s.port, "port", 0, "of the kubelet's API")
	err := flags.Parse(args)
	s.command = flags.Args()
	if err == nil && len(s.command) == 0 {
		err = fmt.Errorf("give the pod's command after --")
	}
	return s, err
}

func runNode(ctx context.Context, args []string) error {
	s, err := parseNode(args)
	if err != nil {
		return err
	}
	kubelet, err := connect(s.kubeconfig, "kubelet")
	if err != nil {
		return err
	}
	scheduler, err := connect(s.scheduler, "kube-scheduler")
	if err != nil {
		return err
	}
	identities := node.Identities{Client: kubelet, Kubeconfig: s.kubeconfig, Dir: s.dir}
	runner := &node.Runner{Served: s.served, Command: s.command, Address: s.address, Dir: s.dir, Account: identities.Of}
	server, err := s.listen(node.Logs{Client: kubelet, Runner: runner})
	if err != nil {
		return err
	}
	defer server.Close()
	if err := (node.Machine{Name: s.name, Port: s.port, Client: kubelet}).Join(ctx); err != nil {
		return err
	}
	go node.Scheduler{Node: s.name, Client: scheduler}.Run(ctx)
	node.Kubelet{Node: s.name, Client: kubelet, Runner: runner}.Run(ctx)
	runner.StopAll()
	return nil
}

func connect(kubeconfig, agent string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = agent + "/v1.37.2 (linux/amd64) kubernetes/stand-in"
	config.QPS, config.Burst = 200, 400
	return kubernetes.NewForConfig(config)
}

// listen serves logs to clients the cluster's authority vouches for.
func (s nodeSettings) listen(logs http.Handler) (*http.Server, error) {
	authority, err := os.ReadFile(s.clientCA)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	routes := http.NewServeMux()
	routes.Handle("GET /containerLogs/{namespace}/{pod}/{container}", logs)
	server := &http.Server{
		Handler:   routes,
		TLSConfig: &tls.Config{ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert},
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return nil, err
	}
	go server.ServeTLS(listener, s.certificate, s.key)
	return server, nil
}
