"""k10-auditwatch: sees what is done to Kasten K10 and says so as Kubernetes objects."""

__version__ = "0.1.0"
