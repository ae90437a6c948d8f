"""Small parts by themselves: paths, needles, accounts, answers, connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.sources.webhook import answers
from auditwatch.sources.webhook.accounts import MOST_NODES, Account, Accounts
from auditwatch.sources.webhook.connections import Connections
from auditwatch.sources.webhook.paths import Place, place_of
from auditwatch.sources.webhook.reading import Row, Slice
from auditwatch.sources.webhook.sieve import Sieve, told


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/ingest/v1/audit/cp-1", Place("audit", "cp-1")),
        ("/ingest/v1/audit/cp-1/needles", Place("audit", "cp-1", wants_needles=True)),
        ("/ingest/v1/audit/node.example.org", Place("audit", "node.example.org")),
        ("/ingest/v1/audit/needles", Place("audit", "needles")),
        ("/ingest/v1/audit", None),
        ("/ingest/v1/audit/", None),
        ("/ingest/v1/audit/*", None),
        ("/ingest/v1/audit/Cp", None),
        ("/ingest/v1/audit/../x", None),
        ("/ingest/v1/audit/a/b", None),
        ("/ingest/v1/audit/cp-1/needles/", None),
        (f"/ingest/v1/audit/{'a' * 254}", None),
        ("/ingest/v2/audit/cp-1", None),
        ("", None),
    ],
)
def test_a_path_names_a_place_or_nothing(path: str, place: Place | None) -> None:
    assert place_of(path) == place


def test_needles_are_told_in_an_order_that_does_not_change() -> None:
    needles = Needles.of([Needle(("b", "c")), Needle(("a",))])

    assert told(needles) == {"digest": needles.digest, "readsEverything": False, "needles": [["a"], ["b", "c"]]}


def test_a_prefilter_is_made_once_for_the_same_needles() -> None:
    current = [Needles.of([Needle(("a",))])]
    sieve = Sieve(lambda: current[-1])
    first = sieve.prefilter

    assert sieve.prefilter is first
    current.append(Needles.of([Needle(("b",))]))
    assert sieve.prefilter is not first
    assert sieve.prefilter.selects(b"xbx")


def test_who_names_no_needles_sends_everything_and_is_never_stale() -> None:
    needles = Needles.of([Needle(("a",))])
    sieve = Sieve(lambda: needles)

    assert [sieve.is_stale(digest) for digest in ("", needles.digest, "old")] == [False, False, True]


def test_needles_used_again_are_used_since_the_first_time() -> None:
    account = Account("s", "i")
    for digest, now in (("a", 1.0), ("a", 2.0), ("b", 3.0), ("b", 4.0)):
        account.uses(digest, now=now)

    assert (account.needles_digest, account.needles_since) == ("b", 3.0)


def test_the_latest_event_is_not_undone_by_an_older_one() -> None:
    account = Account("s", "i")
    for moment in (5.0, 3.0, None):
        account.read(Slice(rows=[Row("k", b"")], items=2, undecodable=Counter(x=1), last_event=moment))

    report = account.report("")
    assert (report.last_event, report.events, report.selected, report.undecodable) == (5.0, 6, 3, {"x": 3})


def test_a_report_tells_trouble_of_the_source_beside_its_own() -> None:
    account = Account("s", "i")
    account.refuse("Forbidden", "not you")

    assert account.report("no disk").message == "not you; no disk"
    account.took(now=1.0)
    assert account.report("no disk").message == "no disk"
    assert account.report("").requests == 2


def test_nodes_are_bounded() -> None:
    accounts = Accounts("s", ("*",))
    for number in range(MOST_NODES - 1):
        assert accounts.opened(f"node-{number}")

    assert accounts.opened("one-more") is None
    assert accounts.opened("node-1") is accounts.of("node-1")
    assert len(accounts.report("")) == MOST_NODES


def test_a_node_replaces_the_account_of_any_node_and_no_other() -> None:
    accounts = Accounts("s", ("cp-1", "*"))
    accounts.opened("cp-1")
    before = [each.is_replaced for each in accounts.report("")]
    accounts.opened("node-7")

    assert before == [False, False]
    assert {each.instance: each.is_replaced for each in accounts.report("")} == {
        "cp-1": False,
        "*": True,
        "node-7": False,
    }


def test_only_who_should_come_again_is_told_when() -> None:
    assert answers.later("Full", "x").response().headers["Retry-After"] == "2"
    assert "Retry-After" not in answers.refused(401, "Unauthenticated", "x").response().headers
    assert answers.TAKEN.response().body in {None, b""}


class _Transport:
    """As much of a transport as connections are asked about."""

    def __init__(self) -> None:
        self.is_aborted = False

    def get_extra_info(self, _name: str) -> None:
        return None

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted


class _Moment:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _opened(connections: Connections, *names: str) -> list[_Transport]:
    transports = [_Transport() for _ in names]
    for name, transport in zip(names, transports, strict=True):
        connections.of(name, cast("asyncio.Transport", transport))
    return transports


def test_the_oldest_connection_that_proved_nothing_makes_room() -> None:
    connections = Connections(most=3, patience=10.0, monotonic=_Moment())
    first, second, third = _opened(connections, "a", "b", "c")
    connections.of("a", cast("asyncio.Transport", first)).is_proven = True

    assert connections.make_room() is True
    assert (first.is_aborted, second.is_aborted, third.is_aborted) == (False, True, False)


def test_where_everybody_is_proven_there_is_no_room() -> None:
    connections = Connections(most=1, patience=10.0, monotonic=_Moment())
    (only,) = _opened(connections, "a")
    connections.of("a", cast("asyncio.Transport", only)).is_proven = True

    assert connections.make_room() is False
    only.abort()
    assert connections.make_room() is True, "who left is forgotten"


def test_who_proves_nothing_in_time_is_closed() -> None:
    moment = _Moment()
    connections = Connections(most=9, patience=10.0, monotonic=moment)
    proven, unproven = _opened(connections, "a", "b")
    connections.of("a", cast("asyncio.Transport", proven)).is_proven = True

    moment.now = 10.5
    connections.sweep()

    assert (proven.is_aborted, unproven.is_aborted, len(connections)) == (False, True, 1)
