"""Objects made by applying or replacing what is not there: creations, to every rule and however they were seen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.creations import has_made, is_creation
from auditwatch.detection.joiner.merging import with_change
from auditwatch.detection.replaced import DeletedObjects
from auditwatch.events.activity import Activity

from .building import POLICY_REFERENCE, altered, audited, change, signals

MOVED = {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"], "verbs": ["update", "patch"]}
RULES = f"""
- name: moved
  match: {MOVED}
  where: [{{forAny: {{path: changes, where: [
    {{field: $.path, operator: Glob, values: [spec.*]}}, {{field: $, operator: Changed}}]}}}}]
- {{name: written, match: {MOVED}}}
- {{name: made, match: {MOVED | {"verbs": ["create"]}}}}
- name: made-or-moved
  match: {MOVED | {"verbs": ["create", "update", "patch"]}}
  where: [{{field: object.spec.bucket, operator: ChangedTo, values: [mine]}}]
- name: was-theirs
  match: {MOVED | {"verbs": ["create", "update", "patch"]}}
  where: [{{field: object.spec.bucket, operator: ChangedFrom, values: [theirs]}}]
- name: less
  match: {MOVED | {"verbs": ["create", "update", "patch"]}}
  where: [{{field: object.spec.daily, operator: Decreased}}]
"""
BODY = {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {"bucket": "mine", "daily": 1}}
FORMER = {"metadata": BODY["metadata"], "spec": {"bucket": "theirs", "daily": 30}}


def applied(code: int = 201, level: str = "RequestResponse", **fields: Any) -> Activity:
    """What kube-apiserver logs of applying ``BODY``."""
    bodies = {"RequestResponse": {"requestObject": BODY, "responseObject": BODY}, "Request": {"requestObject": BODY}}
    answered = {"responseStatus": {"code": code}, "level": level}
    return audited(**(answered | bodies.get(level, {}) | fields))


def said(*rows: Activity) -> list[str]:
    memory = DeletedObjects()
    return [signal.rule for signal in signals(RULES, *map(memory.completed, rows))]


@pytest.mark.parametrize("verb", ["patch", "update"])
@pytest.mark.parametrize("level", ["RequestResponse", "Request"])
def test_what_made_its_object_is_a_creation_and_no_change_of_one(verb: str, level: str) -> None:
    row = applied(verb=verb, level=level)

    assert said(row) == said(applied(verb="create", level=level)) == ["made", "made-or-moved"]
    assert (row.verb, row.object, row.old_object) == (verb, BODY, None)


@pytest.mark.parametrize("verb", ["patch", "update"])
def test_what_found_its_object_is_a_change_and_no_creation(verb: str) -> None:
    row = altered(applied(200, verb=verb), old_object=FORMER)

    assert said(row) == ["moved", "written", "made-or-moved", "was-theirs", "less"]


@pytest.mark.parametrize("verb", ["patch", "update"])
def test_a_creation_that_is_logged_without_bodies_is_one_before_and_after_its_change_is_seen(verb: str) -> None:
    row = applied(verb=verb, level="Metadata")
    joined = with_change(row, change(None, BODY), "Correlated")

    assert said(row) == ["made"]
    assert said(joined) == ["made", "made-or-moved"]
    assert (joined.verb, joined.attribution) == (verb, "Audited")


def test_what_lost_its_answer_is_a_creation_once_its_object_shows() -> None:
    row = applied(level="Metadata", responseStatus=None, stage="RequestReceived")
    joined = with_change(row, change(None, BODY), "Correlated")

    assert (is_creation(row), is_creation(joined)) == (False, True)
    assert said(joined) == ["made", "made-or-moved"]


def test_who_is_told_to_have_found_an_object_changed_one_that_nobody_saw() -> None:
    joined = with_change(applied(200, level="Metadata"), change(None, BODY), "Correlated")

    assert (joined.object, joined.old_object) == (BODY, msgspec.UNSET)
    assert said(joined) == ["written"]


def test_what_is_applied_in_the_place_of_a_deleted_object_is_compared_with_it() -> None:
    for level in ("RequestResponse", "Metadata"):
        row = applied(level=level, stageTimestamp="1970-01-01T00:17:00.000000Z")
        made = with_change(row, change(None, BODY), "Correlated")

        told = said(change(FORMER, None), made)
        assert told == ["moved", "written", "made", "made-or-moved", "was-theirs", "less"]


@pytest.mark.parametrize(
    ("verb", "subresource", "code", "made"),
    [
        ("patch", "", 201, True),
        ("update", "", 201, True),
        ("patch", "", 200, False),
        ("update", "scale", 201, False),
        ("patch", "", 500, None),
        ("patch", "", 0, None),
        ("patch", "", 999, None),
        ("create", "", 201, None),
        ("delete", "", 200, None),
    ],
)
def test_the_code_tells_whether_a_write_made_its_object(
    verb: str, subresource: str, code: int, *, made: bool | None
) -> None:
    reference = POLICY_REFERENCE | {"subresource": subresource}
    row = audited(verb=verb, objectRef=reference, responseStatus={"code": code}, level="Metadata")

    assert has_made(row) is made
    assert is_creation(row) is (verb == "create" or made is True)


def test_a_difference_is_a_creation_where_there_was_nothing() -> None:
    assert is_creation(change(None, BODY))
    assert not is_creation(change(FORMER, BODY))
    assert not is_creation(change(FORMER, None))
