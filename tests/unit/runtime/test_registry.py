"""The registry: what is known of AuditWatches, seen whole from every thread."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.runtime.registry import Registry, WatchEntry
from auditwatch.runtime.statuswriter import merge_patch

ENTRY = WatchEntry(uid="u1", namespace="ns", name="k10", generation=1, spec=WatchSpec(), rule_set=None)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def registry(told: list[str]) -> Registry:
    return Registry(changed=lambda: told.append("changed"))


def test_what_was_put_is_found_by_uid_and_listed_by_name(registry: Registry) -> None:
    registry.put(replace(ENTRY, uid="u2", name="other"))
    registry.put(ENTRY)

    assert registry.get("u1") == ENTRY
    assert [entry.key for entry in registry.entries()] == ["ns/k10", "ns/other"]


def test_every_change_that_matters_is_told(registry: Registry, told: list[str]) -> None:
    registry.put(ENTRY)
    registry.drop("u1")
    registry.drop("u1")

    assert len(told) == 2


def test_a_status_of_our_own_is_noted_and_not_told(registry: Registry, told: list[str]) -> None:
    registry.put(ENTRY)
    registry.note_status("u1", {"ruleCount": 4})
    registry.note_status("gone", {"ruleCount": 4})

    known = registry.get("u1")
    assert known is not None
    assert known.status == {"ruleCount": 4}
    assert len(told) == 1


def test_a_list_taken_before_a_change_stays_as_it_was(registry: Registry) -> None:
    registry.put(ENTRY)
    before = registry.entries()
    registry.drop("u1")

    assert before == [ENTRY]
    assert registry.entries() == []


def test_what_a_fresh_list_lacks_is_named(registry: Registry) -> None:
    registry.put(ENTRY)
    registry.put(replace(ENTRY, uid="u2"))

    assert registry.missing_from({"u2", "u3"}) == ["u1"]


def test_a_status_is_written_only_where_it_differs() -> None:
    assert merge_patch({"a": 1, "b": 2}, {"a": 1, "b": 2}) == {}
    assert merge_patch({"a": 1, "b": 2}, {"a": 1, "b": 3}) == {"b": 3}


def test_what_is_no_longer_said_is_taken_away() -> None:
    assert merge_patch({"a": 1, "lastMatchTime": "x"}, {"a": 1}) == {"lastMatchTime": None}


def test_a_deleted_status_is_written_whole() -> None:
    assert merge_patch({}, {"a": 1, "b": []}) == {"a": 1, "b": []}
