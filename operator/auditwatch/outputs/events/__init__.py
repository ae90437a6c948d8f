"""Kubernetes Events about findings: a notification for whoever looks at the cluster; the finding is the record."""

from auditwatch.outputs.events.recorder import EventRecorder

__all__ = ["EventRecorder"]
