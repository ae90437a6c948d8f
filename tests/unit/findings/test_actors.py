"""Whom an incident names: everybody once, with address and credential, and nobody for longer than it is so."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from auditwatch.events.activity import ATTRIBUTIONS, Activity, Actor, Attribution, Client
from auditwatch.findings.absorb import amend
from auditwatch.findings.actors import network
from auditwatch.findings.state import FindingState, decode, encode
from tests.unit.findings.acting import (
    BOB,
    HINT,
    K10,
    MALLORY,
    TAKEN_ON,
    after,
    ambiguous,
    audited,
    corrected,
    counted,
    hinted,
    of,
)


def names(state: FindingState) -> list[str]:
    return [actor.id or f"?{actor.manager}" for actor in state.actors]


def at(address: str, agent: str = "curl") -> Client:
    return Client(ip=address, ips=(address,), agent=agent)


# What is kept of one


def test_an_actor_is_kept_with_address_credential_and_how_they_are_known() -> None:
    (actor,) = of(audited(1)).actors

    assert (actor.id, actor.kind, actor.via, actor.attribution) == (
        "mallory@example.com",
        "User",
        "Direct",
        "Audited",
    )
    assert actor.client_ips == ("203.0.113.9",)
    assert actor.credential_ids == ("JTI=11111111-1111-4111-8111-111111111111",)
    assert (actor.impersonator, actor.pod, actor.node) == ("", "", "")


def test_whoever_acts_as_somebody_else_is_kept_beside_them() -> None:
    state = of(audited(1, TAKEN_ON), audited(2, changed(TAKEN_ON, impersonator=None, via="Direct")))

    assert [(actor.id, actor.impersonator) for actor in state.actors] == [(K10, "mallory@example.com"), (K10, "")]


def test_two_who_act_as_the_same_account_are_two() -> None:
    other = changed(TAKEN_ON, impersonator=changed(TAKEN_ON.impersonator, id="bob"))  # type: ignore[type-var]  # set

    assert [actor.impersonator for actor in of(audited(1, TAKEN_ON), audited(2, other)).actors] == [
        "mallory@example.com",
        "bob",
    ]


def test_the_pod_and_node_a_token_names_are_kept_and_the_last_stay() -> None:
    first, second = (changed(MALLORY, pod=f"shell-{n}", node=f"node-{n}") for n in (1, 2))
    (actor,) = of(audited(1, first), audited(2, second), audited(3)).actors

    assert (actor.pod, actor.node) == ("shell-2", "node-2")


def test_five_credentials_of_an_actor_are_kept_and_the_others_counted() -> None:
    state = of(*(audited(n, changed(MALLORY, credential_id=f"JTI={n}")) for n in range(1, 9)), audited(9))

    assert state.actors[0].credential_ids == ("JTI=1", "JTI=2", "JTI=3", "JTI=4", "JTI=5")
    assert state.credentials_cut == 4


def test_five_addresses_of_an_actor_are_kept() -> None:
    state = of(*(audited(n, client=at(f"198.51.100.{n}")) for n in range(1, 9)))

    assert state.actors[0].client_ips == tuple(f"198.51.100.{n}" for n in range(1, 6))
    assert [client.ip for client in state.clients] == [f"198.51.100.{n}" for n in range(1, 9)]


def test_a_credential_nobody_saw_is_none() -> None:
    (actor,) = of(audited(1, changed(MALLORY, credential_id=None, pod=msgspec.UNSET))).actors

    assert (actor.credential_ids, actor.pod) == ((), "")


def test_who_showed_no_valid_credential_is_listed_once_without_a_name() -> None:
    nobody = Actor(kind="Unauthenticated", via="Direct", is_k10=False, user="", impersonator=None)
    (actor,) = of(audited(1, nobody), audited(2, nobody, client=at("192.0.2.1"))).actors

    assert (actor.id, actor.kind, actor.attribution) == ("", "Unauthenticated", "Audited")
    assert actor.client_ips == ("203.0.113.9", "192.0.2.1")


def test_what_is_kept_is_escaped_and_cut() -> None:
    long = changed(MALLORY, credential_id="c" * 999, pod="p\n" * 200, impersonator=None)
    state = of(audited(1, long, client=at("1\x1b" * 90, "a\u202e" * 900)))
    (actor,), (client,) = state.actors, state.clients

    assert (len(actor.credential_ids[0]), len(actor.pod), len(client.ip), len(client.agent)) == (128, 253, 64, 256)
    assert (actor.pod + client.ip + client.agent).isprintable()


def test_a_hint_is_never_known_better_than_as_one() -> None:
    assert of(audited(1, HINT)).actors[0].attribution == "FieldManager"


@given(st.lists(st.sampled_from(ATTRIBUTIONS[2:]), min_size=1, max_size=8))
def test_how_an_actor_is_known_only_rises(steps: list[Attribution]) -> None:
    (actor,) = of(*(audited(n, attribution=known) for n, known in enumerate(steps, 1))).actors

    assert actor.attribution == max(steps, key=ATTRIBUTIONS.index)
    assert actor.sightings == len(steps)


# Several who may have done it


def test_everybody_who_may_have_done_it_is_listed_and_only_whose_request_it_was_has_the_address() -> None:
    state = of(ambiguous(1, MALLORY, BOB))

    assert [(actor.id, actor.attribution, actor.client_ips) for actor in state.actors] == [
        ("mallory@example.com", "Ambiguous", ("203.0.113.9",)),
        ("bob", "Ambiguous", ()),
    ]


def test_somebody_suspected_twice_of_one_change_is_seen_once() -> None:
    (actor,) = of(ambiguous(1, MALLORY, changed(MALLORY, credential_id="JTI=2"))).actors

    assert actor.sightings == 1


# Bounds


def test_a_name_is_not_kept_out_by_any_number_of_hints() -> None:
    flood = [hinted(n, Actor(manager=f"tool-{n}")) for n in range(1, 31)]
    state = of(*flood, audited(31))

    assert names(state) == [*(f"?tool-{n}" for n in range(1, 10)), "mallory@example.com"]
    assert state.actors_cut == 21


def test_a_hint_pushes_no_name_out() -> None:
    known = [audited(n, changed(MALLORY, id=f"user-{n}")) for n in range(1, 11)]

    assert names(of(*known, hinted(11))) == [f"user-{n}" for n in range(1, 11)]


def test_an_address_is_not_kept_out_by_any_number_of_names_for_one_client() -> None:
    flood = [audited(n, client=at("192.0.2.1", f"agent-{n}")) for n in range(1, 31)]
    state = of(*flood, audited(31))

    assert len(state.clients) == 10
    assert (state.clients[0].agent, state.clients[-1].ip) == ("agent-1", "203.0.113.9")
    assert state.clients_cut == 21


def test_ten_clients_are_kept_and_the_others_counted() -> None:
    state = of(*(audited(n, client=at(f"198.51.{n}.1")) for n in range(1, 14)))

    assert [client.ip for client in state.clients] == [f"198.51.{n}.1" for n in range(1, 11)]
    assert state.clients_cut == 3


# What is news for triage


def test_another_network_is_new_and_another_address_of_it_is_not() -> None:
    near = [audited(1), audited(2, client=at("203.0.113.77"))]

    assert of(*near).novel == 1
    assert of(*near, audited(3, client=at("198.51.100.1"))).novel == 3


def test_another_credential_is_not_new() -> None:
    assert of(audited(1), audited(2, changed(MALLORY, credential_id="JTI=2"))).novel == 1


def test_the_first_address_of_an_incident_is_not_new_by_itself() -> None:
    assert of(audited(1, client=Client()), audited(2)).novel == 1


@pytest.mark.parametrize(
    ("address", "of"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_an_address_counts_to_its_network(address: str, of: str) -> None:
    assert network(address) == of


# Corrections


def test_a_hint_gives_way_to_the_name() -> None:
    former = hinted(1)
    state = after(counted(former, 1), corrected(2, former, audited(1)))

    assert names(state) == ["mallory@example.com"]
    assert (state.count, state.attribution, state.actors_cut) == (1, "Audited", 0)


def test_a_hint_about_other_activity_stays() -> None:
    former = hinted(1)
    state = after(counted(former, 1), counted(hinted(2), 2), corrected(3, former, audited(1)))
    assert names(state) == ["?kubectl-patch", "mallory@example.com"]

    state = after(
        counted(former, 1),
        counted(hinted(2), 2),
        corrected(3, former, audited(1)),
        corrected(4, hinted(2), audited(2)),
    )
    assert names(state) == ["mallory@example.com"]
    assert (state.count, state.actors[0].sightings) == (2, 2)


def test_whoever_was_only_suspected_goes_when_it_is_known_who_did_it() -> None:
    former = ambiguous(1, MALLORY, BOB)
    state = after(counted(former, 1), corrected(2, former, audited(1, BOB, client=at("192.0.2.1"))))

    assert [(actor.id, actor.attribution, actor.sightings) for actor in state.actors] == [("bob", "Audited", 1)]
    assert [client.ip for client in state.clients] == ["192.0.2.1"]


def test_whoever_was_suspected_and_did_something_else_stays() -> None:
    former = ambiguous(1, MALLORY, BOB)
    state = after(counted(former, 1), counted(audited(2), 2), corrected(3, former, audited(1, BOB)))

    assert names(state) == ["mallory@example.com", "bob"]
    assert [client.ip for client in state.clients] == ["203.0.113.9"]


def test_what_becomes_less_sure_takes_nobody_away() -> None:
    former = audited(1, attribution="Correlated")
    state = after(counted(former, 1), corrected(2, former, ambiguous(1, BOB, changed(BOB, id="carol"))))

    assert names(state) == ["mallory@example.com", "bob", "carol"]
    assert state.attribution == "Correlated"


def test_the_same_actor_better_known_is_the_same_entry_and_no_news() -> None:
    former = changed(audited(1, attribution="Correlated"), client=msgspec.UNSET)
    state = after(counted(former, 1), corrected(2, former, audited(1)))
    (actor,) = state.actors

    assert (actor.attribution, actor.sightings, actor.client_ips, state.novel) == ("Audited", 1, ("203.0.113.9",), 1)
    assert [client.sightings for client in state.clients] == [1]


def test_how_somebody_came_is_corrected_too() -> None:
    former = audited(1, changed(MALLORY, via=""))
    state = after(counted(former, 1), corrected(2, former, audited(1)))

    assert [(actor.id, actor.via) for actor in state.actors] == [("mallory@example.com", "Direct")]


def test_a_correction_of_which_the_former_is_not_told_takes_nobody_away() -> None:
    former = hinted(1)
    told = changed(corrected(2, former, audited(1)), former=None)

    assert names(after(counted(former, 1), told)) == ["?kubectl-patch", "mallory@example.com"]


def test_what_an_earlier_version_counted_is_not_taken_away() -> None:
    """Its rows have no sightings: how many activities named somebody is not known."""
    former = hinted(1)
    old = after(counted(former, 1))
    old.actors = [changed(actor, sightings=0) for actor in old.actors]
    read = decode(encode(old))

    assert [actor.sightings for actor in read.actors] == [0]
    assert after_restart(read, former) == ["?kubectl-patch", "mallory@example.com"]


def after_restart(state: FindingState, former: Activity) -> list[str]:
    amend(state, corrected(2, former, audited(1)))
    return names(state)


ROWS = st.sampled_from(
    [hinted(1), hinted(1, Actor(manager="helm")), ambiguous(1, MALLORY, BOB), audited(1), audited(1, BOB)]
)


@given(st.lists(ROWS, min_size=2, max_size=6))
def test_however_often_one_activity_is_corrected_it_counts_once_and_ends_with_its_best_known_actors(
    tellings: list[Activity],
) -> None:
    rising = sorted(tellings, key=lambda told: ATTRIBUTIONS.index(told.attribution))
    corrections = [corrected(n, former, told) for n, (former, told) in enumerate(pairwise(rising), 2)]
    state = after(counted(rising[0], 1), *corrections)
    told_at_once = of(rising[-1])

    assert state.count == 1
    assert sorted(names(state)) == sorted(names(told_at_once))
    assert [actor.sightings for actor in state.actors] == [actor.sightings for actor in told_at_once.actors]
    assert [client.ip for client in state.clients] == [client.ip for client in told_at_once.clients]
