"""What became known late of a row corrects what rules said of it, and is told only where nothing was told before."""

from __future__ import annotations

import msgspec

from auditwatch.detection.detector import Detector
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Activity, Actor, Revision
from tests.unit.detection.building import MATCH_POLICIES, altered, change, detector, rule_set, spec

WRITTEN = f"- name: written\n  severity: Low\n  title: t\n  match: {MATCH_POLICIES}\n"
BY_ACTOR = WRITTEN + "  finding: {groupBy: [actor.id]}\n"
PAUSED = (
    f"- name: paused\n  severity: High\n  title: paused\n  match: {MATCH_POLICIES}\n"
    "  where: [{forAny: {path: changes, where: [{field: $.path, operator: Equals, values: [spec.paused]}]}}]\n"
)
UNSURE = PAUSED + "  onUnknown: {severity: Info, title: perhaps}\n"
EXCEPTED = WRITTEN + "  except: [{name: ours, reason: r, where: [{field: actor.id, operator: In, values: [gitops]}]}]\n"

PLAIN = change(spec(paused=False), spec(paused=True))
BLIND = altered(PLAIN, object=msgspec.UNSET)
NAMED = altered(PLAIN, actor=Actor(id="eve", name="eve"), attribution="Audited")


def told(rules: str, former: Activity, activity: Activity, *, made: Detector | None = None) -> list[Signal]:
    """What the rules say of a correction of row 1, in row 2."""
    asked = made or detector(rules)
    asked.observe(1, former)
    return asked.observe(2, Revision(sequence=1, former=former, activity=activity))


def test_a_rule_that_held_before_amends() -> None:
    (signal,) = told(WRITTEN, PLAIN, NAMED)

    assert (signal.amends, signal.supersedes, signal.sequence) == (True, None, 2)
    assert (signal.activity, signal.former) == (NAMED, PLAIN)


def test_a_rule_that_did_not_hold_before_tells_it_now() -> None:
    (signal,) = told(PAUSED, BLIND, PLAIN)

    assert (signal.amends, signal.severity) == (False, "High")


def test_a_rule_that_was_not_sure_before_amends_with_all_its_severity() -> None:
    (signal,) = told(UNSURE, BLIND, PLAIN)

    assert (signal.amends, signal.severity, signal.title) == (True, "High", "paused")


def test_a_rule_that_holds_no_longer_says_nothing() -> None:
    assert told(PAUSED, PLAIN, altered(PLAIN, outcome="Denied")) == []


def test_a_rule_that_groups_by_what_was_unknown_tells_it_there_and_supersedes_the_former() -> None:
    (signal,) = told(BY_ACTOR, PLAIN, NAMED)

    assert (signal.amends, signal.group) == (False, (("actor.id", "eve"),))
    assert (signal.supersedes, signal.superseded_count) == ((("actor.id", "Unknown"),), 1)


def test_what_was_muted_before_and_is_not_now_is_told_now() -> None:
    gitops = altered(NAMED, actor=Actor(id="gitops", via="Direct"))
    assert [signal.emits_finding for signal in detector(EXCEPTED).observe(1, gitops)] == [False]

    (signal,) = told(EXCEPTED, gitops, NAMED)
    assert (signal.emits_finding, signal.amends) == (True, False)


def test_a_rule_that_came_into_force_after_the_row_does_not_fire_on_its_correction() -> None:
    rules, made = rule_set(PAUSED), Detector()
    made.install(rules, in_force_from={rule.digest: 1 for rule in rules.rules.values()})

    assert told(PAUSED, BLIND, PLAIN, made=made) == []


def test_a_story_counts_an_activity_once_whatever_becomes_known_of_it() -> None:
    story = WRITTEN + (
        "- name: often\n  severity: High\n  title: often\n  correlate: {type: eventCount, of: [{rule: written}], "
        "groupBy: [target.name], timespanSeconds: 60, conditions: [{gte: 2}]}\n"
    )
    assert [signal.rule for signal in told(story, PLAIN, NAMED)] == ["written"]

    made = detector(story)
    made.observe(1, PLAIN)
    assert [signal.rule for signal in made.observe(2, PLAIN)] == ["written", "often"]


def test_a_correction_leaves_no_trace_in_what_is_counted_of_unknown_outcomes() -> None:
    made = detector(PAUSED)
    told(PAUSED, BLIND, altered(BLIND, actor=Actor(id="eve")), made=made)

    assert made.unknown_outcomes.total() == 2
