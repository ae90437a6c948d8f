"""What an incident keeps of each signal: bounded, escaped, and only ever rising."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.changes import Change
from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import ATTRIBUTIONS, Actor, Attribution, Target
from auditwatch.findings.absorb import CERTAINTIES, CONFIDENCES
from auditwatch.findings.state import FindingState
from auditwatch.findings.targets import object_phrase, target_seen
from tests.unit.findings.making import START, activity, ledger, only, signal, target

JANE = Actor(id="jane@example.com", via="Direct", kind="User")
ONE_GROUP = (("source", "state"),)


def after(*signals: Mapping[str, Any]) -> FindingState:
    """The one incident of signals 1, 2, 3 … of one group, each a second after the other."""
    book = ledger()
    book.apply(
        signal(index, after=index - 1, **{"group": ONE_GROUP, **parts}) for index, parts in enumerate(signals, 1)
    )
    return only(book)


# What rises


@given(st.lists(st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(ATTRIBUTIONS)), min_size=1, max_size=12))
def test_severity_and_attribution_only_rise(steps: list[tuple[Severity, Attribution]]) -> None:
    seen = [after(*({"severity": s, "attribution": a} for s, a in steps[:end])) for end in range(1, len(steps) + 1)]

    for before, then in pairwise(seen):
        assert SEVERITIES.index(then.severity) >= SEVERITIES.index(before.severity)
        assert ATTRIBUTIONS.index(then.attribution) >= ATTRIBUTIONS.index(before.attribution)
    assert seen[-1].severity == max((severity for severity, _ in steps), key=SEVERITIES.index)
    assert seen[-1].attribution == max((attribution for _, attribution in steps), key=ATTRIBUTIONS.index)
    assert seen[-1].initial_severity == steps[0][0]


@pytest.mark.parametrize("words", [("confidence", CONFIDENCES), ("certainty", CERTAINTIES)])
def test_confidence_and_certainty_are_the_highest_seen(words: tuple[str, tuple[str, ...]]) -> None:
    name, order = words
    state = after({name: order[0]}, {name: order[-1]}, {name: order[1]})

    assert getattr(state, name) == order[-1]


def test_what_was_observed_once_is_not_made_uncertain_by_a_failed_attempt() -> None:
    assert after({"certainty": "Observed"}, {"certainty": "Attempted"}).certainty == "Observed"


def test_the_title_is_the_latest_of_the_most_severe() -> None:
    state = after(
        {"title": "first", "severity": "Medium"},
        {"title": "worst", "severity": "High"},
        {"title": "harmless", "severity": "Low"},
        {"title": "worst again", "severity": "High", "description": "d", "remediation": "r"},
    )

    assert (state.title, state.description, state.remediation) == ("worst again", "d", "r")


def test_a_title_that_names_somebody_is_not_replaced_by_one_that_does_not() -> None:
    state = after({"title": "jane did it", "attribution": "Audited"}, {"title": "somebody did it"})

    assert state.title == "jane did it"


def test_texts_are_cut_to_what_the_api_takes() -> None:
    state = after({"title": "t" * 300, "description": "d" * 5000, "remediation": "r" * 3000})

    assert (len(state.title), len(state.description), len(state.remediation)) == (256, 4096, 2048)


# Actors


def test_an_actor_is_listed_once() -> None:
    state = after({"actor": JANE}, {"actor": JANE}, {"actor": Actor(id="jane@example.com", via="K10Dashboard")})

    assert [(actor.id, actor.via) for actor in state.actors] == [
        ("jane@example.com", "Direct"),
        ("jane@example.com", "K10Dashboard"),
    ]


def test_a_field_manager_stands_only_where_nobody_is_named() -> None:
    state = after({"actor": Actor(manager="kubectl-edit")}, {"actor": Actor(manager="kubectl-edit")}, {"actor": JANE})

    assert [(actor.id, actor.manager) for actor in state.actors] == [("", "kubectl-edit"), ("jane@example.com", "")]


def test_nobody_at_all_is_no_actor() -> None:
    assert after({"actor": Actor(id="", manager="", kind="User")}).actors == []


def test_ten_actors_are_listed_and_the_others_counted() -> None:
    state = after(*({"actor": Actor(id=f"user-{index}")} for index in range(13)))

    assert [actor.id for actor in state.actors] == [f"user-{index}" for index in range(10)]
    assert state.actors_cut == 3


def test_what_an_actor_is_called_cannot_forge_a_line() -> None:
    state = after({"actor": Actor(id="jane\nStatus:  Resolved\u202e", manager="\x1b[2J")})

    assert state.actors[0].id == "jane\\nStatus:  Resolved\\u202e"
    assert state.actors[0].manager == "\\x1b[2J"


def test_an_actor_of_any_length_is_cut() -> None:
    assert len(after({"actor": Actor(id="x" * 100_000)}).actors[0].id) == 512


# Targets


def test_a_target_counts_once_however_often_it_is_touched() -> None:
    state = after({"name": "daily"}, {"name": "weekly"}, {"name": "daily"})

    assert [seen.name for seen in state.targets] == ["daily", "weekly"]
    assert state.target_count == 2


def test_an_object_made_again_under_its_name_is_the_same_target() -> None:
    first, second = (activity(index, time=START, target=target(uid=f"uid-{index}")) for index in (1, 2))

    assert after({"activity": first}, {"activity": second}).target_count == 1


def test_objects_without_a_name_are_told_apart_by_uid() -> None:
    first, second = (activity(index, time=START, target=target(name="", uid=f"uid-{index}")) for index in (1, 2))

    assert after({"activity": first}, {"activity": second}).target_count == 2


def test_a_collection_counts_what_it_held() -> None:
    collection = activity(1, time=START, verb="deletecollection", target=target(name="", uid="", count=40))

    assert after({"activity": collection, "count": 40}).target_count == 40


def test_a_collection_of_unknown_size_counts_as_one() -> None:
    collection = activity(1, time=START, target=target(name="", uid="", count=None))

    assert after({"activity": collection}).target_count == 1


def test_fifty_targets_are_listed_and_all_are_counted() -> None:
    state = after(*({"name": f"policy-{index}"} for index in range(60)))

    assert (len(state.targets), state.target_count) == (50, 60)
    state = after(*({"name": f"policy-{index % 60}"} for index in range(120)))
    assert state.target_count == 60


def test_beyond_what_is_remembered_every_touch_counts() -> None:
    state = after(
        *({"name": f"policy-{index}"} for index in range(2050)), {"name": "policy-2049"}, {"name": "policy-0"}
    )

    assert len(state.target_hashes) == 2048
    assert state.target_count == 2051


def test_a_subresource_is_part_of_the_resource_shown() -> None:
    seen = target_seen(
        Target(group="", version="v1", resource="pods", subresource="exec", namespace="a", name="b"), 1.0
    )

    assert (seen.resource, object_phrase(seen)) == ("pods/exec", "a/pods/exec/b")


def test_the_first_target_keeps_its_kind_where_a_body_told_it() -> None:
    policy = {"kind": "Policy", "metadata": {}}
    known = after({"activity": activity(1, time=START, object=None, old_object=policy)}).target
    unknown = after({}).target

    assert known is not None
    assert unknown is not None
    assert (known.kind, unknown.kind) == ("Policy", "")


# Changes


def test_a_change_shows_old_and_new_as_text() -> None:
    state = after({"changes": (Change("spec.retention.daily", 30, 1), Change("spec.paused", False, True))})

    assert [(seen.path, seen.old, seen.new) for seen in state.changes] == [
        ("spec.retention.daily", "30", "1"),
        ("spec.paused", "false", "true"),
    ]


def test_what_was_not_there_is_left_out_and_what_was_not_seen_is_said() -> None:
    state = after({"changes": (Change("a", MISSING, "x"), Change("b", UNKNOWN, MISSING), Change("c", {"k": [1]}, ""))})

    assert [(seen.old, seen.new) for seen in state.changes] == [(None, "x"), ("unknown", None), ('{"k":[1]}', "")]


def test_the_latest_change_of_a_path_is_shown() -> None:
    state = after(
        {"changes": (Change("a", 30, 7),)}, {"changes": (Change("b", 1, 2),)}, {"changes": (Change("a", 7, 1),)}
    )

    assert [(seen.path, seen.old, seen.new) for seen in state.changes] == [("a", "7", "1"), ("b", "1", "2")]


def test_ten_paths_are_listed_and_the_others_counted() -> None:
    state = after({"changes": tuple(Change(f"spec.field{index}", 0, 1) for index in range(14))})

    assert (len(state.changes), state.changes_cut) == (10, 4)


def test_a_value_of_any_size_is_cut_and_escaped() -> None:
    (seen,) = after({"changes": (Change("a", "x" * 1_000_000, "line\nline"),)}).changes

    assert seen.old is not None
    assert len(seen.old) == 256
    assert seen.new == "line\\nline"


# Evidence and novelty


def test_evidence_is_the_first_five_and_the_last_five() -> None:
    state = after(*({} for _ in range(30)))

    assert [item.sequence for item in state.evidence_head] == [1, 2, 3, 4, 5]
    assert [item.sequence for item in state.evidence_tail] == [26, 27, 28, 29, 30]


def test_evidence_that_only_names_a_field_manager_says_so() -> None:
    hint, named = after({}, {"actor": JANE}).evidence_head

    assert (hint.actor, hint.note) == ("kubectl-edit", "actor: field manager, a hint and not proof")
    assert (named.actor, named.note) == ("jane@example.com", "")


def test_the_last_64_keys_are_kept() -> None:
    state = after(*({} for _ in range(70)))

    assert len(state.recent) == 64
    assert state.recent[-1] == f"{70:016x}"


def test_more_of_the_same_is_nothing_new() -> None:
    state = after({}, {}, {})

    assert (state.novel, state.revision) == (1, 3)


@pytest.mark.parametrize(
    "news", [{"severity": "Critical"}, {"name": "weekly"}, {"actor": JANE}, {"actor": Actor(manager="helm")}]
)
def test_a_higher_severity_another_actor_or_another_target_is_new(news: dict[str, object]) -> None:
    assert after({}, {}, news, {}).novel == 3


def test_an_eleventh_actor_is_new_although_it_is_not_listed() -> None:
    assert after(*({"actor": Actor(id=f"user-{index}")} for index in range(11))).novel == 11
