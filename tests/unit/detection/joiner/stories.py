"""Made-up hours of a cluster: requests with all that tells of them, and the findings that come of it.

A *sighting* is one record with the time at which it happened; when it arrives is for the test to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from auditwatch.detection.detector import Detector
from auditwatch.detection.joiner.arrivals import Record
from auditwatch.detection.signals import GAP_RULE
from auditwatch.events.activity import Activity, LogRow, Revision, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.keys import gap_key, state_change_key
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import FindingState
from tests.unit.detection.building import rule_set
from tests.unit.detection.joiner.making import APPS, START, body, change, event, heard

LAG: Final = 4.0
"""The lag of the audit source in all of them."""
WARM: Final = (
    *(heard(at=-200.0 + number) for number in range(110)),
    heard(at=-100.0, group=APPS, resource="restorepoints", evidence="K10Stream", source="k10", instance="pod-1"),
)
"""Enough of that lag that a few quicker events do not change it; and a record of K10's own."""

RULES: Final = """
- name: policy-written
  severity: Low
  title: "{actor.id} wrote {target.name}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update, patch]}
- name: policy-paused
  severity: Medium
  title: "{actor.id} paused {target.name}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update, patch]}
  where:
  - {forAny: {path: changes, where: [{field: $.path, operator: Equals, values: [spec.paused]}, {field: $, operator: ChangedTo, values: ["true"]}]}}
  onUnknown: {severity: Info, title: "{actor.id} changed {target.name}"}
- name: point-deleted
  severity: High
  title: "{actor.id} deleted {target.name}"
  match: {apiGroups: [apps.kio.kasten.io], resources: [restorepoints], verbs: [delete, deletecollection]}
"""  # noqa: E501 - a rule's test stands in one line


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record, and when it could first have arrived (seconds after the start)."""

    record: Record
    at: float
    key: str


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does, and who tells of it."""

    pause: float
    """Seconds after the step before."""
    user: str
    name: str
    verb: str
    code: int
    has_body: bool
    tellers: frozenset[str]
    shows: bool
    """Whether it has an effect that state shows."""
    is_signed: bool
    is_point: bool


STEPS = st.builds(
    Step,
    pause=st.sampled_from([0.3, 0.9, 4.0, 9.0]),
    user=st.sampled_from(["eve", "bob"]),
    name=st.sampled_from(["daily", "weekly"]),
    verb=st.sampled_from(["patch", "update"]),
    code=st.sampled_from([200, 200, 200, 503, 403]),
    has_body=st.booleans(),
    tellers=st.sets(st.sampled_from(["file", "webhook", "received", "k10"]), min_size=0, max_size=4).map(frozenset),
    shows=st.booleans(),
    is_signed=st.booleans(),
    is_point=st.booleans(),
)
HOURS = st.lists(STEPS, min_size=1, max_size=5)


def sightings(steps: Sequence[Step]) -> list[Sighting]:
    """All records of the steps, in the order in which they happened."""
    found: list[Sighting] = []
    now = 0.0
    for number, step in enumerate(steps):
        now += step.pause
        found += _of_point(step, number, now) if step.is_point else _of_policy(step, number, now)
    return sorted(found, key=lambda sighting: sighting.at)


def _of_policy(step: Step, number: int, now: float) -> list[Sighting]:
    version = str(100 + number)
    answer: dict[str, Any] = (
        {"responseObject": body(version, step.name, paused=True)} if step.has_body and step.code == 200 else {}
    )
    common: dict[str, Any] = {"at": now, "user": step.user, "auditID": f"id-{number}"}
    told = [
        _sighting(event(step.verb, step.name, source=source, code=step.code, **common, **answer), now + 0.1)
        for source in ("file", "webhook")
        if source in step.tellers
    ]
    if "received" in step.tellers:
        told.append(_sighting(event(step.verb, step.name, source="file", stage="RequestReceived", **common), now))
    if step.shows and step.code != 403:
        signed: dict[str, Any] = {"signed": float(int(now)), "manager": "kubectl"} if step.is_signed else {}
        seen: dict[str, Any] = {"at": now + 0.12, "since": now - 0.5, "version": version, **signed}
        told.append(_sighting(change("update", step.name, old_version=str(99 + number), **seen), now + 0.12))
    return told


def _of_point(step: Step, number: int, now: float) -> list[Sighting]:
    """The deletion of a restore point, which K10's own server records as well."""
    place: dict[str, Any] = {"group": APPS, "resource": "restorepoints", "namespace": "shop", "name": f"rp-{number}"}
    common = {**place, "at": now, "user": step.user, "auditID": f"id-{number}", "code": step.code}
    told = [
        _sighting(event("delete", source=source, **common), now + 0.1)
        for source in ("file", "webhook")
        if source in step.tellers
    ]
    if "k10" in step.tellers and step.code == 200:
        relayed = {**common, "at": now + 0.01, "took": 0.05, "evidence": "K10Stream", "source": "k10"}
        told.append(_sighting(event("delete", instance="pod-1", **relayed), now + 0.06))
    if step.shows and step.code != 403:
        seen = change("delete", at=now + 0.12, since=now - 0.5, old_version=str(number), **place)
        told.append(_sighting(seen, now + 0.12))
    return told


def _sighting(record: Record, at: float) -> Sighting:
    return Sighting(record, at, key_of(record))


def key_of(record: Record) -> str:
    """The record's content key, as sources give it to the inbox."""
    if isinstance(record, StateChange):
        return state_change_key(record)
    return record.key if isinstance(record, AuditRecord) else gap_key(record)


def place_of(record: Record) -> str:
    """The object a record is about."""
    if isinstance(record, StateChange):
        return f"{record.resource}/{record.name}"
    reference = record.event.object_ref if isinstance(record, AuditRecord) else None
    return f"{reference.resource}/{reference.name}" if reference else ""


def as_set(rows: Iterable[LogRow]) -> list[bytes]:
    """The activities, without what only the order of arrival decides: which of two sources told first.

    It decides as well which of them has proven what it logs, and so whose gap an unexplained change is.
    """
    told = (msgspec.structs.replace(row, source="") for row in rows if isinstance(row, Activity))
    return sorted(msgspec.json.encode(row, order="deterministic") for row in told)


_RULE_SET: Final = rule_set(RULES)


def findings(log: Iterable[tuple[int, LogRow]]) -> list[FindingState]:
    """What the rules find in a log."""
    rules, book = Detector(), Ledger(journal_id="j", cluster="prod", clock=lambda: START)
    rules.install(_RULE_SET, in_force_from={})
    for sequence, row in log:
        book.apply(rules.observe(sequence, row))
    return sorted(book.states(), key=lambda state: state.key)


def told_of(states: Iterable[FindingState]) -> list[tuple[str, int, str, str]]:
    """What two runs must agree on: name, count, severity, attribution."""
    return [(state.name, state.count, state.severity, state.attribution) for state in states if state.rule != GAP_RULE]


def by_group(states: Iterable[FindingState]) -> dict[tuple[str, Any], int]:
    """Counts by rule and target, whatever the incidents are called."""
    counts: dict[tuple[str, Any], int] = {}
    for state in states:
        group = (state.rule, state.group)
        counts[group] = counts.get(group, 0) + state.count
    return counts


def has_corrections(rows: Iterable[LogRow]) -> bool:
    """Whether anything was told too early."""
    return any(isinstance(row, Revision) for row in rows)
