"""What the joiner keeps over time and restarts: keys, deletions, what was told. Bounded, and none lost early."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.joiner import clearing, known, told
from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.clearing import CONTROLLER, Deletions, may_be_clearing
from auditwatch.detection.joiner.known import KnownKeys
from auditwatch.detection.joiner.steps import Step
from auditwatch.detection.joiner.told import Memory, Told
from auditwatch.events.activity import Activity, Actor, Client, Impersonator, Target
from tests.unit.detection.joiner.making import APPS, CONFIG, START, event, with_audit

PLACE = ("prod", CONFIG, "policies", "kasten-io", "daily")


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_key_is_known_from_when_it_is_added_and_no_other_is() -> None:
    found = KnownKeys()
    found.add(key("a"))
    assert key("a") in found
    assert key("b") not in found
    found.take_dirty(START)
    assert key("a") in found


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=4), max_size=5))
def test_keys_survive_a_restart_block_by_block(blocks: list[set[str]]) -> None:
    found, again, saved = KnownKeys(), KnownKeys(), dict[str, bytes | None]()
    for number, block in enumerate(blocks):
        for name in block:
            found.add(key(name))
        saved |= found.take_dirty(START + number)
    for name, row in sorted(saved.items()):
        assert row is not None
        again.restore(name, row)

    assert all((key(name) in again) is (key(name) in found) for name in "abcdefgh")
    assert again.take_dirty(START) == {}


def test_keys_are_forgotten_six_hours_after_they_were_told_and_their_block_is_taken_away() -> None:
    found = KnownKeys()
    found.add(key("a"))
    found.take_dirty(START)
    found.expire(START + known.REMEMBERED_SECONDS)
    assert key("a") in found
    found.expire(START + known.REMEMBERED_SECONDS + 1.0)
    assert key("a") not in found
    assert found.take_dirty(START) == {f"{0:016x}": None}
    assert found.take_dirty(START) == {}


@pytest.mark.parametrize("row", [b"", b"no time\n" + b"k" * 16, b"1800000000\nshort", b"1800000000"])
def test_a_block_that_is_none_is_passed_over(row: bytes) -> None:
    found = KnownKeys()
    found.restore("1", row)
    found.expire(math.inf)

    assert set(found.take_dirty(START)) <= {"1"}


def test_no_block_is_written_over_another_though_no_row_of_the_log_came_between() -> None:
    desk = with_audit()
    for number in range(3):
        idle = event("deletecollection", "", at=number * 3.0, user=CONTROLLER, auditID=f"idle-{number}")
        desk.tell(idle, at=number * 3.0 + 0.5)
        desk.settle(number * 3.0 + 2.9)
    assert (len(desk.log), desk.inbox) == (1, {})
    known_keys = desk.joiner._known._keys
    assert len(known_keys) == 5
    desk.kill()
    assert desk.joiner._known._keys == known_keys

    desk.settle(100_000.0)
    assert (desk.joiner._known._keys, [name for name in desk.saved if name.startswith("known/")]) == (set(), [])


def test_blocks_named_by_an_earlier_version_are_neither_written_over_nor_the_last_to_go() -> None:
    found = KnownKeys()
    found.restore(f"{700:016x}", b"%d\n" % START + bytes.fromhex(key("a")[:32]))
    found.add(key("b"))

    assert list(found.take_dirty(START + 1.0)) == [f"{701:016x}"]
    found.expire(START + known.REMEMBERED_SECONDS + 0.5)
    assert (key("a") in found, key("b") in found) == (False, True)


SHOP = Target(group="", version="v1", resource="namespaces", name="shop")
POINTS = Target(group=APPS, version="v1alpha1", resource="restorepoints", namespace="shop")
EVE = Actor(id="eve", user="eve", via="Direct")


def row(verb: str = "delete", target: Target = SHOP, *, at: float = 0.0, **fields: Any) -> Activity:
    filled: dict[str, Any] = {"key": "k", "cluster": "prod", "source": "audit-log", "evidence": "Audited", "actor": EVE}
    return Activity(verb=verb, target=target, time=START + at, **(filled | fields))


def cleared(**fields: Any) -> Activity:
    """The namespace controller deletes restore points in ``shop``."""
    return row("deletecollection", **({"target": POINTS, "actor": Actor(id=CONTROLLER, user=CONTROLLER)} | fields))


@pytest.mark.parametrize(
    ("found", "is_noted"),
    [
        (row(), True),
        (row(outcome="Unknown"), True),
        (row(outcome="Denied"), False),
        (row(outcome="Rejected"), False),
        (row("patch"), False),
        (row(target=msgspec.structs.replace(SHOP, subresource="finalize")), False),
        (row(target=msgspec.structs.replace(SHOP, group="example.com")), False),
        (row(target=msgspec.structs.replace(SHOP, resource="nodes")), False),
        (row(actor=Actor()), False),
    ],
)
def test_only_a_deletion_of_a_namespace_by_somebody_known_is_noted(found: Activity, *, is_noted: bool) -> None:
    assert (Deletions().note(found) is not None) is is_noted


def test_what_the_controller_clears_up_is_behind_the_latest_deletion_of_that_namespace_alone() -> None:
    found = Deletions()
    found.note(row(at=0.0, client=Client(ip="10.0.0.1")))
    found.note(row(at=5.0, actor=Actor(id="bob")))
    assert found.note(row(at=5.0, actor=Actor(id="joe"))) is None
    behind = found.behind(cleared(at=6.0))

    assert behind is not None
    assert (behind.actor.id, behind.time, behind.client) == ("bob", START + 5.0, msgspec.UNSET)
    assert found.behind(cleared(at=6.0, cluster="other")) is None
    assert found.behind(cleared(at=6.0, target=msgspec.structs.replace(POINTS, namespace="other"))) is None


@pytest.mark.parametrize(("at", "is_behind"), [(-2.1, False), (-2.0, True), (0.0, True), (80_000.0, True)])
def test_a_deletion_is_behind_what_follows_it_with_some_slack_for_clocks(at: float, *, is_behind: bool) -> None:
    found = Deletions()
    found.note(row())

    assert (found.behind(cleared(at=at)) is not None) is is_behind


@pytest.mark.parametrize(
    ("found", "may_be"),
    [
        (cleared(), True),
        (row("delete", POINTS, actor=Actor(id=CONTROLLER, user=CONTROLLER)), True),
        (row("patch", POINTS, actor=Actor(id=CONTROLLER, user=CONTROLLER)), False),
        (cleared(target=msgspec.structs.replace(POINTS, namespace="")), False),
        (cleared(actor=EVE), False),
        (cleared(actor=Actor(id=CONTROLLER, user="eve")), False),
        (cleared(actor=Actor(id="x", user=CONTROLLER, impersonator=Impersonator(id="eve"))), False),
        (cleared(actor=Actor(id=CONTROLLER, user=CONTROLLER, impersonator=None)), True),
        (cleared(actor=Actor(), evidence="State"), True),
        (cleared(actor=Actor(manager="kubectl"), evidence="State"), True),
        (cleared(actor=EVE, evidence="State"), False),
        (cleared(actor=Actor(), evidence="Audited"), False),
    ],
)
def test_the_controller_itself_clears_up_or_nobody_who_is_known(found: Activity, *, may_be: bool) -> None:
    assert may_be_clearing(found) is may_be


def test_a_deletion_is_forgotten_after_a_day_and_the_oldest_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Deletions()
    found.note(row(client=Client(ip="10.0.0.1")))
    assert list(found.take_dirty()) == ["prod/shop"]
    found.expire(START + clearing.REMEMBERED_SECONDS)
    assert found.take_dirty() == {}
    found.note(row(at=1.0, target=msgspec.structs.replace(SHOP, name="other")))
    found.take_dirty()
    monkeypatch.setattr(clearing, "MAX_DELETIONS", 1)
    found.expire(START + 2.0)
    assert found.take_dirty() == {"prod/shop": None}
    found.expire(START + 1.1 + clearing.REMEMBERED_SECONDS)
    assert found.take_dirty() == {"prod/other": None}


def remembered(name: str = "1", *, at: float = 0.0, **fields: Any) -> Told:
    asked = Asked(place=PLACE, verb="patch", outcome="Succeeded", start=0, end=1, writes=True, audit_id="a-1")
    filled: dict[str, Any] = {"asked": asked, "key": "k-1", "evidence": "Audited"}
    return Told(id=name, at=at, **(filled | fields))


STEP = Step(place=PLACE, uid="u-1", verb="update", latest=1.0)


def test_what_was_told_is_found_by_object_key_and_audit_id() -> None:
    memory, one = Memory(), remembered()
    memory.put(one)

    assert memory.requests(STEP) == [one]
    assert memory.by_key("k-1") is one
    assert memory.by_audit_id("a-1", "K10Stream") == [one]
    assert (memory.by_key("k-2"), memory.by_audit_id("a-2", "K10Stream"), memory.by_audit_id("", "K10Stream")) == (
        None,
        [],
        [],
    )


def test_a_request_that_wrote_nothing_is_no_cause_and_is_found_by_its_audit_id() -> None:
    memory, asked = Memory(), remembered().asked
    assert asked is not None
    memory.put(remembered(asked=msgspec.structs.replace(asked, writes=False)))

    assert memory.requests(STEP) == []
    assert len(memory.by_audit_id("a-1", "K10Stream")) == 1


def test_what_changed_about_it_moves_it_from_one_shelf_to_another() -> None:
    memory, one = Memory(), remembered(step=STEP, is_open=True, waits_for_blame=True)
    memory.put(one)
    assert (memory.open_steps(), memory.without_blame()) == ([one], [one])
    one = msgspec.structs.replace(one, is_open=False, waits_for_blame=False)
    memory.put(one)

    assert (memory.open_steps(), memory.without_blame(), len(memory)) == ([], [], 1)


@pytest.mark.parametrize("bound", ["MAX_TOLD", "MAX_BYTES"])
def test_the_oldest_is_forgotten_first_by_age_and_where_there_is_too_much(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    for number in range(3):
        memory.put(remembered(str(number), at=float(number), key=f"k-{number}"))
    memory.take_dirty()
    memory.expire(1.0)
    assert (memory.by_key("k-0"), list(memory.take_dirty())) == (None, ["0"])
    monkeypatch.setattr(told, bound, 1)
    memory.expire(0.0)
    assert len(memory) == (1 if bound == "MAX_TOLD" else 0)
    assert memory.by_key("k-1") is None


def test_what_was_told_is_found_again_after_a_restart() -> None:
    memory, again = Memory(), Memory()
    memory.put(remembered(step=STEP, is_open=True))
    for saved in memory.take_dirty().values():
        assert saved is not None
        again.restore(saved)

    assert (
        again.by_key("k-1") == again.requests(STEP)[0] == again.open_steps()[0] == remembered(step=STEP, is_open=True)
    )
    assert again.take_dirty() == {}


def test_deletions_are_known_after_a_restart_with_where_they_were_asked_from() -> None:
    found, again = Deletions(), Deletions()
    found.note(row(client=Client(ip="10.0.0.1")))
    (saved,) = found.take_dirty().values()
    assert saved is not None
    again.restore(saved)
    behind = again.behind(cleared(at=1.0))

    assert behind is not None
    assert (behind.actor, behind.client, behind.time) == (EVE, Client(ip="10.0.0.1"), START)
    assert again.take_dirty() == {}


def test_nothing_but_clearing_up_is_put_down_to_a_deletion() -> None:
    found = Deletions()
    found.note(row())

    assert found.behind(cleared(at=1.0, actor=EVE)) is None
    assert found.behind(row("patch", POINTS, at=1.0)) is None


def test_a_namespace_deleted_again_is_forgotten_by_its_last_deletion() -> None:
    found = Deletions()
    found.note(row(at=0.0))
    found.note(row(at=1.0, target=msgspec.structs.replace(SHOP, name="other")))
    found.note(row(at=100.0))
    found.take_dirty()
    found.expire(START + 50.0 + clearing.REMEMBERED_SECONDS)

    assert found.take_dirty() == {"prod/other": None}
    assert found.behind(cleared(at=101.0)) is not None


def test_the_oldest_keys_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    found = KnownKeys()
    for number, names in enumerate(("ab", "c")):
        for name in names:
            found.add(key(name))
        found.take_dirty(START + number)
    monkeypatch.setattr(known, "MAX_KEYS", 3)
    found.expire(START + 2.0)
    assert key("a") in found
    monkeypatch.setattr(known, "MAX_KEYS", 2)
    found.expire(START + 2.0)

    assert [name for name in "abc" if key(name) in found] == ["c"]


def test_a_block_of_which_a_part_is_missing_tells_of_no_key() -> None:
    found, again = KnownKeys(), KnownKeys()
    found.add(key("a"))
    (row_,) = found.take_dirty(START).values()
    assert row_ is not None
    again.restore("1", row_ + b"rest")

    assert key("a") not in again


def test_changes_are_found_by_the_requests_that_may_have_made_them() -> None:
    memory, one = Memory(), Told(id="1", at=0.0, step=STEP)
    memory.put(one)
    asked = remembered().asked
    assert asked is not None

    assert memory.steps(asked) == [one]
    assert memory.steps(msgspec.structs.replace(asked, place=(*PLACE[:4], ""))) == [one]
    assert memory.steps(msgspec.structs.replace(asked, place=(*PLACE[:4], "weekly"))) == []
    assert memory.requests(STEP) == []


def test_what_is_forgotten_makes_room_for_as_much_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    memory.put(remembered("1"))
    size = sum(len(each or b"") for each in memory.take_dirty().values())
    monkeypatch.setattr(told, "MAX_BYTES", size + 1)
    for number in range(2, 6):
        memory.put(remembered(str(number)))
        memory.expire(0.0)
        assert len(memory) == 1


def test_what_is_forgotten_is_found_in_no_way_any_more() -> None:
    memory, one = Memory(), remembered(step=STEP, is_open=True, waits_for_blame=True)
    asked = one.asked
    assert asked is not None
    memory.put(one)
    memory.expire(1.0)

    assert (memory.requests(STEP), memory.steps(asked), memory.by_audit_id("a-1", "K10Stream")) == ([], [], [])
    assert (memory.by_key("k-1"), memory.open_steps(), memory.without_blame(), len(memory)) == (None, [], [], 0)


def test_without_a_key_or_an_audit_id_nothing_is_found_by_none() -> None:
    memory, asked = Memory(), remembered().asked
    assert asked is not None
    memory.put(remembered("1", key="", asked=msgspec.structs.replace(asked, audit_id="")))
    memory.put(remembered("2", key="", asked=None, step=STEP))

    assert (memory.by_key(""), memory.by_audit_id("", "K10Stream")) == (None, [])
    assert [each.id for each in memory.requests(STEP)] == ["1"]


def test_what_is_written_again_keeps_its_age_and_counts_once() -> None:
    memory, one = Memory(), remembered("1", at=0.0)
    memory.put(one)
    memory.put(remembered("2", at=5.0))
    one = msgspec.structs.replace(one, latest=7)
    memory.put(one)
    memory.expire(5.0)

    assert (len(memory), memory.take_dirty()["1"]) == (1, None)


def test_one_place_cannot_make_the_joiner_forget_what_is_told_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "MAX_AT_PLACE", 3)
    memory, asked = Memory(), remembered().asked
    assert asked is not None
    memory.put(remembered("0", key="k-0", asked=msgspec.structs.replace(asked, place=(*PLACE[:4], "weekly"))))
    for number in range(1, 9):
        memory.put(remembered(str(number), key=f"k-{number}"))
    memory.expire(0.0)

    assert [each.id for each in memory.requests(STEP)] == ["6", "7", "8"]
    assert (memory.by_key("k-0") is not None, memory.by_key("k-5"), len(memory)) == (True, None, 4)
    assert [name for name, row in memory.take_dirty().items() if row is None] == ["1", "2", "3", "4", "5"]


def test_what_was_remembered_since_a_mark_can_be_undone() -> None:
    memory, one = Memory(), remembered("1")
    memory.put(one)
    memory.mark()
    memory.change(one, key="k-2")
    memory.put(remembered("2", key="k-3", step=STEP, is_open=True))
    memory.undo()

    assert (memory.by_key("k-1"), memory.by_key("k-2"), memory.by_key("k-3")) == (one, None, None)
    assert (len(memory), memory.open_steps(), memory.requests(STEP)) == (1, [], [one])
