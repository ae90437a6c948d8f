"""The detector: rule sets in force held against rows, what it remembers, and what it lets go of."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.detector import Detector
from auditwatch.detection.signal import Signal
from auditwatch.detection.windows import WindowsCorruptError
from auditwatch.events.activity import Activity, Gap

from .building import K10, PAUSED, PAUSING, altered, audited, change, detector, rule_set, rule_with, signals, spec

MASS = """
- name: gone
  emit: Signal
  match: {apiGroups: [apps.kio.kasten.io], resources: [restorepoints], verbs: [delete]}
- name: mass
  severity: Critical
  title: "{count} restore points"
  correlate:
    type: eventCount
    of: [{rule: gone}]
    groupBy: [target.namespace]
    timespanSeconds: 600
    conditions: [{gte: 3}]
"""


def _gone(name: str, time: float = 1000.0, namespace: str = "shop") -> Activity:
    return change(spec(), None, kind="apps.kio.kasten.io/restorepoints", name=name, namespace=namespace, time=time)


def _of(found: Sequence[Signal], rule: str) -> list[Signal]:
    return [signal for signal in found if signal.rule == rule]


def test_a_rule_that_holds_gives_one_signal_with_all_it_knows() -> None:
    [signal] = signals(PAUSED, PAUSING)
    assert (signal.watch, signal.rule, signal.pack, signal.sequence) == ("team/watch", "probe", "", 1)
    assert (signal.severity, signal.confidence, signal.certainty) == ("Medium", "Medium", "Observed")
    assert signal.title == "probe: update policies/daily"
    assert signal.group == (
        ("target.resource", "policies"),
        ("target.namespace", "kasten-io"),
        ("target.name", "daily"),
    )
    assert [each.path for each in signal.changes] == ["spec.paused"]
    assert (signal.attack, signal.tags, signal.emits_finding) == (("T1490",), ("weakening",), True)
    assert signal.activity == PAUSING
    assert signal.time == PAUSING.time


def test_a_rule_that_does_not_hold_gives_none() -> None:
    assert signals(PAUSED, change(spec(paused=True), spec(paused=False))) == []


def test_a_row_of_another_kind_gives_none() -> None:
    assert signals(PAUSED, _gone("a")) == []


@pytest.mark.parametrize(("count", "found"), [(0, 0), (1, 1), (None, 1)])
def test_a_deletion_of_whatever_is_there_says_nothing_where_its_answer_shows_that_nothing_was(
    count: int | None, found: int
) -> None:
    rule = "[{name: gone, match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}}]"
    target = msgspec.structs.replace(_gone("a").target, group="config.kio.kasten.io", resource="policies", count=count)
    assert len(signals(rule, altered(_gone("a"), target=target))) == found


@pytest.mark.parametrize(
    ("outcome", "certainty"),
    [("Succeeded", "Observed"), ("Denied", "Attempted"), ("Failed", "Attempted"), ("Unknown", "OutcomeUnknown")],
)
def test_certainty_follows_the_outcome(outcome: str, certainty: str) -> None:
    rule = PAUSED.replace("resources: [policies]", "resources: [policies], outcomes: [Any]")
    [signal] = signals(rule, altered(PAUSING, outcome=outcome))
    assert signal.certainty == certainty


def test_severity_is_raised_by_what_holds_and_never_lowered() -> None:
    cases = "[{severity: %s, where: [{field: target.name, operator: Equals, values: [%s]}]}]"
    assert (
        signals(
            rule_with("[{field: target.name, operator: Exists}]", severityWhen=cases % ("Critical", "daily")), PAUSING
        )[0].severity
        == "Critical"
    )
    assert (
        signals(rule_with("[{field: target.name, operator: Exists}]", severityWhen=cases % ("Critical", "x")), PAUSING)[
            0
        ].severity
        == "Medium"
    )
    assert (
        signals(rule_with("[{field: target.name, operator: Exists}]", severityWhen=cases % ("Low", "daily")), PAUSING)[
            0
        ].severity
        == "Medium"
    )


def test_an_unknown_circumstance_raises_nothing() -> None:
    cases = "[{severity: Critical, where: [{field: client.ip, operator: NotEquals, values: [x]}]}]"
    assert (
        signals(rule_with("[{field: target.name, operator: Exists}]", severityWhen=cases), PAUSING)[0].severity
        == "Medium"
    )


def test_the_first_circumstance_that_holds_counts() -> None:
    test = "where: [{field: target.name, operator: Exists}]"
    cases = f"[{{severity: High, {test}}}, {{severity: Critical, {test}}}]"
    assert (
        signals(rule_with("[{field: target.name, operator: Exists}]", severityWhen=cases), PAUSING)[0].severity
        == "High"
    )


UNSEEN = altered(PAUSING, object=msgspec.UNSET, old_object=msgspec.UNSET)


def test_a_rule_that_ends_unknown_says_nothing_and_is_counted() -> None:
    made = detector(PAUSED)
    assert made.observe(1, UNSEEN) == []
    assert made.unknown_outcomes == {("team/watch", "probe"): 1}


def test_on_unknown_speaks_with_its_own_severity_and_title() -> None:
    rule = PAUSED + '\n  onUnknown: {severity: Low, title: "{target.name} changed; what is not visible"}'
    [signal] = signals(rule, UNSEEN)
    assert (signal.severity, signal.title) == ("Low", "daily changed; what is not visible")
    assert signals(rule, PAUSING)[0].severity == "Medium"


def test_a_building_block_makes_no_finding() -> None:
    assert [signal.emits_finding for signal in signals(PAUSED + "\n  emit: Signal", PAUSING)] == [False]


def test_a_group_of_what_nobody_saw_is_a_group_of_its_own() -> None:
    rule = PAUSED + "\n  finding: {groupBy: [actor.id, object.spec.none]}"
    assert signals(rule, PAUSING)[0].group == (("actor.id", "Unknown"), ("object.spec.none", ""))


def test_a_rule_holds_for_rows_above_the_sequence_it_is_in_force_from() -> None:
    rules = rule_set(PAUSED)
    made = Detector()
    made.install(rules, in_force_from={rules.rules["probe"].digest: 5})
    assert made.observe(5, PAUSING) == []
    assert len(made.observe(6, PAUSING)) == 1


def test_what_happened_before_there_was_the_watch_is_not_matched() -> None:
    made = detector(PAUSED, since=PAUSING.time)

    assert made.observe(1, altered(PAUSING, time=PAUSING.time - 0.001)) == []
    assert [signal.rule for signal in made.observe(2, PAUSING)] == ["probe"]


def test_installing_again_replaces_and_removing_ends_it() -> None:
    made = detector(PAUSED)
    made.install(rule_set(PAUSED.replace("probe", "other")), in_force_from={})
    assert [signal.rule for signal in made.observe(1, PAUSING)] == ["other"]
    made.remove("team/watch")
    assert made.observe(2, PAUSING) == []


def test_every_watch_gets_its_own_signal() -> None:
    made = detector(PAUSED)
    second, _ = compile_watch(
        RuleSource(watch="other/watch", rules=[("r", rule_set(PAUSED).rules["probe"].source)]), k10=K10, now=0
    )
    made.install(second, in_force_from={})
    assert {signal.watch for signal in made.observe(1, PAUSING)} == {"team/watch", "other/watch"}


def test_a_story_speaks_when_its_count_is_reached_and_once_for_each_further() -> None:
    found = _of(signals(MASS, *(_gone(f"rp-{index}", 1000.0 + index) for index in range(5))), "mass")
    assert [(signal.count, signal.title) for signal in found] == [
        (3, "3 restore points"),
        (1, "4 restore points"),
        (1, "5 restore points"),
    ]
    assert found[0].contributors == (1, 2, 3)
    assert found[0].group == (("target.namespace", "shop"),)
    assert found[0].severity == "Critical"


def test_a_story_counts_each_group_apart() -> None:
    rows = [_gone(f"rp-{index}", 1000.0 + index, namespace=f"ns-{index % 2}") for index in range(4)]
    assert _of(signals(MASS, *rows), "mass") == []


def test_a_story_sums_what_each_request_touched_and_unknown_is_one() -> None:
    rules = MASS.replace("    conditions:", "    count: {sum: target.count}\n    conditions:")
    mass = altered(_gone("x"), target=msgspec.structs.replace(_gone("x").target, count=40))
    assert [signal.count for signal in _of(signals(rules, mass), "mass")] == [40]
    unseen = altered(mass, target=msgspec.structs.replace(mass.target, count=None))
    assert _of(signals(rules, unseen, unseen), "mass") == []


def test_a_story_of_values_counts_what_differs() -> None:
    rules = MASS.replace("type: eventCount", "type: valueCount\n    value: [target.name]")
    same = [_gone("rp", 1000.0 + index) for index in range(5)]
    assert _of(signals(rules, *same), "mass") == []

    found = _of(signals(rules, *same, _gone("rp-2", 1006.0), _gone("rp-3", 1007.0), _gone("rp-3", 1008.0)), "mass")
    assert [(signal.count, signal.title) for signal in found] == [(7, "7 restore points"), (1, "8 restore points")]


def test_a_value_of_several_fields_differs_where_one_of_them_does() -> None:
    rules = MASS.replace("type: eventCount", "type: valueCount\n    value: [target.namespace, target.name]")
    rows = [_gone("rp", 1000.0 + index, namespace=f"ns-{index}") for index in range(3)]
    assert [
        signal.count for signal in _of(signals(rules.replace("    groupBy: [target.namespace]\n", ""), *rows), "mass")
    ] == [3]


def test_a_row_that_two_members_match_counts_once() -> None:
    twin = MASS.replace(
        "- name: mass", "- name: gone-too\n  match: {apiGroups: [apps.kio.kasten.io], resources: ['*']}\n- name: mass"
    )
    rules = twin.replace("of: [{rule: gone}]", "of: [{rule: gone}, {rule: gone-too}]")
    assert [
        signal.count
        for signal in _of(signals(rules, *(_gone(f"{index}", 1000.0 + index) for index in range(3))), "mass")
    ] == [3]


def test_a_muted_signal_is_counted_all_the_same() -> None:
    exception = (
        "\n  except: [{name: x, reason: r, trustFieldManagers: true, where: [{field: target.name, operator: Exists}]}]"
    )
    rules = MASS.replace("verbs: [delete]}", "verbs: [delete]}" + exception)
    rows = [altered(_gone(f"{index}", 1000.0 + index), attribution="Audited") for index in range(3)]
    assert len(_of(signals(rules, *rows), "mass")) == 1


def test_what_a_story_counted_survives_a_restart() -> None:
    first = detector(MASS)
    for sequence in (1, 2):
        first.observe(sequence, _gone(f"rp-{sequence}", 1000.0 + sequence))
    saved = {key: payload for key, payload in first.take_dirty().items() if payload is not None}
    assert first.take_dirty() == {}
    second = detector(MASS)
    second.restore(saved.items())
    assert [signal.count for signal in _of(second.observe(3, _gone("rp-3", 1003.0)), "mass")] == [3]


def test_windows_may_be_restored_before_the_rules_come() -> None:
    first = detector(MASS)
    for sequence in (1, 2):
        first.observe(sequence, _gone(f"rp-{sequence}", 1000.0 + sequence))
    second = Detector()
    second.restore((key, payload) for key, payload in first.take_dirty().items() if payload is not None)
    second.install(rule_set(MASS), in_force_from={})
    assert len(_of(second.observe(3, _gone("rp-3", 1003.0)), "mass")) == 1


def test_windows_of_a_rule_that_changed_or_left_are_given_up() -> None:
    made = detector(MASS)
    made.observe(1, _gone("a"))
    [key] = made.take_dirty()
    made.install(rule_set(MASS.replace("gte: 3", "gte: 4")), in_force_from={})
    assert made.take_dirty() == {key: None}
    made.observe(2, _gone("a"))
    [key] = made.take_dirty()
    made.remove("team/watch")
    assert made.take_dirty() == {key: None}


def test_saved_windows_of_a_watch_that_is_gone_are_given_up() -> None:
    first = detector(MASS)
    first.observe(1, _gone("a"))
    [(key, payload)] = first.take_dirty().items()
    second = detector(MASS)
    second.restore([(key.replace("team/watch", "old/watch"), payload or b"")])
    assert second.take_dirty() == {key.replace("team/watch", "old/watch"): None}


def test_a_saved_window_that_cannot_be_read_names_its_key() -> None:
    with pytest.raises(WindowsCorruptError, match="team/watch/mass"):
        Detector().restore([("team/watch/mass/0/0", b"\xc1")])


def test_quiet_windows_do_not_stay() -> None:
    made = detector(MASS)
    made.observe(1, _gone("a", 1000.0, namespace="old"))
    made.observe(2, _gone("a", 9000.0, namespace="new"))
    made.observe(3, _gone("b", 9001.0, namespace="new"))
    payloads = made.take_dirty().values()
    assert sorted(payload is None for payload in payloads) == [False, True]


GAP = Gap(
    cluster="prod",
    source="state",
    subject="config.kio.kasten.io/policies",
    reason="HistoryLost",
    message="410\x1b",
    start=0.0,
    end=60.0,
)


def test_a_gap_is_told_by_every_watch_that_sees_the_cluster() -> None:
    [signal] = detector(PAUSED).observe(7, GAP)
    assert (signal.rule, signal.severity, signal.group, signal.gap) == (
        "visibility-gap",
        "Low",
        (("source", "state"),),
        GAP,
    )
    assert (
        signal.title
        == "Nothing was seen of config.kio.kasten.io/policies from 1970-01-01 00:00:00Z to 1970-01-01 00:01:00Z"
    )
    assert signal.description == "HistoryLost: 410\\x1b"


def test_a_gap_is_no_tenants_business() -> None:
    assert detector(PAUSED, tenant="kasten-io").observe(7, GAP) == []


def test_a_gap_at_the_end_of_time_does_not_raise() -> None:
    [signal] = detector(PAUSED).observe(1, msgspec.structs.replace(GAP, end=1e300))
    assert "an unknown time" in signal.title


def test_the_same_rows_give_the_same_signals() -> None:
    rows = [_gone(f"rp-{index}", 1000.0 + index) for index in range(8)] + [PAUSING]
    assert signals(MASS, *rows) == signals(MASS, *rows)


def test_a_dry_run_emits_nothing_and_is_counted() -> None:
    made = detector(PAUSED)
    body = {"requestObject": {"spec": {"paused": True}}}
    uri = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily"
    assert made.observe(1, audited(body, requestURI=f"{uri}?dryRun=All")) == []
    assert made.dry_runs == 1
    assert len(made.observe(2, audited(body, requestURI=uri))) == 1
    assert made.dry_runs == 1


def test_a_dry_run_that_may_be_a_lie_is_matched_like_any_request() -> None:
    rules = "[{name: gone, match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}}]"
    assert len(signals(rules, audited(verb="delete", requestURI="/x?dryRun=All"))) == 1


@pytest.mark.parametrize("wrong", [1e9, 2301.0, -1e9])
def test_one_event_of_a_wrong_time_keeps_no_story_from_what_comes_after_not_even_over_a_restart(wrong: float) -> None:
    first = detector(MASS)
    first.observe(1, _gone("x", wrong))
    first.observe(2, _gone("y", wrong, namespace="other"))
    again = detector(MASS)
    again.restore((key, value) for key, value in first.take_dirty().items() if value)
    told = [_of(again.observe(3 + each, _gone(f"rp-{each}", 1000.0 + each)), "mass") for each in range(4)]

    assert [len(each) for each in told] == [0, 0, 1, 1]


def test_one_event_of_a_wrong_time_ends_no_other_groups_count() -> None:
    running = detector(MASS)
    running.observe(1, _gone("a", 1000.0))
    running.observe(2, _gone("b", 1001.0))
    running.observe(3, _gone("x", 1e9, namespace="other"))
    running.observe(4, _gone("y", 1002.0, namespace="third"))

    assert len(_of(running.observe(5, _gone("c", 1003.0)), "mass")) == 1
