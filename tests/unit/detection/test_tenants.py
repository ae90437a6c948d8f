"""What a tenant's watch is told: what happens in its own namespace, and nobody's identity but its own."""

from __future__ import annotations

import msgspec

from auditwatch.events.activity import Actor

from .building import PAUSED, PAUSING, altered, audited, signals


def test_a_tenant_sees_its_namespace_and_nothing_else() -> None:
    assert len(signals(PAUSED, PAUSING, tenant="kasten-io")) == 1
    assert signals(PAUSED, PAUSING, tenant="shop") == []


def test_a_tenant_sees_nobodys_identity_but_its_own() -> None:
    stranger = Actor(id="eve", name="eve", groups=("admins",), via="Direct", manager="kubectl-edit")
    [signal] = signals(PAUSED, altered(PAUSING, actor=stranger), tenant="kasten-io")
    assert signal.activity is not None
    assert signal.activity.actor == Actor(id="masked", name="masked", via="Direct", manager="kubectl-edit")
    own = Actor(id="system:serviceaccount:kasten-io:backup", groups=("x",))
    [signal] = signals(PAUSED, altered(PAUSING, actor=own), tenant="kasten-io")
    assert signal.activity is not None
    assert signal.activity.actor == own


def test_a_neighbour_with_a_longer_namespace_name_is_a_stranger() -> None:
    neighbour = Actor(id="system:serviceaccount:kasten-io-mc:backup")
    [signal] = signals(PAUSED, altered(PAUSING, actor=neighbour), tenant="kasten-io")
    assert signal.activity is not None
    assert signal.activity.actor.id == "masked"


def test_a_tenant_does_not_learn_who_it_was_from_the_request_either() -> None:
    body = {"requestObject": {"spec": {"paused": True}}, "responseStatus": {"code": 200, "message": "eve did it"}}
    [signal] = signals(PAUSED, audited(body), tenant="kasten-io")
    assert signal.activity is not None
    assert b"eve" not in msgspec.json.encode(signal.activity)
    assert b"10.1.2.3" not in msgspec.json.encode(signal.activity)


def test_a_tenant_does_not_learn_who_impersonates_its_account() -> None:
    own = "system:serviceaccount:kasten-io:backup"
    row = audited(requestObject={"spec": {"paused": True}}, impersonatedUser={"username": own})
    [signal] = signals(PAUSED, row, tenant="kasten-io")
    assert signal.activity is not None
    assert b"eve" not in msgspec.json.encode(signal.activity)
    itself = audited(requestObject={"spec": {"paused": True}}, user={"username": own})
    [signal] = signals(PAUSED, itself, tenant="kasten-io")
    assert signal.activity == itself
