"""The webhook source: audit events pushed by kube-apiserver or by our agents, over TLS, answered after the commit."""
