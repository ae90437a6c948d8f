"""A real Kubernetes for tests: built from source once, started in seconds.

Nothing here needs Docker or root. `build` makes the binaries, `controlplane` runs
etcd, kube-apiserver and kube-controller-manager from them, `fixtures` hands that to
pytest and `python -m tests.cluster` to people.
"""
