"""Whoever changes an AuditWatch takes back nothing of what they did before: it is judged by what held then as well."""

from __future__ import annotations

import msgspec
import pytest

from auditwatch.api.pack import NamedList
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.formers import MAX_FORMERS
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Activity, Actor, Revision

from .building import PAUSED, PAUSING, altered, change, rule_set, spec

WATCH = "team/watch"
BEFORE, CHANGE, AFTER = 990.0, 1000.0, 1010.0
EVE = Actor(id="eve", name="eve", via="Direct")
EXCEPTED = (
    PAUSED
    + """
  except:
  - name: friends
    reason: They may.
    where: [{field: actor.id, operator: In, list: friends}]
"""
)
COUNTED = (
    PAUSED.replace("- name: probe", "- name: probe\n  emit: Signal")
    + """
- name: often
  severity: High
  correlate: {type: eventCount, of: [{rule: probe}], timespanSeconds: 600, conditions: [{gte: 2}]}
"""
)
NOTHING = "- {name: other, match: {apiGroups: [apps], resources: [deployments], verbs: [delete]}}"


def paused(time: float) -> Activity:
    return altered(PAUSING, time=time, actor=EVE, attribution="Audited")


def found(detector: Detector, *rows: Activity | Revision, first: int = 1) -> list[Signal]:
    return [each for sequence, row in enumerate(rows, first) for each in detector.observe(sequence, row)]


def told(signals: list[Signal]) -> list[str]:
    return [each.rule for each in signals if each.emits_finding]


def rules(text: str, *friends: str) -> RuleSet:
    return rule_set(text, lists=[NamedList(name="friends", values=friends)])


def changed(first: str, then: str, *friends: str, at: float | None = CHANGE) -> Detector:
    """Rules that were others, and had no friends on their list, until :data:`CHANGE`."""
    detector = Detector()
    detector.install(rules(first), in_force_from={})
    detector.install(rules(then, *friends), in_force_from={}, at=at)
    return detector


@pytest.mark.parametrize(
    "then",
    [EXCEPTED, NOTHING, EXCEPTED.replace("probe", "renamed")],
    ids=["a name on a list", "a rule that is gone", "a rule in its place"],
)
def test_what_happened_before_a_change_is_told_and_what_happens_after_it_is_not(then: str) -> None:
    detector = changed(EXCEPTED, then, "eve")

    assert [each.rule for each in found(detector, paused(BEFORE)) if each.rule != "renamed"] == ["probe"]
    assert told(found(detector, paused(CHANGE), paused(AFTER), first=2)) == []


def test_without_a_time_a_change_holds_for_all() -> None:
    assert told(found(changed(EXCEPTED, EXCEPTED, "eve", at=None), paused(BEFORE))) == []


def test_it_is_told_once_where_both_would_tell_it() -> None:
    assert told(found(changed(EXCEPTED, EXCEPTED, "somebody"), paused(BEFORE))) == ["probe"]


def test_where_both_would_tell_it_what_is_said_now_counts() -> None:
    (signal,) = found(changed(PAUSED, f"{PAUSED}\n  severity: Critical"), paused(BEFORE))
    assert signal.severity == "Critical"


def test_a_new_rule_tells_what_it_would_have_told_without_any_before_it() -> None:
    """Times of watched state are whole seconds: what follows a change may seem to lie before it."""
    assert told(found(changed(NOTHING, PAUSED), paused(BEFORE))) == ["probe"]


def test_when_the_watch_is_gone_what_happened_before_is_told() -> None:
    detector = Detector()
    detector.install(rule_set(PAUSED), in_force_from={})
    detector.remove(WATCH, at=CHANGE)

    assert told(found(detector, paused(BEFORE), paused(AFTER))) == ["probe"]


def test_when_it_is_removed_without_a_time_nothing_is() -> None:
    detector = Detector()
    detector.install(rule_set(PAUSED), in_force_from={})
    detector.remove(WATCH)

    assert found(detector, paused(BEFORE)) == []


def test_a_second_change_hides_no_more_than_the_first() -> None:
    detector = changed(EXCEPTED, EXCEPTED, "eve")
    for index in range(3 * MAX_FORMERS):
        detector.install(rules(EXCEPTED, "eve", str(index)), in_force_from={}, at=CHANGE + 1 + index)

    assert told(found(detector, paused(BEFORE))) == ["probe"]
    assert told(found(detector, paused(CHANGE), first=2)) == []


def test_after_a_while_only_what_is_said_now_counts() -> None:
    detector = changed(EXCEPTED, EXCEPTED, "eve")
    detector.end_formers(before=CHANGE)
    assert told(found(detector, paused(BEFORE))) == ["probe"]

    detector.end_formers(before=CHANGE + 1)
    assert told(found(detector, paused(BEFORE), first=2)) == []


def test_what_is_learned_later_of_it_is_judged_by_what_held_then_as_well() -> None:
    detector = changed(EXCEPTED, EXCEPTED, "eve")
    unknown = altered(PAUSING, time=BEFORE)
    assert told(found(detector, unknown)) == ["probe"]

    revision = Revision(sequence=1, former=unknown, activity=paused(BEFORE))
    (signal,) = [each for each in found(detector, revision, first=2) if each.emits_finding]
    assert (signal.rule, signal.activity.actor.id if signal.activity else "") == ("probe", "eve")


def test_a_story_counts_each_row_once_where_both_have_it() -> None:
    detector = changed(COUNTED, COUNTED + NOTHING)

    assert told(found(detector, paused(BEFORE))) == []
    assert [each.count for each in found(detector, paused(BEFORE + 1), first=2) if each.emits_finding] == [2]


def test_a_story_that_is_gone_goes_on_for_what_happened_before() -> None:
    detector = Detector()
    detector.install(rule_set(COUNTED), in_force_from={})
    assert told(found(detector, paused(BEFORE))) == []
    detector.install(rule_set(NOTHING), in_force_from={}, at=CHANGE)

    assert told(found(detector, paused(BEFORE + 1), first=2)) == ["often"]
    detector.end_formers(before=AFTER)
    assert set(detector.take_dirty().values()) == {None}


def test_rules_that_say_the_same_again_are_no_change() -> None:
    detector = changed(PAUSED, PAUSED)

    assert detector._formers.watches() == frozenset()


def test_outcomes_that_are_not_known_are_counted_once() -> None:
    detector = changed(PAUSED, PAUSED + "\n" + NOTHING)
    found(detector, altered(PAUSING, time=BEFORE, object=msgspec.UNSET, old_object=msgspec.UNSET))

    assert detector.unknown_outcomes == {(WATCH, "probe"): 1}


def test_deletions_of_others_stay_what_they_are() -> None:
    gone = change(spec(), None, kind="apps/deployments", name="x", namespace="shop", time=BEFORE)

    assert told(found(changed(NOTHING, NOTHING + "\n" + PAUSED), gone)) == ["other"]
