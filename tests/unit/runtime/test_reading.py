"""Audit events are read with what is known of K10 and its pods, and wait for what is not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.joiner.joiner import JOINABLE_SECONDS
from auditwatch.events.activity import Client
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10
from auditwatch.runtime.reading import PODS, Reading
from auditwatch.sources.state.marks import Mark, write_mark
from auditwatch.sources.state.observation import Kept
from auditwatch.sources.state.streams import Stream, streams_of
from tests.unit.detection.joiner.making import START, change, event
from tests.unit.sources.file.committing import open_journal

ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"
POD = {"authentication.kubernetes.io/pod-uid": ["pod-1"]}
HOME, ABROAD = K10Instance(), K10Instance(name="b", namespace="backup")
BODY = {"spec": {"serviceAccountName": "k10-k10"}}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def pods(*instances: K10Instance) -> list[Stream]:
    return [stream for stream in streams_of("prod", instances) if stream.kind.key == "pods"]


def keep(journal: Journal, instance: K10Instance, uid: str, payload: bytes | None = None) -> None:
    """A pod as the state source has it in the journal."""
    stream = next(each for each in pods(instance) if each.namespace == instance.namespace)
    known = payload or msgspec.json.encode(Kept(name=uid, namespace=stream.namespace, body=BODY))
    journal.put_version(stream.key, VersionRow(uid=uid, version="1", payload=known, seen=START, listing=1))


def listed(journal: Journal, *instances: K10Instance, until: float) -> None:
    """The pods of these K10s' namespaces were listed in full."""
    for stream in pods(*instances):
        write_mark(journal, stream, Mark(observed=START + until, listing=1))


def is_k10(reading: Reading, **fields: Any) -> bool | None:
    return reading.activity(event("get", **{"user": ACCOUNT, "extra": POD, **fields})).actor.is_k10


def prepared(journal: Journal, *instances: K10Instance) -> Reading:
    reading = Reading(instances, cluster="prod")
    reading.learn(event("get", user=ACCOUNT, extra=POD))
    reading.prepare(journal)
    reading.refresh(journal)
    return reading


def test_a_pod_that_the_journal_knows_is_k10s_own(journal: Journal) -> None:
    keep(journal, HOME, "pod-1")

    assert is_k10(prepared(journal, HOME)) is True


def test_a_row_nobody_can_read_hides_none_of_its_neighbours(journal: Journal) -> None:
    keep(journal, HOME, "pod-0", b"{")
    keep(journal, HOME, "pod-1")

    assert is_k10(prepared(journal, HOME)) is True


def test_a_pod_of_another_namespace_is_not_k10s(journal: Journal) -> None:
    keep(journal, ABROAD, "pod-1")
    listed(journal, HOME, until=60.0)

    assert is_k10(prepared(journal, HOME)) is False


def test_a_pod_missing_from_the_whole_list_is_a_suspect_only_for_the_time_the_list_covers(journal: Journal) -> None:
    listed(journal, HOME, until=10.0)
    reading = prepared(journal, HOME)

    assert is_k10(reading, at=5.0) is False
    assert is_k10(reading, at=15.0) is None


def test_as_long_as_one_namespace_was_not_listed_in_full_nobody_is_a_suspect(journal: Journal) -> None:
    listed(journal, HOME, until=60.0)
    assert is_k10(prepared(journal, HOME, ABROAD)) is None

    listed(journal, ABROAD, until=60.0)
    assert is_k10(prepared(journal, HOME, ABROAD)) is False


def test_the_list_that_is_behind_the_others_decides(journal: Journal) -> None:
    listed(journal, HOME, until=60.0)
    listed(journal, ABROAD, until=10.0)

    assert is_k10(prepared(journal, HOME, ABROAD), at=30.0) is None


