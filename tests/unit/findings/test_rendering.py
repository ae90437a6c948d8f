"""What people read in the object: true, complete, within the API's bounds, and the same however often it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.api.finding import K10SecurityFinding
from auditwatch.detection.changes import Change
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Actor, Attribution, Client, Impersonator, Request, Target
from auditwatch.findings.attribution import sentence, short_name
from auditwatch.findings.lifecycle import Lifecycle, Triage, Watermark, review
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.rendering import labels, manifest, status
from auditwatch.findings.state import ActorSeen, FindingState
from tests.unit.findings.making import START, WATCH, activity, gap_signal, ledger, only, signal, target

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JANE = Actor(id="jane@example.com", via="Direct", kind="User")


def state_of(*signals: Any) -> FindingState:
    book = ledger()
    book.apply(signals)
    return only(book)


def accepted(state: FindingState) -> K10SecurityFinding:
    """The object as our own closed model of the API takes it."""
    life = review(Lifecycle(), triage=Triage(generation=1), novel=Watermark("j", 1), seen=Watermark("", 0), now=START)
    return K10SecurityFinding.model_validate({"spec": manifest(state)["spec"], "status": status(state, life)})


def test_an_object_is_named_labelled_and_managed() -> None:
    made = manifest(state_of(signal(1)))

    assert (made["apiVersion"], made["kind"]) == ("k10auditwatch.io/v1alpha1", "K10SecurityFinding")
    assert made["metadata"]["namespace"] == "k10-auditwatch"
    assert made["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "k10-auditwatch",
        "k10auditwatch.io/rule": "retention-cut",
        "k10auditwatch.io/severity": "High",
        "k10auditwatch.io/watch": "k10-auditwatch.k10",
    }
    assert "ownerReferences" not in made["metadata"]
    assert "status" not in made


def test_the_spec_says_what_the_incident_is() -> None:
    spec = manifest(state_of(signal(1, runbook="retention-cut")))["spec"]

    assert spec["watchRef"] == {"namespace": "k10-auditwatch", "name": "k10"}
    assert (spec["rule"], spec["pack"], spec["cluster"], spec["epoch"]) == (
        "retention-cut",
        "k10-baseline@1",
        "prod",
        1,
    )
    assert spec["groupBy"] == [
        {"field": "target.resource", "value": "policies"},
        {"field": "target.name", "value": "daily"},
    ]
    assert spec["target"] == {
        "group": "config.kio.kasten.io",
        "resource": "policies",
        "namespace": "kasten-io",
        "name": "daily",
        "uid": "uid-of-daily",
    }
    assert (spec["initialSeverity"], spec["attack"]) == ("High", ["T1490"])
    assert spec["runbookURL"] == "docs/runbooks/retention-cut.md"


def test_the_spec_stays_the_same_while_the_incident_goes_on() -> None:
    book = ledger()
    book.apply([signal(1, severity="Low")])
    before = manifest(only(book))["spec"]
    book.apply([signal(2, severity="Critical", actor=JANE, attribution="Audited", name="daily", after=50)])

    assert manifest(only(book))["spec"] == before


def test_the_severity_label_follows_the_severity() -> None:
    state = state_of(signal(1, severity="Low"), signal(2, severity="Critical"))

    assert labels(state)["k10auditwatch.io/severity"] == "Critical"


def test_status_has_the_whole_story() -> None:
    shown = status(state_of(signal(1, changes=(Change("spec.retention.daily", 30, 1),)), signal(2, after=65, count=3)))

    assert (shown["count"], shown["targetCount"], shown["disposition"], shown["state"]) == (4, 1, "Open", "New")
    assert (shown["firstSeenTime"], shown["lastSeenTime"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:01:05Z")
    assert shown["detectedTime"] == "2027-01-15T08:00:05Z"
    assert shown["changes"] == [{"path": "spec.retention.daily", "old": "30", "new": "1"}]
    assert shown["watermark"] == {"journalID": "journal-a", "sequence": 2}
    assert shown["actors"] == [{"manager": "kubectl-edit", "attribution": "FieldManager"}]
    assert [item["sequence"] for item in shown["evidence"]] == [1, 2]
    assert shown["remediation"] == "Restore the retention."


def test_a_side_of_a_change_that_was_not_there_is_absent() -> None:
    shown = status(
        state_of(signal(1, changes=(Change("a", MISSING, 1), Change("b", 1, MISSING), Change("c", UNKNOWN, 2))))
    )

    assert shown["changes"] == [
        {"path": "a", "new": "1"},
        {"path": "b", "old": "1"},
        {"path": "c", "old": "unknown", "new": "2"},
    ]


def test_evidence_says_since_when_it_may_have_been_so_and_how_it_ended() -> None:
    tried = activity(1, time=START, not_before=START - 60, outcome="Unknown", actor=JANE)
    (item,) = status(state_of(signal(1, activity=tried)))["evidence"]

    assert (item["outcome"], item["note"]) == ("Unknown", "not before 2027-01-15T07:59:00Z")
    assert (item["actor"], item["verb"], item["source"], item["name"]) == (
        "jane@example.com",
        "update",
        "state",
        "daily",
    )


@pytest.mark.parametrize(
    ("attribution", "words"),
    [
        ("Unknown", "Who did it is not known; connect the audit log"),
        ("FieldManager", "last field manager is kubectl-edit: a hint, not proof; connect the audit log to learn who."),
        ("Ambiguous", "not all of them did it: jane@example.com."),
        ("Correlated", "the one audit event that fits by object and time: jane@example.com."),
        ("Audited", "from the audit event of this very request: jane@example.com."),
    ],
)
def test_the_description_claims_no_more_about_the_actor_than_is_known(attribution: Attribution, words: str) -> None:
    actor = Actor(manager="kubectl-edit") if attribution in ("Unknown", "FieldManager") else JANE
    shown = status(state_of(signal(1, attribution=attribution, actor=actor)))

    assert shown["attribution"] == attribution
    assert words in shown["description"]
    assert shown["description"].startswith("Fewer restore points will be kept.\n")


def test_several_field_managers_are_all_named_and_none_is_accused() -> None:
    managers = [signal(index, actor=Actor(manager=f"tool-{index}")) for index in range(1, 6)]

    assert "manager is tool-1 or tool-2 or tool-3 or 2 more: a hint" in sentence(state_of(*managers))


def test_an_actor_without_a_name_is_shown_as_a_hint() -> None:
    assert short_name(ActorSeen(id="jane", manager="kubectl", time=1.0)) == "jane"
    assert short_name(ActorSeen(manager="kubectl", time=1.0)) == "Unknown (field manager kubectl)"
    assert short_name(ActorSeen(time=1.0)) == "Unknown"


def test_the_summary_names_a_person_before_a_field_manager() -> None:
    shown = status(state_of(signal(1), signal(2, actor=JANE)))["summary"]

    assert shown == {"actor": "jane@example.com", "target": "daily"}


def test_the_summary_names_who_took_on_a_name_and_not_whose_it_is() -> None:
    taken = Actor(id="k10", via="Impersonation", impersonator=Impersonator(id="mallory"))
    person = Actor(id="jane", via="K10Dashboard", impersonator=Impersonator(id="k10"))

    assert status(state_of(signal(1, actor=taken)))["summary"]["actor"] == "mallory"
    assert status(state_of(signal(1, actor=person)))["summary"]["actor"] == "jane"


def test_the_summary_names_the_first_target_that_has_a_name() -> None:
    group = (("source", "state"),)
    nameless = activity(1, time=START, target=Target(group="", version="", resource=""), actor=JANE)
    first = signal(1, group=group, activity=nameless)
    shown = status(state_of(first, signal(2, name="daily", group=group)))["summary"]["target"]

    assert shown == "daily +1"


def test_the_summary_marks_a_field_manager_as_a_question() -> None:
    assert status(state_of(signal(1)))["summary"]["actor"] == "?kubectl-edit"


def test_the_summary_counts_further_targets_within_its_width() -> None:
    group = (("source", "state"),)
    many = [signal(index, name="a-very-long-policy-name-" + str(index), group=group) for index in range(1, 13)]
    shown = status(state_of(*many))["summary"]["target"]

    assert len(shown) == 17
    assert shown.endswith("… +11")


def test_what_the_bounds_left_out_is_said() -> None:
    group = (("source", "state"),)
    signals = [
        signal(
            index, name=f"p-{index}", actor=Actor(id=f"u-{index}"), group=group, changes=(Change(f"f{index}", 1, 2),)
        )
        for index in range(1, 61)
    ]
    shown = status(state_of(*signals))

    assert (len(shown["targets"]), len(shown["actors"]), len(shown["changes"]), len(shown["evidence"])) == (
        50,
        10,
        10,
        10,
    )
    assert shown["description"].endswith(
        "Not listed here: 10 further targets, 50 sightings of further actors, 50 sightings of further changed fields."
    )


def test_a_gap_is_told_without_a_target() -> None:
    state = state_of(gap_signal(1))
    shown = status(state)

    assert manifest(state)["spec"]["target"] == {}
    assert (shown["targets"], shown["summary"]) == ([], {"actor": "", "target": ""})
    assert shown["evidence"][0]["note"] == (
        "HistoryLost: history lost (config.kio.kasten.io/policies); not before 2027-01-15T07:59:00Z"
    )
    accepted(state)


def test_nothing_in_an_object_is_a_float() -> None:
    state = state_of(signal(1, changes=(Change("spec.ratio", 0.5, 1.5),)), signal(2, after=0.3))

    def floats(value: object) -> list[object]:
        if isinstance(value, dict):
            return [found for item in value.values() for found in floats(item)]
        if isinstance(value, list):
            return [found for item in value for found in floats(item)]
        return [value] if isinstance(value, float) else []

    assert floats([manifest(state), status(state)]) == []


def test_rendering_twice_is_the_same() -> None:
    state = state_of(signal(1), signal(2, actor=JANE))

    assert (manifest(state), status(state)) == (manifest(state), status(state))


@given(TEXT, TEXT, TEXT, st.integers(1, 10**12))
def test_the_api_takes_whatever_an_intruder_calls_things(name: str, who: str, value: str, count: int) -> None:
    nasty = activity(
        1, time=START, target=target(name=name * 20, namespace=name * 20), actor=Actor(id=who * 30, kind=who * 9)
    )
    state = state_of(
        signal(
            1,
            activity=nasty,
            group=((f"field{name}", value * 40),),
            changes=(Change(f"p{name}" * 20, value * 20, [value]),),
            count=count,
        )
    )
    model = accepted(state)

    assert model.status is not None
    assert model.status.count == count


def test_the_largest_object_stays_far_below_what_etcd_takes() -> None:
    group = (("source", "state"),)
    book = ledger()
    book.configure(WATCH, FindingPolicy())
    for index in range(1, 200):
        big = activity(
            index,
            time=START,
            target=target(name=f"{index}-" + "n" * 250, namespace="s" * 63, uid="u" * 64),
            actor=Actor(
                id=f"{index % 20}-" + "a" * 600,
                name="n" * 600,
                via="v" * 70,
                kind="k" * 70,
                credential_id=f"{index}-" + "c" * 300,
                pod="p" * 300,
                node="n" * 300,
                impersonator=Impersonator(id="i" * 600),
            ),
            attribution="Audited",
            client=Client(ip=f"{index}-" + "1" * 80, agent="a" * 900),
            request=Request(path="/" + "p" * 900),
            event={"auditID": "u" * 99},
        )
        changes = tuple(Change(f"path{index}" + "p" * 400, "o" * 500, "w" * 500) for _ in range(2))
        book.apply([signal(index, activity=big, group=group, changes=changes, description="d" * 5000)])
    state = only(book)
    accepted(state)

    assert len(json.dumps([manifest(state), status(state)])) < 100_000
