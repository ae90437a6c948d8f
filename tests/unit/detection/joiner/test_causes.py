"""Which request a change is put down to, and how surely: by version, by object and time, or to nobody."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Activity, StateChange
from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import CONFIG, activities, body, change, event, only, with_audit

LATER = 60.0
STATUS = {
    "apiGroup": CONFIG,
    "resource": "policies",
    "namespace": "kasten-io",
    "name": "daily",
    "subresource": "status",
}


def joined(*records: StateChange | AuditRecord, **parts: Any) -> list[Activity]:
    """What becomes of records that all arrive within their holds."""
    desk = with_audit(**parts)
    desk.take(*records, at=0.4)
    return activities([*desk.settle(0.4), *desk.settle(LATER)])


def test_an_event_and_its_change_are_one_activity_with_the_identity_of_one_and_the_sides_of_the_other() -> None:
    (row,) = joined(event(), change())

    assert (row.evidence, row.verb, row.actor.id, row.target.uid) == ("Audited", "patch", "eve", "uid-daily")
    assert isinstance(row.old_object, dict)
    assert isinstance(row.object, dict)
    assert (row.old_object["spec"], row.object["spec"]) == ({"paused": False}, {"paused": True})


def test_the_same_version_is_proof() -> None:
    (row,) = joined(event(responseObject=body("11", paused=True)), change(version="11"))

    assert row.attribution == "Audited"


def test_another_version_of_a_watched_object_is_another_write() -> None:
    rows = joined(event(responseObject=body("12", paused=True)), change(version="11"))

    assert sorted((row.evidence, row.attribution) for row in rows) == [("Audited", "Audited"), ("State", "Unknown")]


def test_several_writes_seen_as_one_difference_may_include_that_of_another_version() -> None:
    (row,) = joined(event(responseObject=body("11", paused=True)), change(version="14", manner="List"))

    assert row.attribution == "Correlated"


def test_who_changed_nothing_and_was_answered_with_the_same_version_is_not_to_blame() -> None:
    rows = joined(
        event(at=0.5, user="gitops", responseObject=body("11", paused=True)),
        event(at=0.0, user="eve", responseObject=body("11", paused=True)),
        change(version="11"),
    )

    assert [row.actor.id for row in rows if isinstance(row.old_object, dict)] == ["eve"]


def test_one_request_that_fits_is_correlated() -> None:
    assert [row.attribution for row in joined(event(), change())] == ["Correlated"]


def test_several_requests_that_fit_are_ambiguous_and_all_are_named() -> None:
    rows = joined(event(at=0.0, user="eve"), event(at=0.1, user="bob"), change())

    assert sorted(row.attribution for row in rows) == ["Ambiguous", "Audited"]
    (carrier,) = [row for row in rows if row.attribution == "Ambiguous"]
    assert [actor.id for actor in carrier.suspects] == ["eve", "bob"]
    assert isinstance(carrier.object, dict)


def test_of_several_that_fit_one_that_is_known_to_have_succeeded_carries_the_change() -> None:
    rows = joined(event(at=0.0, user="eve", code=504), event(at=0.1, user="bob"), change())

    assert [row.actor.id for row in rows if isinstance(row.object, dict)] == ["bob"]


def test_a_write_explains_one_change_and_a_second_is_nobodys() -> None:
    rows = joined(event(), change(version="11"), change(version="12", old_version="11", at=0.3))

    assert sorted((row.evidence, row.attribution) for row in rows) == [("Audited", "Correlated"), ("State", "Unknown")]


def test_two_writes_and_two_changes_are_put_together_in_their_order() -> None:
    rows = joined(
        event(at=0.0, user="eve"),
        event(at=0.2, user="bob"),
        change(version="11", at=0.1, new={"spec": {"n": 1}}),
        change(version="12", old_version="11", at=0.3, new={"spec": {"n": 2}}),
    )

    assert {row.actor.id: row.object for row in rows} == {"eve": {"spec": {"n": 1}}, "bob": {"spec": {"n": 2}}}
    assert {row.attribution for row in rows} == {"Ambiguous"}


@pytest.mark.parametrize(
    "asked",
    [
        event(name="weekly"),
        event(namespace="elsewhere"),
        event(resource="profiles"),
        event(group="kio.kasten.io"),
        event(verb="delete"),
        event(code=403),
        event(code=409),
        event(at=-40.0),
        event(at=2.6),
        event(objectRef=STATUS),
    ],
    ids=["name", "namespace", "resource", "group", "verb", "denied", "conflict", "before", "after", "status"],
)  # fmt: skip
def test_what_cannot_have_made_the_change_is_not_blamed_for_it(asked: AuditRecord) -> None:
    rows = joined(asked, change())

    assert [row.attribution for row in rows if row.evidence == "State"] == ["Unknown"]


def test_a_dry_run_has_made_no_change() -> None:
    role: dict[str, Any] = {
        "group": "rbac.authorization.k8s.io",
        "resource": "clusterroles",
        "namespace": "",
        "name": "r",
    }
    rows = joined(event(query="?dryRun=All", **role), change(**role))

    assert [row.attribution for row in rows if row.evidence == "State"] == ["Unknown"]


@pytest.mark.parametrize(
    ("agent", "query", "evidence"),
    [
        ("kubectl/v1.34.0", "?fieldManager=kubectl-edit", "Audited"),
        ("kubectl-edit/v1.34.0", "", "Audited"),
        ("kubectl/v1.34.0", "", "State"),
        ("helm/3", "?fieldManager=helm", "State"),
    ],
)
def test_the_server_signs_a_write_with_the_clients_field_manager_or_its_program(
    agent: str, query: str, evidence: str
) -> None:
    rows = joined(event(userAgent=agent, query=query), change(manager="kubectl-edit", signed=0.0))

    assert [row.evidence for row in rows if row.old_object is not msgspec.UNSET] == [evidence]


def test_the_servers_own_time_of_a_change_narrows_the_choice() -> None:
    rows = joined(event(at=-8.0, user="bob"), event(user="eve"), change(signed=0.0, manager="kubectl"))

    assert sorted((row.actor.id, row.attribution) for row in rows) == [("bob", "Audited"), ("eve", "Correlated")]


def test_another_object_of_the_same_name_is_another() -> None:
    deleted = event("delete", responseStatus={"code": 200, "details": {"uid": "uid-other"}})
    rows = joined(deleted, change("delete"))

    assert sorted((row.evidence, row.attribution) for row in rows) == [("Audited", "Audited"), ("State", "Unknown")]


@pytest.mark.parametrize(("verb", "made"), [("create", "create"), ("patch", "create"), ("delete", "delete")])
def test_creation_and_deletion_are_joined_too(verb: str, made: str) -> None:
    (row,) = joined(event(verb, code=201 if made == "create" else 200), change(made))

    assert (row.verb, row.old_object is None, row.object is None) == (verb, made == "create", made == "delete")


def test_a_deletion_speaks_for_itself() -> None:
    assert [row.attribution for row in joined(event("delete"), change("delete"))] == ["Audited"]


def test_which_of_two_deletions_deleted_it_is_not_told_apart() -> None:
    rows = joined(event("delete", user="eve"), event("delete", at=0.1, user="bob"), change("delete"))

    assert sorted(row.attribution for row in rows) == ["Ambiguous", "Audited"]


def test_of_several_requests_the_one_that_is_nearest_to_a_watched_change_carries_it() -> None:
    rows = joined(event(at=-1.0, user="eve"), event(at=0.0, user="bob"), change(at=0.12, since=-5.0))

    assert [row.actor.id for row in rows if isinstance(row.object, dict)] == ["bob"]


def test_of_two_changes_the_one_that_is_nearer_to_the_only_request_is_its_work() -> None:
    rows = joined(
        event(at=0.2),
        change(version="11", at=0.05, new={"spec": {"n": 1}}),
        change(version="12", old_version="11", at=0.3, new={"spec": {"n": 2}}),
    )

    assert {row.actor.id: row.object for row in rows} == {"": {"spec": {"n": 1}}, "eve": {"spec": {"n": 2}}}


def test_an_object_of_which_the_event_has_all_is_not_replaced_by_the_facts_that_state_keeps() -> None:
    whole = body("11", paused=True) | {"spec": {"paused": True, "more": 1}}
    (row,) = joined(event("create", responseObject=whole, requestObject=whole), change("create", version="11"))

    assert isinstance(row.object, dict)
    assert row.object["spec"] == {"paused": True, "more": 1}


def test_a_deletion_that_waits_for_a_finalizer_is_one_deletion() -> None:
    waiting = {"metadata": {"name": "daily", "deletionTimestamp": "2027-01-15T08:00:00Z"}, "spec": {"paused": False}}
    desk = with_audit()
    desk.take(event("delete"), change(new=waiting, version="11"), at=0.4)
    row = only(desk.settle(5.0))
    assert (row.verb, row.object) == ("delete", None)

    assert desk.tell(change("delete", old=waiting, at=90.0, since=80.0), at=90.0) == []
    assert desk.settle(95.0) == []
    assert desk.inbox == {}


def test_a_created_object_without_a_name_in_its_event_gets_it_from_the_change() -> None:
    reference = {"apiGroup": CONFIG, "resource": "policies", "namespace": "kasten-io"}
    (row,) = joined(event("create", objectRef=reference), change("create", name="daily-x7"))

    assert row.target.name == "daily-x7"


def test_rows_are_the_same_after_a_way_through_the_journal() -> None:
    rows = joined(event(at=0.0, user="eve"), event(at=0.1, user="bob"), change())

    assert [msgspec.json.decode(msgspec.json.encode(row), type=Activity) for row in rows] == rows


def test_who_made_an_object_by_applying_it_did_not_change_it_a_moment_later() -> None:
    rows = joined(event(at=0.0, user="admin", code=201), event(at=0.1, user="eve", code=200), change())

    assert [(row.actor.id, row.attribution) for row in rows if isinstance(row.old_object, dict)] == [
        ("eve", "Correlated")
    ]


def test_who_found_an_object_did_not_make_it() -> None:
    rows = joined(event(at=0.0, user="admin", code=201), event(at=0.1, user="eve", code=200), change(verb="create"))

    assert [row.actor.id for row in rows if isinstance(row.object, dict)] == ["admin"]


def test_of_what_was_listed_whoever_changed_it_may_have_made_what_is_there() -> None:
    rows = joined(
        event(at=0.0, user="admin", code=201),
        event(at=0.1, user="eve", code=200),
        change(verb="create", manner="List"),
    )

    (carrier,) = [row for row in rows if isinstance(row.object, dict)]
    assert {actor.id for actor in (carrier.actor, *carrier.suspects)} >= {"admin", "eve"}


def test_a_removal_since_a_listing_is_joined_although_an_earlier_write_left_the_newest_time() -> None:
    (row,) = joined(event(at=20.0), change(at=30.0, since=-30.0, signed=5.0, manner="List"))

    assert (row.actor.id, row.attribution) == ("eve", "Correlated")
