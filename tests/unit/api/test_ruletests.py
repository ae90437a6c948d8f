"""Tests inside rules: the strings they show the rule are read when the rule is, so that a typo is found there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from auditwatch.api.ruletests import shown_change
from tests.unit.api.rules import rule, said, sound

CHANGE: dict[str, Any] = {"resource": "config.kio.kasten.io/policies", "old": {"spec": {"paused": False}}, "new": None}


def with_state(*state: str) -> dict[str, Any]:
    return rule(tests=[{"name": "t", "state": list(state), "expect": "Match"}])


def test_a_change_is_read_with_all_that_it_says() -> None:
    change = shown_change(json.dumps({**CHANGE, "manager": "kubectl-edit", "time": "2026-11-23T06:00:00Z"}))
    assert change.resource == "config.kio.kasten.io/policies"
    assert change.old == {"spec": {"paused": False}}
    assert change.new is None
    assert change.manager == "kubectl-edit"
    assert change.time == datetime(2026, 11, 23, 6, tzinfo=UTC)


def test_manager_and_time_may_be_left_out() -> None:
    change = shown_change(json.dumps(CHANGE))
    assert (change.manager, change.time) == ("", None)


def test_a_rule_gives_its_changes_in_their_order() -> None:
    parsed = sound(with_state(json.dumps(CHANGE), json.dumps({**CHANGE, "resource": "namespaces"})))
    assert [change.resource for change in parsed.tests[0].changes] == [CHANGE["resource"], "namespaces"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be a JSON object in a string: Expecting property name"),
        ("[]", "must be an object with fields, not []"),
        ("{}", "resource: required: add it; old: required: add it; new: required: add it"),
        (json.dumps({**CHANGE, "managr": "x"}), "managr: unknown field; did you mean manager?"),
        (json.dumps({**CHANGE, "old": "x"}), 'old: must be an object with fields, not "x"'),
        (json.dumps({**CHANGE, "time": "noon"}), "time: must be a time with its offset"),
    ],
)
def test_an_unreadable_change_is_said_with_its_place_and_its_fix(text: str, message: str) -> None:
    (found,) = said(with_state(text))
    assert found.startswith(f"tests[0].state[0]: {message}")


def test_every_unreadable_change_is_reported() -> None:
    assert len(said(with_state("{", json.dumps(CHANGE), "nonsense"))) == 2


def test_a_test_without_a_change_shows_nothing_and_is_refused() -> None:
    assert said(with_state()) == ["tests[0].state: must have at least 1 items, not 0"]
    assert said(rule(tests=[{"name": "t", "expect": "Match"}])) == [
        "tests[0]: a test shows the rule something: set state, event or events"
    ]


EVENT: dict[str, Any] = {"verb": "delete", "user": {"username": "eve"}, "objectRef": {"resource": "policies"}}


def with_event(**shown: Any) -> dict[str, Any]:
    return rule(tests=[{"name": "t", "expect": "Match", **shown}])


def test_audit_events_are_shown_alone_or_beside_changes() -> None:
    one = sound(with_event(event=json.dumps(EVENT), state=[json.dumps(CHANGE)])).tests[0]
    assert (one.audit_events, len(one.changes)) == ((EVENT,), 1)
    assert sound(with_event(events=[json.dumps(EVENT)] * 2)).tests[0].audit_events == (EVENT, EVENT)
    assert sound(with_state(json.dumps(CHANGE))).tests[0].audit_events == ()


def test_one_event_has_one_place() -> None:
    assert said(with_event(event=json.dumps(EVENT), events=[json.dumps(EVENT)])) == [
        "tests[0].event: set event for one audit event, events for several; not both"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be a JSON object in a string: Expecting property name"),
        ("[]", "must be an audit event with a verb"),
        ("{}", "must be an audit event with a verb"),
        (
            json.dumps({**EVENT, "useragent": "x"}),
            "useragent: an audit event has no such field; did you mean userAgent?",
        ),
        (json.dumps({**EVENT, "user": {"name": "x"}}), "user.name: an audit event has no such field"),
        (json.dumps({**EVENT, "objectRef": {"group": "x"}}), "objectRef.group: an audit event has no such field"),
    ],
)
def test_an_unreadable_event_is_said_with_its_place_and_its_fix(text: str, message: str) -> None:
    for shown, place in (({"event": text}, "event"), ({"events": [text]}, "events[0]")):
        (found,) = said(with_event(**shown))
        assert found.startswith(f"tests[0].{place}: {message}")


def test_what_is_expected_must_be_said() -> None:
    raw = rule(tests=[{"name": "t", "state": [json.dumps(CHANGE)]}])
    assert said(raw) == ["tests[0].expect: required: add it"]


def test_two_tests_of_one_name_are_refused() -> None:
    one = {"name": "t", "state": [json.dumps(CHANGE)], "expect": "NoMatch"}
    assert said(rule(tests=[one, one])) == ['tests[1].name: "t" is there twice: rename or remove one']
