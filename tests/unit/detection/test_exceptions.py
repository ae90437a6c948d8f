"""Exceptions: they hold for what is proven, for as long as they were written for, and never for a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auditwatch.events.activity import Activity, Actor

from .building import altered, change, compiled, paths, rule_with, signals, spec

EVE = "[{field: actor.id, operator: Equals, values: [eve]}]"
ANY = "[{field: target.name, operator: Exists}]"


def _row(attribution: str = "Audited", via: str = "Direct", **fields: Any) -> Activity:
    row = change(spec(), spec(paused=True), time=fields.pop("time", 1000.0))
    return altered(row, attribution=attribution, actor=Actor(id="eve", via=via, manager="argocd"), **fields)


def _is_muted(exception: str, *rows: Activity) -> list[bool]:
    found = signals(rule_with(ANY, **{"except": f"[{{name: x, reason: known, {exception}}}]"}), *rows)
    assert len(found) == len(rows)
    return [not signal.emits_finding for signal in found]


def test_an_exception_mutes_and_the_signal_still_flows() -> None:
    assert _is_muted(f"where: {EVE}", _row()) == [True]
    assert _is_muted(f"where: {EVE.replace('eve', 'bob')}", _row()) == [False]


@pytest.mark.parametrize(
    ("attribution", "held"),
    [("Unknown", False), ("FieldManager", False), ("Ambiguous", False), ("Correlated", True), ("Audited", True)],
)
def test_an_exception_holds_from_correlated_on(attribution: str, held: object) -> None:
    assert _is_muted(f"where: {ANY}", _row(attribution)) == [held]


@pytest.mark.parametrize(("attribution", "held"), [("Unknown", False), ("FieldManager", True), ("Audited", True)])
def test_who_trusts_field_managers_has_to_say_so(attribution: str, held: object) -> None:
    where = "[{field: actor.manager, operator: Equals, values: [argocd]}]"
    assert _is_muted(f"trustFieldManagers: true, where: {where}", _row(attribution)) == [held]


def test_an_impersonated_actor_is_not_excepted_unless_the_exception_says_so() -> None:
    assert _is_muted(f"where: {EVE}", _row(via="Impersonation")) == [False]
    assert _is_muted(f"via: [Impersonation], where: {EVE}", _row(via="Impersonation")) == [True]


def test_an_actor_of_whom_nobody_knows_how_they_acted_is_not_excepted() -> None:
    assert _is_muted(f"where: {EVE}", _row(via="")) == [False]
    assert _is_muted(f"via: [Direct], where: {EVE}", _row(via="")) == [False]
    assert _is_muted(f"trustFieldManagers: true, where: {EVE}", _row(via="")) == [True]


def test_an_exception_for_one_way_of_acting_holds_for_no_other() -> None:
    assert _is_muted(f"via: [K10Dashboard], where: {EVE}", _row(via="Direct")) == [False]
    assert _is_muted(f"via: [K10Dashboard], where: {EVE}", _row(via="K10Dashboard")) == [True]


def test_an_unknown_exception_mutes_nothing() -> None:
    where = "[{field: client.ip, operator: NotEquals, values: [10.0.0.1]}]"
    assert _is_muted(f"where: {where}", _row()) == [False]


def test_an_exception_expires_by_event_time() -> None:
    end = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    exception = f'expirationTime: "2026-06-01T00:00:00Z", where: {EVE}'
    assert _is_muted(exception, _row(time=end - 1), _row(time=end)) == [True, False]


def test_an_exception_covers_only_so_many() -> None:
    exception = f"upTo: {{count: 2, perSeconds: 60}}, where: {EVE}"
    rows = [_row(time=1000.0 + second) for second in (0, 1, 2, 3, 100)]
    assert _is_muted(exception, *rows) == [True, True, False, False, True]


def test_an_expired_exception_is_a_warning() -> None:
    exception = f'[{{name: x, reason: r, expirationTime: "1969-01-01T00:00:00Z", where: {ANY}}}]'
    found, problems = compiled(rule_with(ANY, **{"except": exception}))
    assert [(each.path, each.fatal) for each in problems] == [("spec.rules[0].except[0].expirationTime", False)]
    assert "probe" in found.rules


def test_two_exceptions_of_one_name_are_a_problem() -> None:
    one = f"{{name: x, reason: r, where: {ANY}}}"
    found, problems = compiled(rule_with(ANY, **{"except": f"[{one}, {one}]"}))
    assert "spec.rules[0].except[1].name" in paths(problems)
    assert "probe" not in found.rules


def test_a_flaw_inside_an_exception_is_told_with_its_path() -> None:
    exception = "[{name: x, reason: r, where: [{field: actor.idd, operator: Exists}]}]"
    _, problems = compiled(rule_with(ANY, **{"except": exception}))
    assert paths(problems) == ["spec.rules[0].except[0].where[0].field"]
