"""What each audit source was heard to tell: how long it is waited for, how far it has come, what it has proven."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.joiner import hearing
from auditwatch.detection.joiner.hearing import Heard, Hearing
from tests.unit.detection.joiner.making import APPS, CONFIG, START, event, translate

PATCHES = ((CONFIG, "policies", "patch"),)
POINTS: dict[str, Any] = {"group": APPS, "resource": "restorepoints"}
DELETIONS = ((APPS, "restorepoints", "delete"), (APPS, "restorepoints", "deletecollection"))


def a_source(*, at: float = 0.0, lag: float = 1.0, made: Hearing | None = None, **fields: Any) -> Hearing:
    """Hearing that listened since before the start, and was told of one success ``lag`` seconds after it."""
    found, record = made or Hearing(), event(at=at, took=0.0, **fields)
    before: dict[str, Any] = {"time": START - 9.0, "now": START - 1.0, "evidence": record.evidence}
    found.alive(record.source, record.instance, **before)
    found.heard(record, START + at, START + at + lag)
    found.proved(record, translate(record))
    return found


def test_nobody_was_heard_before_the_first_record() -> None:
    assert Hearing().is_empty
    assert not a_source().is_empty


def test_what_happened_before_a_source_was_first_heard_of_is_its_backlog() -> None:
    found = a_source(at=10.0)  # listened to from a second before the start

    assert [found.is_backlog("audit-log", START + at) for at in (-61.1, -61.0, -1.0, 10.0)] == [
        True,
        False,
        False,
        False,
    ]
    assert not found.is_backlog("another", START - 100.0)


def test_a_source_is_no_witness_of_what_was_done_before_it_was_first_heard_of() -> None:
    found = a_source(at=10.0)

    asked = [found.witness(PATCHES, since=START + at, after=START, now=START + 12.0) for at in (-1.1, -1.0)]
    assert asked == [None, "audit-log"]


@pytest.mark.parametrize(
    ("lags", "wait"),
    [
        ([], 0.0),
        ([3.0], 3.0),
        ([1.0] * 99 + [40.0], 1.0),
        ([1.0] * 98 + [40.0] * 2, 40.0),
        ([46.0], 45.0),
        ([-5.0], 0.0),
        ([float(number) for number in range(1000)], 45.0),
        ([number / 100 for number in range(1000)], 9.89),
    ],
)
def test_a_source_is_waited_for_as_long_as_all_but_a_hundredth_of_its_records_took(
    lags: list[float], wait: float
) -> None:
    assert Heard(evidence="Audited", lags=[(START, lag) for lag in lags]).wait(START) == pytest.approx(wait)


@pytest.mark.parametrize(("now", "wait"), [(hearing.LAG_SECONDS, 9.0), (hearing.LAG_SECONDS + 1.0, 2.0), (1e6, 0.0)])
def test_what_was_late_longer_ago_says_nothing_of_what_is_live(now: float, wait: float) -> None:
    lags = [(START, 9.0), (START + 60.0, 2.0)]

    assert Heard(evidence="Audited", lags=lags).wait(START + now) == wait


def test_what_happened_before_anybody_listened_was_not_late() -> None:
    found = Hearing()
    found.heard(event(at=0.0, took=0.0), START, START + 30.0)
    assert found.wait_for_event(START + 31.0) == 0.0
    found.heard(event(at=30.0, took=0.0), START + 30.0, START + 33.0)
    assert found.wait_for_event(START + 34.0) == 3.0


def test_the_newest_thousand_lags_count() -> None:
    found = Hearing()
    for number in range(hearing.LAGS + 50):
        a_source(made=found, at=number / 2, lag=40.0 if number < 50 else 1.0)

    assert found.wait_for_event(START + 530.0) == 1.0


@pytest.mark.parametrize(("after", "wait"), [(hearing.ALIVE_SECONDS, 1.0), (hearing.ALIVE_SECONDS + 0.1, 0.0)])
def test_a_source_is_waited_for_until_it_was_not_heard_of_for_ten_minutes(after: float, wait: float) -> None:
    assert a_source(lag=1.0).wait_for_event(START + 1.0 + after) == wait


def test_the_slowest_source_is_waited_for_and_k10s_only_for_what_it_records() -> None:
    found = a_source(source="file", lag=2.0)
    a_source(made=found, source="webhook", lag=1.0)
    a_source(made=found, source="k10", evidence="K10Stream", lag=7.0, verb="delete", **POINTS)
    now = START + 10.0

    assert found.wait_for_event(now) == 2.0
    assert found.wait_for_cause(PATCHES, now) == 2.0
    assert found.wait_for_cause(DELETIONS, now) == 7.0
    assert found.wait_for_cause(DELETIONS, now + hearing.ALIVE_SECONDS) == 0.0


@pytest.mark.parametrize(
    "fields", [{"verb": "list"}, {"verb": "get"}, {"verb": "create"}, {"verb": "delete", "code": 403}]
)
def test_k10s_stream_is_not_waited_for_as_long_as_it_has_not_told_of_such_a_request(fields: dict[str, Any]) -> None:
    found = a_source(source="k10", evidence="K10Stream", lag=7.0, **POINTS, **fields)

    assert found.wait_for_cause(DELETIONS, START + 10.0) == 0.0


def test_that_k10s_stream_told_of_such_a_request_is_forgotten_after_thirty_days() -> None:
    found = a_source(source="k10", evidence="K10Stream", verb="delete", **POINTS)
    then = START + hearing.REMEMBERED_SECONDS
    found.alive("k10", "api-1", evidence="K10Stream", time=then - 4.0, now=then)

    assert found.wait_for_cause(DELETIONS, then) == 4.0
    assert found.wait_for_cause(DELETIONS, then + 1.0) == 0.0


def test_k10_relays_the_kinds_it_was_heard_to_record_while_it_is_heard() -> None:
    found = a_source(source="k10", evidence="K10Stream", group=APPS, resource="restorepoints")
    now = START + 10.0

    assert found.is_relayed(APPS, "restorepoints", now)
    assert not found.is_relayed(APPS, "restorepoint", now)
    assert not found.is_relayed(CONFIG, "restorepoints", now)
    assert not found.is_relayed(APPS, "restorepoints", now + hearing.ALIVE_SECONDS)
    assert not a_source(group=APPS, resource="restorepoints").is_relayed(APPS, "restorepoints", now)


@pytest.mark.parametrize(
    ("fields", "is_witness"),
    [
        ({}, True),
        ({"code": 403}, False),
        ({"code": 503}, False),
        ({"verb": "update"}, False),
        ({"resource": "profiles"}, False),
        ({"group": APPS}, False),
        ({"evidence": "K10Stream"}, False),
        ({"objectRef": {"apiGroup": CONFIG, "resource": "policies", "subresource": "status"}}, False),
    ],
)
def test_a_source_is_a_witness_of_what_it_was_heard_to_log_of_a_success(
    fields: dict[str, Any], *, is_witness: bool
) -> None:
    found = a_source(at=10.0, **fields)

    assert (found.witness(PATCHES, since=START, after=START + 9.0, now=START + 12.0) is not None) is is_witness


def test_a_witness_has_told_of_later_ones_through_each_of_its_servers() -> None:
    found = a_source(at=10.0, instance="api-1")
    assert found.witness(PATCHES, since=START, after=START + 10.0, now=START + 12.0) is None
    a_source(made=found, at=11.0, instance="api-1")
    assert found.witness(PATCHES, since=START, after=START + 10.0, now=START + 12.0) == "audit-log"
    a_source(made=found, at=5.0, instance="api-2")
    assert found.witness(PATCHES, since=START, after=START + 10.0, now=START + 12.0) is None
    later = START + 6.0 + hearing.INSTANCE_SECONDS
    found.alive("audit-log", "api-1", evidence="Audited", time=later, now=later + 1.0)
    assert found.witness(PATCHES, since=START, after=START + 20.0, now=later + 1.0) == "audit-log"


def test_a_proof_is_good_for_thirty_days() -> None:
    found, then = a_source(at=0.0), START + hearing.REMEMBERED_SECONDS
    found.alive("audit-log", "api-1", evidence="Audited", time=then, now=then)

    assert found.witness(PATCHES, since=START, after=START, now=then) == "audit-log"
    assert found.witness(PATCHES, since=START, after=START, now=then + 1.0) is None


def test_a_witness_of_several_kinds_has_proven_each() -> None:
    found = a_source(at=10.0)
    both = (*PATCHES, (CONFIG, "policies", "update"))
    assert found.witness(both, since=START, after=START, now=START + 12.0) is None
    a_source(made=found, at=11.0, verb="update")
    assert found.witness(both, since=START, after=START, now=START + 12.0) == "audit-log"


def test_a_watermark_and_a_last_sign_of_life_never_go_back() -> None:
    found = a_source(at=10.0)
    found.alive("audit-log", "api-1", evidence="Audited", time=START, now=START)

    assert found.witness(PATCHES, since=START, after=START + 9.0, now=START + 12.0) == "audit-log"
    assert found.wait_for_event(START + 11.0 + hearing.ALIVE_SECONDS) == 1.0


def test_a_watermark_that_was_saved_of_the_future_proves_nothing_any_more() -> None:
    source = Heard(evidence="Audited", first=START - 9, watermarks={"api-1": (START + 1e9, START)})
    source.logged = {f"{CONFIG}/policies/patch": START}
    found = Hearing()
    found.restore("audit-log", msgspec.msgpack.encode(source))
    found.alive("audit-log", "api-1", evidence="Audited", time=START + 5, now=START + 6)

    asked = [found.witness(PATCHES, since=START, after=START + after, now=START + 7) for after in (3, 900)]
    assert asked == ["audit-log", None]


def test_what_a_source_proved_is_known_after_a_restart_and_saved_once() -> None:
    found, again = a_source(at=10.0, lag=3.0), Hearing()
    saved = found.take_dirty()
    assert found.take_dirty() == {}
    for name, row in saved.items():
        assert row is not None
        again.restore(name, row)

    assert again.wait_for_event(START + 13.0) == 3.0
    assert again.witness(PATCHES, since=START, after=START + 9.0, now=START + 12.0) == "audit-log"


def test_kinds_and_servers_are_remembered_up_to_a_bound_the_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "MAX_KINDS", 2)
    monkeypatch.setattr(hearing, "MAX_INSTANCES", 2)
    found = Hearing()
    for number, resource in enumerate(("policies", "profiles", "policies", "blueprints")):
        a_source(made=found, at=10.0 + number, resource=resource, instance=f"api-{number}")
    kinds = {each: ((CONFIG, each, "patch"),) for each in ("policies", "profiles", "blueprints")}

    seen = {
        name: found.witness(kind, since=START, after=START + 11.5, now=START + 20.0) for name, kind in kinds.items()
    }
    assert seen == {"policies": "audit-log", "profiles": None, "blueprints": "audit-log"}


def test_of_too_many_servers_the_one_that_was_not_heard_of_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = a_source(at=10.0, instance="api-1")
    found.alive("audit-log", "api-2", evidence="Audited", time=START + 1.0, now=START + 20.0)
    assert found.witness(PATCHES, since=START, after=START + 5.0, now=START + 40.0) is None
    monkeypatch.setattr(hearing, "MAX_INSTANCES", 2)
    found.alive("audit-log", "api-1", evidence="Audited", time=START + 30.0, now=START + 30.0)
    found.alive("audit-log", "api-3", evidence="Audited", time=START + 31.0, now=START + 31.0)

    assert found.witness(PATCHES, since=START, after=START + 5.0, now=START + 40.0) == "audit-log"


def test_a_server_is_gone_a_day_after_it_was_last_heard_of() -> None:
    found = a_source(at=10.0, instance="api-1")
    then = START + 11.0 + hearing.INSTANCE_SECONDS
    found.alive("audit-log", "api-2", evidence="Audited", time=then, now=then)

    assert found.witness(PATCHES, since=START, after=START + 20.0, now=then) is None
    assert found.witness(PATCHES, since=START, after=START + 20.0, now=then + 1.0) == "audit-log"


def test_a_source_of_which_no_server_was_heard_lately_is_no_witness() -> None:
    found, later = a_source(at=10.0), START + 12.0 + 2 * hearing.INSTANCE_SECONDS

    assert found.witness(PATCHES, since=START, after=START, now=later) is None


def test_a_request_for_no_object_proves_nothing() -> None:
    found = a_source(at=10.0, objectRef=None, requestURI="/healthz", verb="get")

    assert found.witness((("", "", "get"),), since=START, after=START, now=START + 12.0) is None
