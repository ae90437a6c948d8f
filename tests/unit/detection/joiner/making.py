"""What the joiner's tests are made of: audit events and changes at given moments, and a desk at which they arrive.

Times are seconds after :data:`START`. Events take the way of real ones: encoded, decoded, redacted, translated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.detection.joiner.arrivals import Arrival, Record
from auditwatch.detection.joiner.joiner import Joiner
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity, Evidence, Gap, LogRow, Revision, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import format_time
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.shown import ShownKinds
from auditwatch.k10.view import InstalledK10

START = 1_800_000_000.0
CONFIG, APPS = "config.kio.kasten.io", "apps.kio.kasten.io"
CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
_REDACTOR = Redactor(b"joiner tests")


def event(
    verb: str = "patch",
    name: str = "daily",
    *,
    at: float = 0.0,
    took: float = 0.1,
    user: str = "eve",
    group: str = CONFIG,
    resource: str = "policies",
    namespace: str = "kasten-io",
    source: str = "audit-log",
    instance: str = "api-1",
    evidence: Evidence = "Audited",
    code: int = 200,
    stage: str = "ResponseComplete",
    query: str = "",
    extra: dict[str, list[str]] | None = None,
    **fields: Any,
) -> AuditRecord:
    """The record of one stage of a request that was received at ``at`` and answered ``took`` seconds later."""
    place = f"/namespaces/{namespace}" if namespace else ""
    reference = {
        "apiGroup": group, "apiVersion": "v1alpha1", "resource": resource, "namespace": namespace, "name": name
    }  # fmt: skip
    written = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"{verb}-{name}-{user}-{at}",
        "stage": stage,
        "requestURI": f"/apis/{group}/v1alpha1{place}/{resource}/{name}{query}",
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"], "extra": extra or {}},
        "sourceIPs": ["10.1.2.3"],
        "userAgent": "kubectl/v1.34.0",
        "objectRef": {key: value for key, value in reference.items() if value},
        "responseStatus": {"code": code} if stage != "RequestReceived" else None,
        "requestReceivedTimestamp": format_time(START + at),
        "stageTimestamp": format_time(START + at + (took if stage != "RequestReceived" else 0.0)),
        **fields,
    }
    decoded = decode(json.dumps({key: value for key, value in written.items() if value is not None}).encode())
    return record_of(
        decoded,
        cluster="prod",
        source=source,
        instance=instance,
        evidence=evidence,
        received=START + at,
        redactor=_REDACTOR,
    )


def body(version: str, name: str = "daily", **spec: Any) -> dict[str, Any]:
    """An object as the API server answers with it."""
    metadata = {"name": name, "namespace": "kasten-io", "uid": f"uid-{name}", "resourceVersion": version}
    return {"kind": "Policy", "apiVersion": f"{CONFIG}/v1alpha1", "metadata": metadata, "spec": spec}


def change(
    verb: Any = "update",
    name: str = "daily",
    *,
    at: float = 0.1,
    since: float | None = -30.0,
    version: str = "11",
    group: str = CONFIG,
    resource: str = "policies",
    namespace: str = "kasten-io",
    manager: str = "",
    signed: float | None = None,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    **fields: Any,
) -> StateChange:
    """An object seen to differ at ``at`` from what it was at ``since``; ``signed``: the server's own time for it."""
    metadata = {"name": name, "namespace": namespace}
    before = {"metadata": metadata, "spec": {"paused": False}} if old is None else old
    after = {"metadata": metadata, "spec": {"paused": True}} if new is None else new
    filled: dict[str, Any] = {
        "uid": f"uid-{name}",
        "old_version": "" if verb == "create" else "10",
        "new_version": "" if verb == "delete" else version,
        "old": None if verb == "create" else before,
        "new": None if verb == "delete" else after,
    }
    return StateChange(
        cluster="prod",
        group=group,
        version="v1alpha1",
        resource=resource,
        namespace=namespace,
        name=name,
        verb=verb,
        not_before=None if since is None else START + since,
        observed=START + at,
        changed=None if signed is None else START + signed,
        manager=manager,
        **(filled | fields),
    )


def gap(reason: str = "HistoryLost", *, subject: str = f"{CONFIG}/policies", start: float = 0, end: float = 1) -> Gap:
    """A gap of the state source."""
    return Gap(
        cluster="prod",
        source="state",
        subject=subject,
        reason=reason,
        message="m",
        start=START + start,
        end=START + end,
    )


