"""Requests, each once: stages, copies, answers that never came, and old values learnt from the log itself."""

from __future__ import annotations

from typing import Any

import msgspec

from auditwatch.detection.audited import Circumstances
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity
from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.scan.settling import Seen, Settling

from .making import K10, KEY, event, line

PLACE = ("audit.log", 1, 0)


def _settling() -> Settling:
    return Settling(Circumstances(k10=K10, pods=AnyPod()))


def _settle(settling: Settling, written: dict[str, Any]) -> Activity | None:
    record = record_of(decode(line(written)), cluster="scan", source="scan", received=1.0, redactor=Redactor(KEY))
    return settling.settle(record, PLACE)


def _begun(number: int = 0, **fields: Any) -> dict[str, Any]:
    return event(number, stage="RequestReceived", responseStatus=None, **fields)


def test_a_request_of_several_stages_is_one_activity() -> None:
    settling = _settling()
    assert _settle(settling, _begun(1)) is None
    assert _settle(settling, event(1)) is not None
    assert list(settling.rest()) == []


def test_an_open_request_is_told_when_it_begins_and_not_again_when_it_ends() -> None:
    settling = _settling()
    reference = {"resource": "pods", "subresource": "exec", "namespace": "kasten-io", "name": "catalog"}
    fields = {"verb": "get", "objectRef": reference, "responseStatus": {"code": 101}}
    assert _settle(settling, event(1, stage="ResponseStarted", **fields)) is not None
    assert _settle(settling, event(1, stageTimestamp="2026-01-01T01:00:00.000000Z", **fields)) is None


def test_a_copy_of_a_record_counts_once() -> None:
    settling = _settling()
    assert _settle(settling, event(1)) is not None
    assert _settle(settling, event(1)) is None
    assert settling.duplicates == 1


def test_an_audit_id_used_twice_hides_neither_request() -> None:
    settling = _settling()
    assert _settle(settling, event(1, auditID="same")) is not None
    assert _settle(settling, event(2, auditID="same")) is not None


def test_a_change_without_an_answer_is_told_at_the_end_as_of_unknown_outcome() -> None:
    settling = _settling()
    _settle(settling, _begun(1))
    _settle(settling, event(200, name="other"))
    ((record, place),) = settling.rest()
    activity = settling.unanswered_one(record)
    assert (activity.outcome, activity.target.name, place) == ("Unknown", "policy-1", PLACE)
    assert settling.unanswered == 1


def test_a_change_that_may_still_be_answered_when_the_log_ends_is_not_told() -> None:
    settling = _settling()
    _settle(settling, event(10))
    _settle(settling, _begun(11))
    assert list(settling.rest()) == []


def test_reads_without_an_answer_are_not_told() -> None:
    settling = _settling()
    _settle(settling, _begun(1, verb="get"))
    _settle(settling, event(200))
    assert list(settling.rest()) == []


def test_an_earlier_body_of_the_log_tells_the_old_value() -> None:
    settling = _settling()
    old, new = ({"metadata": {"name": "daily"}, "spec": {"paused": paused}} for paused in (False, True))
    fields = {"name": "daily", "level": "RequestResponse"}
    _settle(settling, event(1, verb="get", responseObject=old, **fields))
    activity = _settle(settling, event(2, verb="update", requestObject=new, responseObject=new, **fields))
    assert activity is not None
    assert activity.old_object == old
    assert activity.object == new


def test_without_an_earlier_body_the_old_value_is_unknown() -> None:
    activity = _settle(_settling(), event(2, verb="update"))
    assert activity is not None
    assert activity.old_object is msgspec.UNSET


def test_keys_are_remembered_up_to_a_limit_the_oldest_is_forgotten_first() -> None:
    seen = Seen(2)
    first, second, third = ("0" * 63 + digit for digit in "123")
    keys = [key[::-1] for key in (first, second, third)]
    assert [seen.add(key) for key in keys] == [True, True, True]
    assert [seen.add(key) for key in (keys[2], keys[0])] == [False, True]