def test_a_cluster_that_names_no_pods_in_tokens_makes_nobody_a_suspect(journal: Journal) -> None:
    listed(journal, HOME, until=60.0)
    reading = Reading([HOME], cluster="prod")
    reading.learn(event("get", user="mallory", extra=POD))
    reading.prepare(journal)
    reading.refresh(journal)

    assert is_k10(reading, extra={}) is True


def test_a_new_pod_is_k10s_own_as_soon_as_its_change_is_learnt() -> None:
    reading = Reading([HOME], cluster="prod")
    assert is_k10(reading) is None
    made = change("create", name="pod-1", group="", resource="pods", new=BODY, uid="pod-1")
    reading.learn(made)

    assert is_k10(reading) is True


def test_who_asked_is_looked_for_behind_the_trusted_proxies() -> None:
    asked = event(sourceIPs=["192.0.2.7", "10.1.2.3"])
    by_default, behind = Reading(), Reading(trusted_proxies=[ip_network("10.0.0.0/8")])

    clients = [reading.activity(asked).client for reading in (by_default, behind)]

    assert [client.ip for client in clients if isinstance(client, Client)] == ["10.1.2.3", "192.0.2.7"]


def test_what_is_not_known_is_waited_for_as_long_as_a_rule_in_force_wants() -> None:
    match = {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"]}
    rule = {"name": "touched", "severity": "High", "settleSeconds": 30, "match": match}
    source = RuleSource(watch="a/one", rules=[("spec.rules[0]", rule)])
    patient, problems = compile_watch(source, k10=InstalledK10(), now=0.0)
    in_force: list[RuleSet] = []
    reading = Reading([HOME], rule_sets=lambda: in_force)
    open_question, settled = (reading.activity(event(user=user, extra=POD)) for user in (ACCOUNT, "mallory"))
    assert reading.hold(open_question) == 0.0

    in_force.append(patient)
    assert (problems, reading.hold(open_question), reading.hold(settled)) == ((), 30.0, 0.0)


@pytest.mark.parametrize(("wanted", "got"), [(0.0, JOINABLE_SECONDS), (7_200.0, 7_200.0)])
def test_what_is_told_stays_joinable_for_ten_minutes_or_for_as_long_as_we_were_down(wanted: float, got: float) -> None:
    assert Reading(joinable=wanted).joinable == got


@pytest.mark.parametrize("order", [(HOME, ABROAD), (ABROAD, HOME)], ids=["first", "second"])
def test_every_installed_k10_is_known_and_not_the_first_alone(journal: Journal, order: tuple[K10Instance, ...]) -> None:
    keep(journal, ABROAD, "pod-1")
    listed(journal, HOME, ABROAD, until=60.0)
    reading = prepared(journal, *order)

    assert is_k10(reading, user=ABROAD.account) is True
    stranger = {"authentication.kubernetes.io/pod-uid": ["pod-2"]}
    assert is_k10(reading, user=ABROAD.account, extra=stranger) is False


def test_the_pod_of_any_installed_k10_is_learnt() -> None:
    reading = Reading([HOME, ABROAD], cluster="prod")
    where: dict[str, Any] = {"group": "", "resource": "pods", "namespace": ABROAD.namespace}
    reading.learn(change("create", name="pod-1", new=BODY, uid="pod-1", **where))

    assert is_k10(reading, user=ABROAD.account) is True


def test_a_pod_that_is_gone_is_known_to_the_next_life(journal: Journal) -> None:
    keep(journal, HOME, "pod-1")
    listed(journal, HOME, until=60.0)
    reading = prepared(journal, HOME)
    journal.drop_version(pods(HOME)[0].key, "pod-1")
    reading.learn(change("delete", name="pod-1", group="", resource="pods", old=BODY, uid="pod-1", at=20.0))
    assert is_k10(prepared(journal, HOME)) is False, "nothing was saved"

    journal.put_snapshots(PODS, reading.take_dirty(), sequence=1)
    again = Reading([HOME], cluster="prod")
    again.prepare(journal)
    again.refresh(journal)

    assert (is_k10(again, at=30.0), is_k10(again, extra={})) == (True, False)
