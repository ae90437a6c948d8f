"""What the shipped pack looks for is found in a log however it is searched: as by looking for it in each line."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from auditwatch.detection.needles import needles_of
from auditwatch.events.anchors import MAX_ANCHORS, Literals, grouped, spellings
from auditwatch.events.needles import Needles
from auditwatch.events.prefilter import Prefilter
from auditwatch.scan.rules import Asked, k10_of, rules_of
from auditwatch.scan.settling import NAMESPACES_DELETED
from tests.benchmarks import auditlog

NOW = 1_790_000_000.0


@pytest.fixture(scope="module")
def needles() -> Needles:
    k10 = k10_of(namespace="kasten-io", account="k10-k10", api_domain="kio.kasten.io")
    return needles_of(rules_of(Asked(), k10=k10, now=NOW).rule_sets, also=[NAMESPACES_DELETED])


@pytest.fixture(scope="module")
def log(needles: Needles) -> bytes:
    """Lines of a usual log; into some of them one literal of the pack is written, or two, or the half of one."""
    chosen = random.Random(7)
    literals = sorted({literal for needle in spellings(needles.needles) for literal in needle})
    lines = b"".join(auditlog.generate(size=1_000_000, relevant=0.01)).splitlines()
    return b"\n".join(_planted(line, literals, chosen) for line in lines)


def _planted(line: bytes, literals: list[bytes], chosen: random.Random) -> bytes:
    for literal in chosen.sample(literals, chosen.choice((0, 0, 0, 1, 2))):
        place = chosen.randrange(len(line))
        line = line[:place] + literal[: chosen.choice((len(literal), len(literal), len(literal) // 2))] + line[place:]
    return line


def _by_force(log: bytes, needles: list[Literals]) -> Iterator[bytes]:
    for line in log.split(b"\n"):
        if any(all(literal in line for literal in needle) for needle in needles):
            yield line


def test_exactly_the_lines_with_a_needle_are_selected(needles: Needles, log: bytes) -> None:
    selected = [log[start:end] for start, end in Prefilter(needles).lines(log)]

    assert selected == list(_by_force(log, spellings(needles.needles)))
    assert 0 < len(selected) < log.count(b"\n")


def test_every_needle_is_found_alone(needles: Needles) -> None:
    found = Prefilter(needles)

    for needle in spellings(needles.needles):
        assert found.selects(b"{" + b" ".join(needle) + b"}"), needle


def test_few_texts_are_searched_for(needles: Needles) -> None:
    assert len(grouped(spellings(needles.needles))) < MAX_ANCHORS
