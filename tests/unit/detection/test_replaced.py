"""Deleting something and creating it again is a change of it, however it was seen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.replaced import KEPT_SECONDS, MAX_OBJECTS, DeletedObjects
from auditwatch.events.activity import Activity

from .building import altered, audited, change, signals

RULES = """
- name: cut
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update, patch]}
  where: [{field: object.spec.daily, operator: Decreased, missingAs: "0"}]
- {name: gone, match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}}
- {name: made, match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [create]}}
"""


def _policy(daily: int) -> dict[str, Any]:
    return {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {"daily": daily}}


def _deleted(daily: int = 30, **fields: Any) -> Activity:
    return change(_policy(daily), None, **fields)


def _created(daily: int = 1, **fields: Any) -> Activity:
    return change(None, _policy(daily), **{"time": 1010.0, **fields})


def _completed(*rows: Activity) -> list[Activity]:
    memory = DeletedObjects()
    return [memory.completed(row) for row in rows]


def _said(*rows: Activity) -> list[str]:
    return [signal.rule for signal in signals(RULES, *_completed(*rows))]


def test_a_weaker_object_in_the_place_of_a_deleted_one_is_a_change_and_each_step_stays_what_it_is() -> None:
    assert _said(_deleted(), _created()) == ["gone", "cut", "made"]
    assert _said(_deleted(), _created(30)) == ["gone", "made"]
    assert _said(_created()) == ["made"]


def test_it_is_seen_in_requests_too() -> None:
    gone = audited(verb="delete", responseObject=_policy(30))
    made = audited(verb="create", responseObject=_policy(1))
    assert _said(gone, made) == ["gone", "cut", "made"]


def test_what_differs_is_told_of_the_creation() -> None:
    _, signal, _ = signals(RULES, *_completed(_deleted(), _created()))
    assert [(each.path, each.old, each.new) for each in signal.changes] == [("spec.daily", 30, 1)]


@pytest.mark.parametrize(
    "rows",
    [
        (_deleted(), _created(time=1001.0 + KEPT_SECONDS)),
        (_deleted(name="weekly"), _created()),
        (_deleted(namespace="shop"), _created()),
        (_deleted(kind="config.kio.kasten.io/profiles"), _created()),
        (altered(_deleted(), old_object=msgspec.UNSET), _created()),
        (altered(_deleted(), outcome="Denied"), _created()),
        (_deleted(), altered(_created(), outcome="Rejected")),
    ],
)
def test_what_is_not_in_its_place_or_too_late_is_new(rows: tuple[Activity, ...]) -> None:
    assert _completed(*rows)[-1].replaced is msgspec.UNSET


def test_a_deletion_is_replaced_once() -> None:
    *_, first, second = _completed(_deleted(), _created(), _created(2))
    assert (first.replaced, second.replaced) == (_policy(30), msgspec.UNSET)


def test_the_memory_is_bounded() -> None:
    deletions = [_deleted(name=f"p{number}") for number in range(MAX_OBJECTS + 1)]
    *_, oldest, newest = _completed(*deletions, _created(name="p0"), _created(name=f"p{MAX_OBJECTS}"))
    assert (oldest.replaced, newest.replaced) == (msgspec.UNSET, _policy(30))
    *_, late = _completed(_deleted(), _deleted(name="x", time=2000.0 + KEPT_SECONDS), _created(time=900.0))
    assert late.replaced is msgspec.UNSET
