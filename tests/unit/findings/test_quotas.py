"""Room for open incidents, per rule and in three purses."""

from __future__ import annotations

from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.quotas import Quotas, purse

POLICY = FindingPolicy(max_per_rule=2)
SHOWN = purse(watch="a/b", rule="r", severity="High", shown=True)
CRITICAL = purse(watch="a/b", rule="r", severity="Critical", shown=True)
HIDDEN = purse(watch="a/b", rule="r", severity="Info", shown=False)


def filled(quotas: Quotas, room: tuple[str, str, str], count: int) -> None:
    for index in range(count):
        quotas.enter(f"{room[2]}-{index}", room)


def test_there_is_room_until_the_cap() -> None:
    quotas = Quotas()
    filled(quotas, SHOWN, 1)
    assert quotas.has_room(SHOWN, POLICY)

    filled(quotas, SHOWN, 2)
    assert not quotas.has_room(SHOWN, POLICY)


def test_critical_has_twice_the_room_and_a_purse_of_its_own() -> None:
    quotas = Quotas()
    filled(quotas, SHOWN, 2)
    filled(quotas, CRITICAL, 3)
    assert quotas.has_room(CRITICAL, POLICY)

    filled(quotas, CRITICAL, 4)
    assert not quotas.has_room(CRITICAL, POLICY)


def test_incidents_without_an_object_take_no_room_from_those_with_one() -> None:
    quotas = Quotas()
    filled(quotas, HIDDEN, 2)

    assert not quotas.has_room(HIDDEN, POLICY)
    assert quotas.has_room(SHOWN, POLICY)


def test_rules_and_watches_do_not_share_room() -> None:
    quotas = Quotas()
    filled(quotas, SHOWN, 2)

    assert quotas.has_room(purse(watch="a/b", rule="other", severity="High", shown=True), POLICY)
    assert quotas.has_room(purse(watch="a/c", rule="r", severity="High", shown=True), POLICY)


def test_an_incident_that_moves_to_another_purse_leaves_the_first() -> None:
    quotas = Quotas()
    filled(quotas, SHOWN, 2)
    quotas.enter("Shown-0", CRITICAL)

    assert quotas.has_room(SHOWN, POLICY)


def test_leaving_twice_gives_room_back_once() -> None:
    quotas = Quotas()
    filled(quotas, SHOWN, 2)
    quotas.leave("Shown-0")
    quotas.leave("Shown-0")
    quotas.enter("new", SHOWN)

    assert not quotas.has_room(SHOWN, POLICY)
    assert set(quotas.paying()) == {"Shown-1", "new"}
