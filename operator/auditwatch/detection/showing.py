"""What a rule's test shows, made into rows as sources and the joiner make them, so that tests test what runs.

Audit events take the same way as real ones: encoded, decoded, redacted, recorded, translated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from auditwatch.api.ruletests import RuleTest, ShownChange
from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.creations import is_creation
from auditwatch.detection.matching import STATE_VERBS, kind_of
from auditwatch.detection.pods import WatchedPods
from auditwatch.detection.remembered import Remembered
from auditwatch.detection.settle import settle
from auditwatch.detection.trust import AnyPod, PodsView
from auditwatch.events.activity import Activity, Attribution, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import NotAnAuditEventError, decode
from auditwatch.events.derived import is_decisive
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import format_time

FIRST_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""Event time of a test's first change that does not say its own; each further one is a second later."""

_CLUSTER: Final = "test"
_REDACTOR: Final = Redactor(b"rule tests")


class UnreadableEventError(ValueError):
    """An audit event of a test cannot be read as one; the message says which and what of it."""


def shown_rows(rule_set: RuleSet, test: RuleTest) -> Iterator[Activity]:
    """The rows of a test: first the changes that no event explains, then the events with the changes they made.

    Where an event made none of them, its old object is what was there before, as in a log that showed it.

    Raises :class:`UnreadableEventError`.
    """
    changes = list(state_changes(rule_set, test.changes))
    seen = Circumstances(k10=rule_set.k10, pods=_pods(rule_set, changes))
    first = changes[-1].observed + 1 if changes else FIRST_TIME
    activities = [activity_of(record, seen) for record in _records(rule_set, test, first) if is_decisive(record.event)]
    joined = [_joined(activity, changes) for activity in activities]
    memory, told = Remembered(), set[str]()
    for row in (*map(settle, changes), *joined):
        if isinstance(row, Activity) and row.key not in told:
            told.add(row.key)
            yield memory.completed(row)


def state_changes(rule_set: RuleSet, shown: Sequence[ShownChange]) -> Iterator[StateChange]:
    """The changes as the state source would have recorded them, groups in the domain of the K10 at hand."""
    now = FIRST_TIME - 1
    for number, change in enumerate(shown):
        now = change.time.timestamp() if change.time else now + 1
        yield _state_change(rule_set, change, number, now)


def _state_change(rule_set: RuleSet, shown: ShownChange, number: int, now: float) -> StateChange:
    group, _, resource = shown.resource.rpartition("/")
    metadata = _metadata(shown)
    name = str(metadata.get("name", ""))
    return StateChange(
        cluster=_CLUSTER,
        group=rule_set.k10.group(group),
        version="",
        resource=resource,
        namespace=str(metadata.get("namespace", "")),
        name=name,
        uid=str(metadata.get("uid", name)),
        verb="create" if shown.old is None else "delete" if shown.new is None else "update",
        old=shown.old,
        new=shown.new,
        old_version=str(number),
        new_version=str(number + 1),
        observed=now,
        manager=shown.manager,
    )


def _metadata(shown: ShownChange) -> dict[str, object]:
    found = (shown.new or shown.old or {}).get("metadata")
    return found if isinstance(found, dict) else {}


def _records(rule_set: RuleSet, test: RuleTest, first: float) -> Iterator[AuditRecord]:
    for number, event in enumerate(test.audit_events):
        written = _completed(rule_set, event, number, first + number)
        try:
            decoded = decode(json.dumps(written).encode())
        except NotAnAuditEventError as error:
            raise UnreadableEventError(f"event {number + 1}: {error}") from None
        if "FieldsUnreadable" in decoded.degraded:
            raise UnreadableEventError(f"event {number + 1}: a field has a value of the wrong type")
        yield record_of(
            decoded,
            cluster=_CLUSTER,
            source="test",
            evidence=test.evidence,
            received=first + number,
            redactor=_REDACTOR,
        )


def _completed(rule_set: RuleSet, event: dict[str, Any], number: int, time: float) -> dict[str, Any]:
    """The event with what a test may leave out, its group in the domain of the K10 at hand."""
    has_body = "requestObject" in event or "responseObject" in event
    filled = {
        "level": "RequestResponse" if has_body else "Metadata",
        "auditID": f"test-{number}",
        "stage": "ResponseComplete",
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": format_time(time),
        "stageTimestamp": format_time(time),
        **event,
    }
    reference = filled.get("objectRef")
    if isinstance(reference, dict) and isinstance(reference.get("apiGroup"), str):
        filled["objectRef"] = {**reference, "apiGroup": rule_set.k10.group(reference["apiGroup"])}
    return filled


def _pods(rule_set: RuleSet, changes: Sequence[StateChange]) -> PodsView:
    """K10's pods as shown; where none is, any pod is believed to be one."""
    pods = WatchedPods(rule_set.k10)
    for change in changes:
        pods.observe(change)
    if not pods.is_empty:
        pods.name()
        pods.proven_until(float("inf"))
        return pods
    return AnyPod()


def _joined(activity: Activity, changes: list[StateChange]) -> Activity:
    """The activity with the change it made, which is taken out of ``changes``."""
    change = next((change for change in changes if _explains(activity, change)), None)
    if change is None:
        return activity
    changes.remove(change)
    row = settle(change)
    assert isinstance(row, Activity)
    target = msgspec.structs.replace(activity.target, uid=activity.target.uid or change.uid)
    return msgspec.structs.replace(
        activity,
        target=target,
        attribution=_attribution(activity),
        object=row.object,
        old_object=row.old_object,
        confirmed_by=(row.evidence,),
    )


def _attribution(activity: Activity) -> Attribution:
    """As the joiner says it: an update of which the answer was not logged fits the change, and proves nothing."""
    speaks_for_itself = is_creation(activity) or activity.verb == "delete" or isinstance(activity.object, dict)
    return activity.attribution if speaks_for_itself else "Correlated"


def _explains(activity: Activity, change: StateChange) -> bool:
    target = activity.target
    return (
        (target.group, target.resource, target.subresource, target.namespace, target.name)
        == (change.group, change.resource, "", change.namespace, change.name)
        and kind_of(activity).verb in STATE_VERBS.get(change.verb, (change.verb,))
        and activity.outcome in {"Succeeded", "Unknown"}
    )
