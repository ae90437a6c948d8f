"""Several tellings made one: nothing is claimed that none of them knew, and nothing that was known is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.joiner.merging import (
    blamed,
    one_of_collection,
    rest_of_collection,
    suspected,
    tells_more,
    with_change,
    with_relay,
)
from auditwatch.events.activity import ATTRIBUTIONS, Activity, Actor, Attribution, Client, Patch, Target

UNSEEN = msgspec.UNSET
OLD, NEW, ASKED = {"spec": {"n": 1}}, {"spec": {"n": 2}}, {"spec": {"n": 3}}
POINT = Target(group="apps.kio.kasten.io", version="v1alpha1", resource="restorepoints", namespace="shop", name="rp-1")
MANY = Target(group="apps.kio.kasten.io", version="v1alpha1", resource="restorepoints", namespace="shop", count=3)
SEEN = Target(
    group="apps.kio.kasten.io", version="", resource="restorepoints", namespace="shop", name="rp-1", uid="u-1"
)


def row(verb: str = "patch", **fields: Any) -> Activity:
    """What an audit event told."""
    filled: dict[str, Any] = {
        "key": "request",
        "time": 10.0,
        "cluster": "prod",
        "source": "audit-log",
        "evidence": "Audited",
        "attribution": "Audited",
        "actor": Actor(id="eve", via="Direct"),
        "target": POINT,
    }
    return Activity(verb=verb, **(filled | fields))


def seen(old: Any = OLD, new: Any = NEW, **fields: Any) -> Activity:
    """What watched state told."""
    filled: dict[str, Any] = {"evidence": "State", "source": "state", "key": "change", "attribution": "Unknown"}
    verb = "create" if old is None else "delete" if new is None else "update"
    return row(verb, **(filled | {"target": SEEN, "actor": Actor(), "old_object": old, "object": new} | fields))


@pytest.mark.parametrize(
    ("verb", "own", "change", "old", "new"),
    [
        ("patch", {}, {}, OLD, NEW),
        ("update", {"object": ASKED}, {}, OLD, NEW),
        ("patch", {"object": ASKED, "old_object": OLD}, {"old": UNSEEN, "new": UNSEEN}, OLD, ASKED),
        ("patch", {"old_object": ASKED}, {}, OLD, NEW),
        ("create", {"object": ASKED}, {"old": None}, None, ASKED),
        ("create", {}, {"old": None}, None, NEW),
        ("create", {"object": ASKED}, {"old": OLD}, None, ASKED),
        ("delete", {"object": None}, {"new": None}, OLD, None),
        ("delete", {"object": None, "old_object": ASKED}, {"old": UNSEEN, "new": None}, ASKED, None),
        ("delete", {"object": None}, {"new": NEW}, OLD, None),
        ("deletecollection", {"object": None}, {"new": NEW}, OLD, None),
    ],
)
def test_what_state_saw_comes_before_what_was_asked_but_for_what_a_creation_shows_whole(
    verb: str, own: dict[str, Any], change: dict[str, Any], old: Any, new: Any
) -> None:
    joined = with_change(row(verb, **own), seen(**change), "Correlated")

    assert (joined.old_object, joined.object) == (old, new)


@pytest.mark.parametrize(
    ("outcome", "joined"),
    [("Unknown", "Succeeded"), ("Succeeded", "Succeeded"), ("Denied", "Denied"), ("Failed", "Succeeded")],
)
def test_a_change_settles_an_outcome_that_was_open_and_no_other(outcome: Any, joined: str) -> None:
    assert with_change(row(outcome=outcome), seen(), "Correlated").outcome == joined


@pytest.mark.parametrize("own", ATTRIBUTIONS)
@pytest.mark.parametrize("surely", ATTRIBUTIONS)
def test_a_joined_change_is_never_surer_than_the_request_nor_than_the_join(
    own: Attribution, surely: Attribution
) -> None:
    joined = with_change(row("patch", attribution=own), seen(), surely).attribution

    assert joined == min(own, surely, key=ATTRIBUTIONS.index)


@pytest.mark.parametrize(
    ("verb", "outcome", "surely", "attribution"),
    [
        ("create", "Succeeded", "Correlated", "Audited"),
        ("delete", "Succeeded", "Correlated", "Audited"),
        ("deletecollection", "Succeeded", "Correlated", "Audited"),
        ("update", "Succeeded", "Correlated", "Correlated"),
        ("patch", "Succeeded", "Correlated", "Correlated"),
        ("delete", "Unknown", "Correlated", "Correlated"),
        ("delete", "Succeeded", "Ambiguous", "Ambiguous"),
        ("create", "Succeeded", "Audited", "Audited"),
    ],
)
def test_only_a_success_that_says_itself_what_became_of_the_object_needs_no_version(
    verb: str, outcome: Any, surely: Attribution, attribution: str
) -> None:
    assert with_change(row(verb, outcome=outcome), seen(), surely).attribution == attribution


@pytest.mark.parametrize(
    ("own", "uid", "name"),
    [
        ({}, "u-1", "rp-1"),
        ({"uid": "u-9"}, "u-9", "rp-1"),
        ({"name": ""}, "u-1", "rp-1"),
        ({"name": "rp-2", "uid": "u-9"}, "u-9", "rp-2"),
    ],
)
def test_a_change_names_the_object_where_the_request_did_not(own: dict[str, str], uid: str, name: str) -> None:
    target = with_change(row(target=msgspec.structs.replace(POINT, **own)), seen(), "Correlated").target

    assert (target.uid, target.name, target.version) == (uid, name, "v1alpha1")


def test_who_asked_stays_who_asked_and_the_row_keeps_its_key() -> None:
    request = row(client=Client(ip="10.0.0.1"))
    joined = with_change(request, seen(actor=Actor(id="", manager="kubectl")), "Correlated")

    assert (joined.key, joined.actor, joined.client, joined.evidence) == (
        "request",
        request.actor,
        request.client,
        "Audited",
    )


@pytest.mark.parametrize(("asked", "shown", "version"), [("v1", "v2", "v1"), ("", "v2", "v2"), ("v1", "", "v1")])
def test_a_part_of_a_deletion_of_many_is_the_one_object_under_the_key_of_its_change(
    asked: str, shown: str, version: str
) -> None:
    request = row("deletecollection", target=msgspec.structs.replace(MANY, version=asked))
    change = seen(new=None, target=msgspec.structs.replace(SEEN, version=shown))
    part = one_of_collection(request, change, "Correlated")

    assert part.target == msgspec.structs.replace(SEEN, version=version)
    assert (part.target.count, part.key, part.verb) == (1, "change", "deletecollection")
    assert (part.old_object, part.object, part.actor.id) == (OLD, None, "eve")


@pytest.mark.parametrize(
    ("count", "shown", "left"), [(3, 1, 2), (3, 0, 3), (3, 3, None), (3, 4, None), (0, 0, None), (None, 2, None)]
)
def test_the_rest_of_a_deletion_of_many_is_what_was_not_told_apart(
    count: int | None, shown: int, left: int | None
) -> None:
    told = [f"rp-{number}" for number in range(shown)]
    rest = rest_of_collection(row("deletecollection", target=msgspec.structs.replace(MANY, count=count)), told)

    assert (rest.target.count if rest else None) == left


def test_the_rest_of_a_deletion_of_many_has_no_name_that_was_told_apart() -> None:
    many = msgspec.structs.replace(MANY, names=("rp-1", "rp-2", "rp-3"))
    rest = rest_of_collection(row("deletecollection", target=many), ["rp-2"])

    assert rest is not None
    assert (rest.target.names, rest.target.count) == (("rp-1", "rp-3"), 2)
    unnamed = rest_of_collection(row("deletecollection", target=MANY), ["rp-2"])
    assert unnamed is not None
    assert unnamed.target.names is None


def test_names_that_one_of_two_tellings_knows_are_known() -> None:
    known = msgspec.structs.replace(MANY, names=("rp-1",))
    for one, other in ((MANY, known), (known, MANY)):
        both = with_relay(row("deletecollection", target=one), row("deletecollection", target=other))
        assert both.target.names == ("rp-1",)


@given(count=st.integers(0, 50), shown=st.integers(0, 50))
def test_parts_and_rest_of_a_deletion_of_many_are_all_of_it(count: int, shown: int) -> None:
    told = [f"rp-{number}" for number in range(shown)]
    rest = rest_of_collection(row("deletecollection", target=msgspec.structs.replace(MANY, count=count)), told)

    assert shown + (rest.target.count or 0 if rest else 0) == max(count, shown)


@pytest.mark.parametrize(
    ("front", "behind", "outcome"),
    [
        ("Unknown", "Succeeded", "Succeeded"),
        ("Unknown", "Rejected", "Rejected"),
        ("Unknown", "Unknown", "Unknown"),
        ("Succeeded", "Rejected", "Succeeded"),
        ("Denied", "Succeeded", "Denied"),
    ],
)
def test_the_server_behind_settles_only_what_the_api_server_left_open(front: Any, behind: Any, outcome: str) -> None:
    assert with_relay(row(outcome=front), row(outcome=behind)).outcome == outcome


PATCH, OTHER = Patch(is_complete=True), Patch(hides=True)


@pytest.mark.parametrize(
    ("front", "behind", "joined"),
    [
        ({"object": NEW}, {"object": ASKED}, {"object": NEW}),
        ({"object": UNSEEN}, {"object": ASKED}, {"object": ASKED}),
        ({"object": None}, {"object": ASKED}, {"object": None}),
        ({"old_object": OLD}, {"old_object": ASKED}, {"old_object": OLD}),
        ({"old_object": UNSEEN}, {"old_object": ASKED}, {"old_object": ASKED}),
        ({"old_object": None}, {"old_object": ASKED}, {"old_object": None}),
        ({"patch": PATCH}, {"patch": OTHER}, {"patch": PATCH}),
        ({}, {"patch": OTHER}, {"patch": OTHER}),
        ({"patch": PATCH}, {}, {"patch": PATCH}),
    ],
)
def test_the_server_behind_gives_the_bodies_that_the_api_server_did_not_log(
    front: dict[str, Any], behind: dict[str, Any], joined: dict[str, Any]
) -> None:
    assert with_relay(row(**front), row(**behind)) == row(**joined)


@pytest.mark.parametrize(
    ("front", "behind", "joined"),
    [
        ({"name": ""}, {"name": "rp-7"}, {"name": "rp-7"}),
        ({"name": "rp-1"}, {"name": "rp-7"}, {"name": "rp-1"}),
        ({"uid": ""}, {"uid": "u-7"}, {"uid": "u-7"}),
        ({"uid": "u-1"}, {"uid": "u-7"}, {"uid": "u-1"}),
        ({"count": None}, {"count": 5}, {"count": 5}),
        ({"count": 2}, {"count": 5}, {"count": 2}),
        ({"count": 0}, {"count": 5}, {"count": 0}),
        ({"count": None}, {"count": None}, {"count": None}),
        ({}, {"version": "v9", "subresource": "details", "namespace": "other"}, {}),
    ],
)
def test_the_server_behind_names_and_counts_what_the_api_server_could_not(
    front: dict[str, Any], behind: dict[str, Any], joined: dict[str, Any]
) -> None:
    one, other, both = (msgspec.structs.replace(POINT, **fields) for fields in (front, behind, joined))

    assert with_relay(row(target=one), row(target=other)).target == both


def test_who_asked_is_what_the_api_server_says_and_never_the_server_behind() -> None:
    relay = row(actor=Actor(id="mallory"), client=Client(ip="10.9.9.9"), evidence="K10Stream", attribution="Correlated")

    assert with_relay(row(client=Client(ip="10.0.0.1")), relay) == row(client=Client(ip="10.0.0.1"))


def test_what_a_controller_cleared_up_is_put_down_to_whoever_made_it_necessary() -> None:
    controller = row("deletecollection", client=Client(ip="10.0.0.2"), actor=Actor(id="controller"))
    found = blamed(controller, Actor(id="eve"), Client(ip="10.0.0.1"))

    assert (found.actor.id, found.client, found.attribution) == ("eve", Client(ip="10.0.0.1"), "Correlated")
    assert blamed(controller, Actor(id="eve"), UNSEEN).client is UNSEEN


def test_each_suspect_is_named_once_in_the_order_given() -> None:
    eve, bob = Actor(id="eve"), Actor(id="bob")

    assert suspected(row(), [bob, eve, bob]).suspects == (bob, eve)
    assert suspected(row(suspects=(eve,)), []).suspects == ()


def test_where_every_suspect_is_the_same_it_is_known_who_it_was() -> None:
    eve, bob = Actor(id="eve", credential_id="JTI=1"), Actor(id="bob")
    one = suspected(row(attribution="Ambiguous", actor=eve), [eve, eve])
    elsewhere = suspected(row(attribution="Ambiguous", actor=eve), [eve, Actor(id="eve", credential_id="JTI=2")])
    other = suspected(row(attribution="Ambiguous", actor=eve), [bob])

    assert (one.attribution, one.suspects) == ("Correlated", ())
    assert (elsewhere.attribution, len(elsewhere.suspects)) == ("Ambiguous", 2)
    assert (other.attribution, other.suspects) == ("Ambiguous", (bob,))
    assert suspected(row(attribution="Audited", actor=eve), [eve]).attribution == "Audited"


def test_a_row_tells_more_if_it_differs_in_anything() -> None:
    assert not tells_more(row(), row())
    assert tells_more(row(attribution="Correlated"), row())
    assert tells_more(row(object=None), row())
