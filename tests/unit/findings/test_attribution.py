"""What a finding says of whoever acted: as much as is known, in words nobody takes for more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from auditwatch.events.activity import Actor, Client
from auditwatch.findings.attribution import column, sentence, without_sentence
from auditwatch.findings.notice import note
from auditwatch.findings.rendering import description, status
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
    hinted,
    of,
)
from tests.unit.findings.acting import counted as told

WIDTH = 16
CREDENTIAL = "JTI=11111111-1111-4111-8111-111111111111"
BARE = changed(MALLORY, credential_id=None)
NOBODY = Actor(kind="Unauthenticated", via="Direct", user="", impersonator=None)
THIS_REQUEST = "from the audit event of this very request"

# The sentence


def test_an_audited_actor_is_named_with_address_and_credential() -> None:
    assert sentence(of(audited(1))) == (
        f"The actor is {THIS_REQUEST}: mallory@example.com, from 203.0.113.9, with credential {CREDENTIAL}."
    )


def test_a_correlated_actor_is_named_and_called_what_fits() -> None:
    assert sentence(of(audited(1, BARE, attribution="Correlated"))) == (
        "The actor is from the one audit event that fits by object and time: mallory@example.com, from 203.0.113.9."
    )


def test_of_several_who_may_have_done_it_all_are_named_and_none_is_accused() -> None:
    assert sentence(of(ambiguous(1, MALLORY, BOB))) == (
        "Several requests could explain it; the actors are all of them, and not all of them did it: "
        "mallory@example.com or bob."
    )


def test_of_many_who_may_have_done_it_three_are_named_and_the_others_counted() -> None:
    many = [changed(BOB, id=f"user-{n}") for n in range(1, 6)]

    assert sentence(of(ambiguous(1, *many))).endswith(": user-1 or user-2 or user-3 or 2 more.")


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (TAKEN_ON, f"{K10}, as whom mallory@example.com acted, from 203.0.113.9, with credential {CREDENTIAL}."),
        (changed(BARE, via="K10Dashboard"), "mallory@example.com, through K10's dashboard, from 203.0.113.9."),
        (
            changed(BARE, id=K10, via="UnattributedDashboard"),
            f"{K10}, through K10's dashboard, which does not say for whom, from 203.0.113.9.",
        ),
        (
            changed(BARE, id=K10, kind="K10Suspect", pod="shell", node="worker-1"),
            f"{K10}, which is K10's account, used by somebody else, from 203.0.113.9, of pod shell, on node worker-1.",
        ),
        (NOBODY, "a client that showed no valid credential, from 203.0.113.9."),
    ],
)
def test_the_way_an_actor_came_is_told(actor: Actor, words: str) -> None:
    assert sentence(of(audited(1, actor))) == f"The actor is {THIS_REQUEST}: {words}"


def test_several_addresses_and_credentials_of_an_actor_are_told() -> None:
    several = [
        audited(n, changed(MALLORY, credential_id=f"JTI={n}"), client=Client(ip=f"192.0.2.{n}")) for n in range(1, 5)
    ]

    assert "from 192.0.2.1 or 192.0.2.2 or 192.0.2.3 or 1 more, with credential JTI=1 or JTI=2" in sentence(
        of(*several)
    )


def test_several_actors_are_told_one_by_one_each_with_their_own_address() -> None:
    state = of(audited(1, BARE), audited(2, changed(BOB, credential_id=None), client=Client(ip="192.0.2.1")))

    assert sentence(state) == (
        f"The actors are {THIS_REQUEST}: mallory@example.com, from 203.0.113.9; bob, from 192.0.2.1."
    )
    assert sentence(state, limit=1).endswith("mallory@example.com, from 203.0.113.9; and 1 more.")


def test_whoever_is_known_less_surely_is_told_apart() -> None:
    carol = changed(BARE, id="carol")
    state = of(audited(1, BARE), ambiguous(2, BOB, carol), hinted(3), audited(4, NOBODY))

    assert sentence(state).endswith(
        "mallory@example.com, from 203.0.113.9. "
        "Known less surely, of other activity: bob (possible); carol (possible); "
        "field manager kubectl-patch (a hint); and 1 more."
    )


def test_a_log_that_does_not_say_who_it_was_is_no_accusation() -> None:
    assert sentence(of(audited(1, Actor()))) == "The audit log has it and does not say who did it."
    assert sentence(of(audited(1, HINT))) == "The audit log has it and does not say who did it."


def test_nobody_to_choose_from_is_said_too() -> None:
    assert sentence(of(audited(1, Actor(), attribution="Ambiguous"))).endswith("not all of them did it.")


def test_a_name_of_any_length_leaves_room_for_the_address() -> None:
    long = changed(BARE, id="x" * 5_000)

    assert sentence(of(audited(1, long))).endswith(f"{'x' * 95}…, from 203.0.113.9.")


def test_a_name_cannot_forge_a_line_of_its_own() -> None:
    forged = changed(BARE, id="eve\nWho did it is not known; it was bob")

    assert "\n" not in sentence(of(audited(1, forged)))


# Taken out of a description again


SHOWN = [
    of(audited(1)),
    of(audited(1), audited(2, BOB)),
    of(audited(1, attribution="Correlated")),
    of(ambiguous(1, MALLORY, BOB)),
    of(hinted(1)),
    of(hinted(1, Actor())),
    of(audited(1, Actor())),
]


@pytest.mark.parametrize("state", SHOWN, ids=lambda state: sentence(state)[:30])
def test_a_description_is_found_again_without_its_sentence(state: object) -> None:
    assert without_sentence(description(state)) == "Fewer restore points will be kept."  # type: ignore[arg-type]  # ids


@pytest.mark.parametrize(
    "former",
    [
        "The actor is from the audit event of this very request.",
        "Several requests could explain it; the actors are all of them, and not all of them did it.",
    ],
)
def test_the_sentence_of_an_earlier_version_is_found_too(former: str) -> None:
    assert without_sentence(f"What happened.\nMore.\n{former}\nNot listed here: 3 further targets.") == (
        "What happened.\nMore."
    )


def test_a_description_that_was_only_the_sentence_is_empty() -> None:
    assert without_sentence(sentence(of(audited(1)))) == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_a_description_without_the_sentence_stays_as_it_is(text: str) -> None:
    assert without_sentence(f"It was {text}") == f"It was {text}"


# The column


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (audited(1, BOB), "bob"),
        (audited(1), "mallory@example…"),
        (hinted(1), "?kubectl-patch"),
        (ambiguous(1, changed(BOB, id="a"), changed(BOB, id="b")), "2 possible: a, b"),
        (ambiguous(1, MALLORY, BOB), "2 possible: mal…"),
        (ambiguous(1, BOB), "bob"),
        (ambiguous(1, BOB, changed(BOB, via="Impersonation")), "bob"),
        (audited(1, NOBODY), "unauthenticated"),
        (audited(1, Actor(id="masked", name="masked")), "masked"),
        (audited(1, changed(BOB, id="system:serviceaccount:shop:ci")), "shop:ci"),
        (audited(1, changed(BOB, id="arn:aws:sts::123456789012:assumed-role/admin/jane")), "jane"),
        (audited(1, Actor()), ""),
    ],
)
def test_the_column_shows_whoever_is_known_best(told: object, shown: str) -> None:
    state = of(told)  # type: ignore[arg-type]  # an activity

    assert column(state, WIDTH) == shown == status(state)["summary"]["actor"]


def test_a_proven_actor_stands_before_those_who_are_only_possible() -> None:
    assert column(of(hinted(1), ambiguous(2, MALLORY, changed(BOB, id="carol")), audited(3, BOB)), WIDTH) == "bob"


def test_the_hint_in_the_column_gives_way_to_the_name() -> None:
    former = hinted(1)

    assert column(after(told(former, 1), corrected(2, former, audited(1, BOB))), WIDTH) == "bob"


# The Event


def test_an_event_names_the_actor_and_the_address() -> None:
    assert note(of(audited(1))) == (
        f"High: retention of daily was cut (The actor is {THIS_REQUEST}: mallory@example.com, from 203.0.113.9, "
        f"with credential {CREDENTIAL}.)"
    )


def test_an_event_names_two_actors_at_most() -> None:
    said = note(of(*(audited(n, changed(BARE, id=f"user-{n}")) for n in range(1, 5))))

    assert "user-1, from 203.0.113.9; user-2, from 203.0.113.9; and 2 more.)" in said
