// Command k10apis stands in for Kasten K10 in tests: "serve" is the pod
// aggregatedapis-svc with the catalog behind it, "node" the machine it runs on.
package main

import (
	"fmt"
	"os"

	genericserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: k10apis serve|node [flags]")
		os.Exit(2)
	}
	ctx := genericserver.SetupSignalContext()
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(ctx, os.Args[2:])
	case "node":
		err = runNode(ctx, os.Args[2:])
	default:
		err = fmt.Errorf("no such command: %s", os.Args[1])
	}
	if err != nil {
		klog.ErrorS(err, "k10apis ends")
		os.Exit(1)
	}
}
