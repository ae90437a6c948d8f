"""What was found in a cluster, as plain values: gathered once, judged by pure functions, written into a bundle.

A thing that could not be read is :class:`Unread`, which is not the same as a thing that is not there (``None``, empty).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditwatch.cluster.access import Permission
from auditwatch.k10.identity import K10Instance

JSONObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why something is not known; for a right that is missing it names the right."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The API server. ``date``: its clock in seconds since the epoch, ``None`` where it sent none."""

    version: str
    date: float | None = None
    asked: float = 0.0
    """Our clock when it answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The end of the logs of K10's API pods: how many lines were read, and those that look like audit events."""

    pods: int = 0
    lines: int = 0
    events: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class K10Found:
    """One K10 as it was found."""

    instance: K10Instance
    deployment: JSONObject
    """Its ``aggregatedapis-svc``."""
    settings: JSONObject | Unread | None = None
    """ConfigMap ``k10-config``."""
    stream: Stream | Unread = field(default_factory=Stream)
    audit_configs: Sequence[JSONObject] | Unread = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the operator may not do that a feature needs. ``account``: whose rights were asked for."""

    account: str
    """Username of whom that was asked."""
    is_operator: bool
    """Whether that is the operator's account; else it is whoever runs the doctor."""
    asked: int
    missing: Mapping[str, Sequence[Permission]]
    """By feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What tells one way of running Kubernetes from another."""

    nodes: Sequence[JSONObject] | Unread = ()
    api_servers: Sequence[JSONObject] | Unread = ()
    """Static pods of kube-apiserver, where it runs as one."""
    groups: frozenset[str] | Unread = frozenset()
    """API groups that are served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """The installed operator and what belongs to it."""

    deployments: Sequence[JSONObject] | Unread = ()
    elsewhere: Sequence[str] = ()
    """Where there is none: namespaces that have one."""
    lease: JSONObject | Unread | None = None
    configuration: JSONObject | Unread | None = None
    """The installer's configuration; ``None`` where there is none."""
    claims: Mapping[str, JSONObject | Unread | None] = field(default_factory=dict)
    """PersistentVolumeClaims of its pod by name."""
    authorities: Mapping[str, JSONObject | Unread | None] = field(default_factory=dict)
    """ConfigMaps in which the webhook's CA is to be published, by ``namespace/name``."""
    services: Sequence[JSONObject] | Unread = ()
    """Services of its namespace."""
    slices: Sequence[JSONObject] | Unread = ()
    """EndpointSlices of its namespace."""
    agents: Sequence[JSONObject] | Unread = ()
    """DaemonSets of agents, of every namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the checks look at. ``namespace``: the operator's own."""

    namespace: str
    server: Server | Unread
    definitions: Mapping[str, JSONObject | Unread | None] = field(default_factory=dict)
    """Our CustomResourceDefinitions by name."""
    operator: Operator = field(default_factory=Operator)
    watches: Sequence[JSONObject] | Unread = ()
    """AuditWatches of every namespace."""
    k10s: Sequence[K10Found] | Unread = ()
    platform: Platform = field(default_factory=Platform)
    multicluster: frozenset[str] = frozenset()
    """Multi-cluster namespaces of the K10s that exist."""
    rights: Rights | Unread = field(default_factory=lambda: Unread("not asked"))
