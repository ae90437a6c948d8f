"""Which lines are chosen, and by which needles."""

from __future__ import annotations

from auditwatch.events.needles import Needle, Needles
from auditwatch.sources.file.filtering import Filter
from auditwatch.sources.file.framing import Line

LINES = [Line(0, b"alpha beta"), Line(11, b"alpha"), Line(17, b"gamma"), Line(23, b"beta alpha"), Line(34, b"delta")]
BOTH = Needles.of([Needle(("alpha", "beta"))])


def chosen(needles: Needles | None, lines: list[Line] = LINES) -> list[int]:
    return [line.offset for line in Filter(lambda: needles).select(lines).lines]


def test_lines_with_a_whole_needle_are_chosen_in_their_order() -> None:
    assert chosen(BOTH) == [0, 23]
    assert chosen(Needles.of([Needle(("alpha", "beta")), Needle(("gamma",))])) == [0, 17, 23]
    assert chosen(Needles.of([])) == []
    assert chosen(BOTH, []) == []


def test_without_needles_or_where_some_rule_has_none_everything_is_chosen() -> None:
    assert chosen(None) == chosen(Needles.of([], reads_everything=True)) == [0, 11, 17, 23, 34]


def test_lines_of_which_a_part_is_missing_are_always_chosen() -> None:
    lines = [Line(0, b"x", "Torn"), Line(5, b"y"), Line(9, b"z", "Cut")]

    assert chosen(BOTH, lines) == [0, 9]


def test_needles_may_change_between_two_batches_and_each_says_by_which_it_was_chosen() -> None:
    in_force: list[Needles | None] = [None]
    chooser = Filter(lambda: in_force[-1])
    digests = [chooser.select(LINES).digest]
    for needles in (BOTH, Needles.of([Needle(("gamma",))]), None):
        in_force.append(needles)
        digests.append(chooser.select(LINES).digest)

    assert digests == ["", BOTH.digest, Needles.of([Needle(("gamma",))]).digest, ""]