def translate(record: AuditRecord) -> Activity:
    """As the runtime does it, with any pod believed."""
    return activity_of(record, Circumstances(k10=InstalledK10(), pods=AnyPod()))


def trouble(sequence: int, error: Exception) -> Gap:
    """No item of a test may fail unnoticed."""
    raise AssertionError(f"inbox row {sequence}: {error!r}") from error


def a_joiner(**parts: Any) -> Joiner:
    """A joiner for a K10 in ``kasten-io``."""
    filled: dict[str, Any] = {"trouble": trouble} | parts
    return Joiner(filled.pop("translate", translate), ShownKinds((K10Instance(),)), **filled)


@dataclass
class Desk:
    """A joiner with its inbox and its log, both in memory; it can be killed at any moment."""

    parts: dict[str, Any] = field(default_factory=dict)
    log: list[LogRow] = field(default_factory=list)
    inbox: dict[int, Arrival] = field(default_factory=dict)
    saved: dict[str, bytes] = field(default_factory=dict)
    arrived: int = 0

    def __post_init__(self) -> None:
        self.joiner = a_joiner(**self.parts)

    def take(self, *records: Record, at: float, size: int = 0) -> None:
        """Records arrive together at ``at``, each of ``size`` bytes."""
        for record in records:
            self.arrived += 1
            arrival = Arrival(self.arrived, START + at, record, size)
            self.inbox[self.arrived] = arrival
            self.joiner.take(arrival)

    def settle(self, at: float) -> list[LogRow]:
        """What is told at ``at``; it is in the log then, and saved with what is remembered."""
        following = len(self.log) + 1
        settled = self.joiner.settle(START + at, next_sequence=following, recall=self.recall)
        assert len(set(settled.inbox)) == len(settled.inbox), "an inbox row was settled twice"
        for sequence in settled.inbox:
            del self.inbox[sequence]
        self.log += settled.rows
        for key, row in self.joiner.take_dirty(now=START + at).items():
            if row is None:
                self.saved.pop(key, None)
            else:
                self.saved[key] = row
        return settled.rows

    def tell(self, *records: Record, at: float) -> list[LogRow]:
        """Both at once."""
        self.take(*records, at=at)
        return self.settle(at)

    def kill(self) -> None:
        """Begin anew with what was saved and what is not settled."""
        self.joiner = a_joiner(**self.parts)
        self.joiner.restore(sorted(self.saved.items()))
        for arrival in list(self.inbox.values()):
            self.joiner.take(arrival)

    def recall(self, sequence: int) -> Activity | None:
        if not 0 < sequence <= len(self.log):
            return None
        row = self.log[sequence - 1]
        return row.activity if isinstance(row, Revision) else None if isinstance(row, Gap) else row


def heard(*, lag: float = 1.0, at: float = -60.0, **fields: Any) -> AuditRecord:
    """A read by which an audit source shows that it lives; it arrives ``lag`` seconds after it was answered."""
    del lag
    return event("get", "alive", at=at, took=0.0, user="canary", **fields)


def with_audit(*, lag: float = 1.0, **parts: Any) -> Desk:
    """A desk that has heard of an audit source ``audit-log`` with this lag."""
    desk = Desk(parts)
    desk.tell(heard(at=-70.0), at=-70.0)
    desk.tell(heard(), at=-60.0 + lag)
    desk.settle(-50.0)
    desk.log.clear()
    desk.log.append(gap("Placeholder"))
    return desk


def activities(rows: Sequence[LogRow]) -> list[Activity]:
    """Rows of which each is an activity."""
    found = [row for row in rows if isinstance(row, Activity)]
    assert len(found) == len(rows), rows
    return found


def only(rows: Sequence[LogRow]) -> Activity:
    """The one row there is, an activity."""
    (row,) = rows
    assert isinstance(row, Activity), row
    return row


def revision(rows: Sequence[LogRow]) -> Revision:
    """The one row there is, a correction."""
    (row,) = rows
    assert isinstance(row, Revision), row
    return row


def encoded(row: LogRow) -> bytes:
    """A row as the journal holds it."""
    return msgspec.json.encode(row, order="deterministic")
