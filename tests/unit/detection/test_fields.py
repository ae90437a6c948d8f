"""Fields of the rule language: which there are, and what they read when a source does or does not know."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from auditwatch.detection.activity_fields import READERS, UNKNOWN_TO_STATE
from auditwatch.detection.changes import LIMIT
from auditwatch.detection.fields import FieldError, compile_field, known_fields
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Activity, Actor, Target

from .building import K10, altered, audited, change, spec


def _read(name: str, activity: Activity) -> object:
    return compile_field(name).read(Scope(activity, K10), MISSING)


ROW = change(spec(paused=False), spec(paused=True), manager="kubectl-edit")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target.group", "config.kio.kasten.io"),
        ("target.resource", "policies"),
        ("target.namespace", "kasten-io"),
        ("target.name", "daily"),
        ("target.uid", "uid-daily"),
        ("target.count", 1),
        ("target.subresource", MISSING),
        ("request.verb", "update"),
        ("response.outcome", "Succeeded"),
        ("actor.manager", "kubectl-edit"),
        ("actor.attribution", "FieldManager"),
        ("object.spec.paused", True),
        ("oldObject.spec.paused", False),
        ("object.spec.nothing", MISSING),
        ("k10.policyName", "daily"),
        ("k10.appName", MISSING),
    ],
)
def test_a_state_change_knows(name: str, value: object) -> None:
    assert _read(name, ROW) == value


@pytest.mark.parametrize("name", sorted(UNKNOWN_TO_STATE | {"event.auditID", "request.query.watch"}))
def test_a_state_change_does_not_know(name: str) -> None:
    assert _read(name, ROW) is UNKNOWN


def _wide(count: int) -> Activity:
    return change(spec(paused=False), spec(paused=False, **{f"f{number}": number for number in range(count)}))


@pytest.mark.parametrize(
    ("fields", "count"), [(0, 0), (1, 1), (LIMIT, LIMIT), (LIMIT + 1, LIMIT + 1), (5000, LIMIT + 1)]
)
def test_changes_are_counted_up_to_one_more_than_are_kept(fields: int, count: int) -> None:
    assert _read("changes.count", _wide(fields)) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"spec": {"paused": True, "frequency": "@daily"}}, 2),
        ({"spec": {"retention": None}}, UNKNOWN),
        ({"spec": {f"f{number}": number for number in range(LIMIT + 1)}}, LIMIT + 1),
        (None, UNKNOWN),
    ],
)
def test_what_a_patch_names_is_counted_where_it_cannot_hide_more(body: object, count: object) -> None:
    bodies: dict[str, Any] = {} if body is None else {"requestObject": body}
    assert _read("changes.count", audited(verb="patch", **bodies)) == count


def test_every_field_can_be_read_of_a_bare_activity() -> None:
    bare = Activity(
        key="k",
        time=0.0,
        cluster="c",
        source="s",
        evidence="Audited",
        verb="get",
        target=Target(group="", version="", resource=""),
    )
    for name in READERS:
        assert _read(name, bare) is not None


def test_names_are_those_of_all_that_a_request_was_about() -> None:
    many = altered(ROW, verb="deletecollection", target=Target(group="", version="v1", resource="configmaps"))
    assert _read("target.names", ROW) == ["daily"]
    assert _read("target.names", many) is UNKNOWN
    assert _read("target.names", altered(many, target=replace(many.target, names=()))) == []
    assert _read("target.names", altered(many, target=replace(many.target, names=("a", "b")))) == ["a", "b"]
    assert _read("target.names", altered(many, verb="list")) is MISSING
    assert _read("target.name", altered(many, target=replace(many.target, names=("a",)))) is MISSING


def test_an_object_nobody_saw_is_unknown_and_one_that_is_not_there_absent() -> None:
    deleted = change(spec(paused=False), None)
    assert _read("object.spec.paused", deleted) is MISSING
    unseen = altered(deleted, object=msgspec.UNSET)
    assert _read("object.spec.paused", unseen) is UNKNOWN
    assert _read("changes", unseen) is UNKNOWN
    assert _read("oldObject.spec.paused", unseen) is False


def test_an_actor_that_is_known_is_read() -> None:
    actor = Actor(id="eve", groups=("dev",), kind="User", via="Direct", is_k10=False)
    known = altered(ROW, actor=actor)
    assert _read("actor.id", known) == "eve"
    assert _read("actor.groups", known) == ["dev"]
    assert _read("actor.isK10", known) is False


def test_hours_and_weekdays_are_the_watchs_own() -> None:
    scope = Scope(altered(ROW, time=1767225600.0), K10, ZoneInfo("America/New_York"))  # 2026-01-01T00:00:00Z
    assert compile_field("time.hour").read(scope, MISSING) == 19
    assert compile_field("time.weekday").read(scope, MISSING) == "Wednesday"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("actor.idd", "actor.id"),
        ("target.nam", "target.name"),
        ("k10.policyNam", "k10.policyName"),
        ("objct", "object"),
    ],
)
def test_a_misspelt_field_is_refused_with_the_one_that_is_meant(name: str, meant: str) -> None:
    with pytest.raises(FieldError, match=f"did you mean '{meant}'"):
        compile_field(name)


@pytest.mark.parametrize("name", ["", "zzz", "actor", "event", "object.", "object.a..b", "request.query"])
def test_what_is_no_field_is_refused(name: str) -> None:
    with pytest.raises(FieldError):
        compile_field(name)


def test_the_element_has_no_meaning_outside_of_for_any() -> None:
    with pytest.raises(FieldError, match="inside forAny only"):
        compile_field("$.path")


def test_a_change_has_the_fields_it_has() -> None:
    with pytest.raises(FieldError, match="no field of a change"):
        compile_field("$.name", element="Change")
    with pytest.raises(FieldError, match="no field of an element"):
        compile_field("$name", element="JSON")


def test_only_the_object_and_a_change_have_a_before_and_an_after() -> None:
    pair = compile_field("object.spec.paused").pair
    assert pair is not None
    found = pair(Scope(ROW, K10), MISSING)
    assert (found.path, found.old, found.new) == ("spec.paused", False, True)
    assert compile_field("actor.id").pair is None


def test_the_known_fields_are_those_that_compile() -> None:
    assert all(compile_field(name) for name in known_fields())


REQUEST = audited(
    requestURI="/apis/x?watch=true&label=a&label=b",
    requestObject={"spec": {"paused": True}},
    annotations={"authorization.k8s.io/decision": "allow"},
    responseStatus={"code": 404, "reason": "NotFound", "message": "gone"},
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("actor.id", "eve"),
        ("actor.kind", "User"),
        ("actor.via", "Direct"),
        ("actor.isK10", False),
        ("actor.groups", ["dev", "system:authenticated"]),
        ("actor.credentialID", MISSING),
        ("actor.podUID", MISSING),
        ("actor.grantedBy", UNKNOWN),
        ("actor.impersonator.id", MISSING),
        ("client.ip", "10.1.2.3"),
        ("client.ips", ["10.1.2.3"]),
        ("client.agent", "kubectl/v1.34.0"),
        ("request.path", "/apis/x"),
        ("request.command", MISSING),
        ("request.args", []),
        ("request.dryRun", False),
        ("request.query.watch", "true"),
        ("request.query.label", ["a", "b"]),
        ("request.query.nothing", MISSING),
        ("response.code", 404),
        ("response.phrase", "Not Found"),
        ("response.reason", "NotFound"),
        ("response.message", "gone"),
        ("response.issuedCredentialID", MISSING),
        ('event.annotations["authorization.k8s.io/decision"]', "allow"),
        ("event.user.groups[1]", "system:authenticated"),
        ("event.nothing", MISSING),
        ("object.spec.paused", True),
        ("object.spec.other", UNKNOWN),
        ("oldObject.spec.paused", UNKNOWN),
    ],
)
def test_a_request_knows(name: str, value: object) -> None:
    assert _read(name, REQUEST) == value


def test_an_impersonator_is_read_part_by_part() -> None:
    row = audited(impersonatedUser={"username": "jane"})
    assert _read("actor.impersonator.id", row) == _read("actor.impersonator.name", row) == "eve"
    assert _read("actor.impersonator.groups", row) == ["dev", "system:authenticated"]


def test_nobody_is_absent_and_not_unknown() -> None:
    row = audited(user={}, stage="ResponseStarted", responseStatus={"code": 401})
    assert _read("actor.id", row) is MISSING
    assert _read("actor.name", row) is MISSING
    assert _read("actor.isK10", row) is False


def test_a_request_without_an_answer_has_no_code() -> None:
    assert _read("response.code", audited(stage="Panic", responseStatus=None)) is MISSING


@pytest.mark.parametrize("name", ["event.requestObject.spec", "event.responseObject"])
def test_bodies_are_read_as_objects(name: str) -> None:
    with pytest.raises(FieldError, match="read as object, oldObject and changes"):
        compile_field(name)
