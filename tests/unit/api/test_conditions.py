"""Conditions: the transition time says since when, and nothing else moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from auditwatch.api import conditions
from auditwatch.api.conditions import Condition, ConditionType, Reason, rfc3339, set_condition
from auditwatch.api.problems import validate

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LATER = START + timedelta(hours=1)


def ready(
    existing: list[dict[str, Any]], status: conditions.Status, now: datetime, **fields: Any
) -> list[dict[str, Any]]:
    values: dict[str, Any] = {"reason": Reason.WATCHING, "message": "m", "generation": 1, **fields}
    return set_condition(existing, type=ConditionType.READY, status=status, now=now, **values)


def test_a_new_condition_is_complete_and_valid() -> None:
    (condition,) = ready([], "True", START, message="7 rules", generation=3)
    assert condition == {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-23T06:00:00Z",
        "reason": "Watching",
        "message": "7 rules",
    }
    assert validate(Condition, condition)[1] == []


def test_the_transition_time_stays_while_the_status_does() -> None:
    (condition,) = ready(ready([], "True", START), "True", LATER, reason=Reason.PAUSED, message="other", generation=2)
    assert condition["lastTransitionTime"] == "2026-11-23T06:00:00Z"
    assert (condition["reason"], condition["message"], condition["observedGeneration"]) == ("Paused", "other", 2)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_the_transition_time_moves_with_the_status(status: conditions.Status) -> None:
    (condition,) = ready(ready([], "True", START), status, LATER)
    assert condition["lastTransitionTime"] == "2026-11-23T07:00:00Z"


def test_other_conditions_keep_their_place_and_content() -> None:
    foreign = {"type": "Foreign", "status": "True", "extra": 1}
    accepted = set_condition(
        ready([foreign], "True", START),
        type=ConditionType.ACCEPTED, status="True", reason=Reason.RULES_COMPILED, message="", generation=1, now=START,
    )  # fmt: skip
    after = ready(accepted, "False", LATER)
    assert [condition["type"] for condition in after] == ["Foreign", "Ready", "Accepted"]
    assert after[0] == foreign


def test_what_is_given_is_not_changed() -> None:
    existing = ready([], "True", START)
    before = [dict(condition) for condition in existing]
    ready(existing, "False", LATER)
    assert existing == before


def test_a_message_that_is_too_long_is_cut_visibly() -> None:
    (condition,) = ready([], "True", START, message="x" * 40_000)
    assert len(condition["message"]) == 32_768
    assert condition["message"].endswith("x…")


def test_types_and_reasons_are_written_as_plain_strings() -> None:
    (condition,) = ready([], "True", START)
    assert type(condition["type"]) is type(condition["reason"]) is str


def test_times_are_written_in_utc_and_whole_seconds() -> None:
    moment = datetime(2026, 11, 23, 8, 0, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(moment) == "2026-11-23T06:00:01Z"


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        rfc3339(START.replace(tzinfo=None))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_one_the_server_takes(reason: Reason) -> None:
    (condition,) = ready([], "True", START, reason=reason)
    assert validate(Condition, condition)[1] == []


def test_every_type_and_reason_is_explained_in_the_source() -> None:
    with open(conditions.__file__, encoding="utf-8") as file:  # noqa: PTH123  # the module's own source
        source = file.read()
    for member in [*ConditionType, *Reason]:
        assert f'{member.name} = "{member.value}"\n    """' in source, member
