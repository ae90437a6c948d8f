"""What clients can make a real API server write into its audit log: every event is read, and none hides another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import decode
from auditwatch.events.needles import Needle, Needles
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.unwrap import unwrap
from tests.cluster.audit import EVERYTHING, Audit
from tests.cluster.controlplane import ControlPlane

FORGED = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"forged","stage":"Panic"}'
HOSTILE: dict[str, bytes] = {
    "deep": b'{"a":' * 9_900 + b"1" + b"}" * 9_900,
    "digits": b"9" * 5_000,
    "exponent": b"1e999999",
    "surrogate": rb'"\ud800"',
    "no-utf-8": b'"\xff\xfe"',
    "twice": b'{"a":1,"a":2}',
    "nul": rb'"\u0000"',
    "angles": b'"' + b"<" * 3_000_000 + b'"',
    "events": b"[%s,%s]" % (FORGED, FORGED),
    "text-of-events": json.dumps(FORGED.decode() + "\n" + FORGED.decode()).encode(),
    "quotes": rb'"\\\"},\"stageTimestamp\":\"2000-01-01T00:00:00Z\"}\\"',
}
"""A value of each kind, by the name of the object that it is sent to."""
OBJECTS = "/api/v1/namespaces/default/configmaps"
REDACTOR = Redactor(b"a key of an installation")


@pytest.fixture(scope="module")
def attacked(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """A control plane that logs all bodies, after every hostile value was sent to it."""
    audit = Audit(policy=EVERYTHING)
    with ControlPlane(binary=kubernetes_binary, audit=audit, with_controller_manager=False) as cluster:
        for name, value in HOSTILE.items():
            made = {"metadata": {"name": name}, "data": {"shown": FORGED.decode()}}
            assert cluster.request("POST", OBJECTS, body=made).status == 201
            _patch(cluster, name, b'{"before":1,"hostile":%s,"data":{"stolen":"yes"}}' % value)
        yield cluster


def _patch(cluster: ControlPlane, name: str, body: bytes) -> None:
    """Whatever the answer: most are refused, and logged all the same."""
    headers = {"Content-Type": "application/merge-patch+json", "User-Agent": f'agent "of" {name} \\'}
    cluster.request("PATCH", f"{OBJECTS}/{name}", body=body, headers=headers)


def _lines(cluster: ControlPlane) -> list[bytes]:
    return cluster.audit_log.read_bytes().splitlines()


def _recorded(raw: bytes) -> AuditRecord:
    return record_of(decode(raw), cluster="c", source="audit-log", received=0.0, redactor=REDACTOR)


def _of_patches(cluster: ControlPlane, name: str) -> list[tuple[bytes, AuditRecord]]:
    records = [(raw, _recorded(raw)) for raw in _lines(cluster) if b'"verb":"patch"' in raw]
    return [(raw, found) for raw, found in records if found.event.object_ref and found.event.object_ref.name == name]


def test_every_line_of_the_log_is_one_event_with_all_its_fields(attacked: ControlPlane) -> None:
    lines = _lines(attacked)
    assert len(lines) > 2 * len(HOSTILE)

    for raw in lines:
        assert list(unwrap(raw)) == [raw]
        event = decode(raw).event
        assert "" not in (event.audit_id, event.stage, event.level, event.verb, event.stage_timestamp)
        assert event.audit_id != "forged"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_patch_is_told_with_who_sent_it_what_it_was_about_and_when(attacked: ControlPlane, name: str) -> None:
    found = [record for _, record in _of_patches(attacked, name) if record.event.stage == "ResponseComplete"]

    assert len(found) == 1
    event = found[0].event
    assert event.user.username
    assert event.user_agent == f'agent "of" {name} \\'
    assert event.source_ips == ("127.0.0.1",)
    assert event.response_status is not None
    assert event.response_status.code >= 200
    assert event.annotations["authorization.k8s.io/decision"] == "allow"
    assert event.stage_timestamp >= event.request_received_timestamp > "2020"


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"angles"}))
def test_what_was_sent_beside_the_hostile_value_is_read(attacked: ControlPlane, name: str) -> None:
    (body,) = [
        record.request_object
        for _, record in _of_patches(attacked, name)
        if not isinstance(record.request_object, msgspec.UnsetType)
    ]

    assert isinstance(body, dict)
    assert body["before"] == 1
    assert body["data"] == {"stolen": "yes"}
    assert "hostile" in body


def test_a_text_of_many_megabytes_hides_nothing_beside_it(attacked: ControlPlane) -> None:
    raw, record = max(_of_patches(attacked, "angles"), key=lambda found: len(found[0]))

    assert len(raw) > 17_000_000
    assert "BodyTooLarge" in record.degraded
    assert record.request_object == {
        "before": 1,
        "hostile": "(a text of 18000000 bytes)",
        "data": {"stolen": "yes"},
    }


def test_a_hostile_event_and_its_neighbours_are_all_in_a_list(attacked: ControlPlane) -> None:
    lines = [raw for raw in _lines(attacked) if len(raw) < 1_000_000]
    items = [raw.replace(b'"kind":"Event","apiVersion":"audit.k8s.io/v1",', b"", 1) for raw in lines]
    body = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s]}' % b",".join(items)

    found = list(unwrap(body))

    assert found == items
    assert [_recorded(raw).key for raw in found] == [_recorded(raw).key for raw in lines]


@pytest.mark.parametrize("name", ["events", "text-of-events", "surrogate", "quotes"])
def test_a_torn_line_and_the_next_one_glued_to_it_are_both_read(attacked: ControlPlane, name: str) -> None:
    raw = max((raw for raw, _ in _of_patches(attacked, name)), key=len)

    for end in range(400, len(raw), 7):
        assert list(unwrap(raw[:end] + raw)) == [raw[:end], raw]
        assert decode(raw[:end]).event.audit_id == decode(raw).event.audit_id


def test_the_prefilter_finds_every_event_of_an_object_whatever_stands_in_its_body(attacked: ControlPlane) -> None:
    log = attacked.audit_log.read_bytes()
    found = Prefilter(Needles.of([Needle(('"resource":"configmaps"', f'"name":"{name}"')) for name in HOSTILE]))

    selected = {log[start:end] for start, end in found.lines(log)}

    patches = {raw for name in HOSTILE for raw, _ in _of_patches(attacked, name)}
    assert patches
    assert patches <= selected


def test_all_that_was_read_can_be_kept(attacked: ControlPlane) -> None:
    records: list[Any] = [_recorded(raw) for raw in _lines(attacked)]

    assert msgspec.json.decode(msgspec.json.encode(records), type=list[AuditRecord]) == records
