"""What a log is searched for first: texts of which every needle has one, entered where they are rare."""

from __future__ import annotations

import pytest

from auditwatch.events.anchors import grouped, spellings
from auditwatch.events.needles import Needle
from auditwatch.events.usual import MIN_LENGTH, from_its_rarest, stops

NEEDLES = [
    Needle(('"apiGroup":"config.kio.kasten.io"', '"resource":"policies"')),
    Needle(('"apiGroup":"apps.kio.kasten.io"', '"resource":"restorepoints"')),
    Needle(('"apiGroup":"rbac.authorization.k8s.io"',)),
    Needle(('"namespace":"kasten-io"', '"resource":"secrets"')),
    Needle(('"namespace":"kasten-io"', '"name":"k10-config"')),
]


def test_every_needle_has_an_anchor_that_stands_in_one_of_its_literals() -> None:
    groups = grouped(spellings(NEEDLES))
    for needle in spellings(NEEDLES):
        anchors = [anchor for anchor, needles in groups.items() if needle in needles]
        assert any(anchor in literal for anchor in anchors for literal in needle)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b'"apiGroup":"rbac.authorization.k8s.io', b':"rbac.authorization.k8s.io'),
        (b'"name":"k10-config', b'"k10-config'),
        (b".kio.kasten.io", b".kio.kasten.io"),
        (b'"namespace":"kasten-io', b'"kasten-io'),
    ],
)
def test_a_text_is_entered_where_its_bytes_are_rare(text: bytes, end: bytes) -> None:
    assert from_its_rarest(text) == end


def test_enough_of_a_text_is_left_to_be_rare_as_a_whole() -> None:
    for needle in spellings(NEEDLES):
        for literal in needle:
            assert len(from_its_rarest(literal)) >= MIN_LENGTH


def test_a_short_text_stays_as_it_is() -> None:
    assert from_its_rarest(b"abc") == b"abc"


def test_anchors_that_become_the_same_text_stand_for_the_needles_of_both() -> None:
    needles = [Needle(('"name":"kasten-io"',)), Needle(('"username":"kasten-io"',))]
    groups = grouped(spellings(needles))
    assert {needle for found in groups.values() for needle in found} == set(spellings(needles))


def test_a_rare_resource_stands_for_its_needle_where_the_group_begins_like_much_else() -> None:
    """Of the group no three bytes are rare: the search would stop in every line that names some group."""
    needle = Needle(('"apiGroup":"authorization.k8s.io"', '"resource":"selfsubjectrulesreviews"'))
    (anchor,) = grouped(spellings([needle]))

    assert anchor in needle.literals[1].encode()
    assert stops(anchor) == 0
    assert stops(needle.literals[0].encode()) > 0


def test_a_busy_resource_does_not_stand_for_its_needle() -> None:
    needle = Needle(('"apiGroup":"k10.example.org"', '"resource":"pods"'))
    (anchor,) = grouped(spellings([needle]))

    assert anchor in needle.literals[0].encode()
