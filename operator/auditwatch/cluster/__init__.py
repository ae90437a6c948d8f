"""The Kubernetes client and what needs it: lease, access reviews, discovery, the store of findings."""
