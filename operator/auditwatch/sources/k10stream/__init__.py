"""The `k10stream` source: the audit events K10 itself writes to the log of the pods that serve its APIs."""
