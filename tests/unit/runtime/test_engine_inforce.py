"""Since when a rule is in force: new ones from now on, known ones from where they were, across restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditwatch.journal.journal import Journal
from auditwatch.runtime.engine import SKEW_SECONDS
from auditwatch.runtime.inforce import put_in_force, put_out_of_force
from tests.unit.runtime.engine_parts import Bench, Changes, RuleSet

WATCH = "kasten-io/k10"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Bench(tmp_path).open()
    yield journal
    journal.close()


def log_grows(journal: Journal, rows: int) -> None:
    journal.settle(inbox=[], rows=[b"{}"] * rows)


def test_a_new_rule_is_in_force_from_the_end_of_the_log(journal: Journal) -> None:
    log_grows(journal, 5)

    assert put_in_force(journal, RuleSet.of(WATCH, "a")) == {"a": 5}


def test_an_unchanged_rule_keeps_its_place_when_another_is_added(journal: Journal) -> None:
    log_grows(journal, 5)
    put_in_force(journal, RuleSet.of(WATCH, "a"))
    log_grows(journal, 5)

    assert put_in_force(journal, RuleSet.of(WATCH, "a", "b")) == {"a": 5, "b": 10}


def test_a_rule_that_left_and_came_back_is_new(journal: Journal) -> None:
    put_in_force(journal, RuleSet.of(WATCH, "a"))
    put_in_force(journal, RuleSet.of(WATCH, "b"))
    log_grows(journal, 3)

    assert put_in_force(journal, RuleSet.of(WATCH, "a", "b")) == {"a": 3, "b": 0}
    assert set(journal.marks("inforce/")) == {f"inforce/{WATCH}/a", f"inforce/{WATCH}/b"}


def test_the_same_rule_in_two_watches_is_in_force_since_two_moments(journal: Journal) -> None:
    put_in_force(journal, RuleSet.of("ns/one", "a"))
    log_grows(journal, 4)

    assert put_in_force(journal, RuleSet.of("ns/one-more", "a")) == {"a": 4}
    assert put_in_force(journal, RuleSet.of("ns/one", "a")) == {"a": 0}


def test_a_removed_watch_is_forgotten_and_no_other(journal: Journal) -> None:
    put_in_force(journal, RuleSet.of("ns/one", "a"))
    put_in_force(journal, RuleSet.of("ns/one-more", "a"))
    put_out_of_force(journal, "ns/one")

    assert set(journal.marks("inforce/")) == {"inforce/ns/one-more/a"}


def test_a_rule_set_without_rules_forgets_them_all(journal: Journal) -> None:
    put_in_force(journal, RuleSet.of(WATCH, "a", "b"))

    assert put_in_force(journal, RuleSet.of(WATCH)) == {}
    assert journal.marks("inforce/") == {}


async def test_the_detector_is_told_since_when_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    await engine.put(Changes(("a", "b")))
    while engine.call(lambda inside: inside.journal.last_sequence()).result() < 2:
        pass
    engine.install_rule_set(RuleSet.of(WATCH, "x")).result()
    assert bench.detector.in_force == {WATCH: {"x": 2}}
    await engine.put(Changes(("c",)))
    engine.stop()

    engine = bench.start()
    engine.install_rule_set(RuleSet.of(WATCH, "x", "y")).result()
    assert bench.detector.in_force == {WATCH: {"x": 2, "y": 3}}

    before = time.time()
    engine.remove_rule_set(WATCH).result()
    assert bench.detector.in_force == {}
    assert [watch for watch, _ in bench.detector.changes] == [WATCH, WATCH]
    times = [at or 0.0 for _, at in bench.detector.changes]
    assert times[0] <= times[1] <= time.time() + SKEW_SECONDS
    assert times[1] >= before + SKEW_SECONDS - 1.0
    assert engine.call(lambda inside: inside.journal.marks("inforce/")).result() == {}
    engine.stop()
