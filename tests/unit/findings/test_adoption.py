"""After the journal was lost, findings at the API server are continued and not begun again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace as changed

from auditwatch.detection.changes import Change
from auditwatch.events.activity import Actor
from auditwatch.findings.adoption import adopted
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.rendering import manifest, status
from auditwatch.findings.state import FindingState
from tests.unit.findings.acting import BOB, GROUP, MALLORY, TAKEN_ON, ambiguous, audited, hinted, of
from tests.unit.findings.making import START, WATCH, ledger, only, signal, states

NEW = "journal-b"


def written(state: FindingState) -> dict[str, Any]:
    """The object as the API server has it."""
    return {**manifest(state), "status": status(state)}


def left_behind(*, signals: int = 3, **parts: Any) -> FindingState:
    """What an earlier journal knew when it was lost."""
    book = ledger()
    book.apply(signal(index, after=index, **parts) for index in range(1, signals + 1))
    return only(book)


def successor(*findings: dict[str, Any], policy: FindingPolicy | None = None) -> Ledger:
    book = ledger(journal_id=NEW)
    book.configure(WATCH, policy or FindingPolicy())
    for finding in findings:
        book.adopt(finding)
    return book


def fresh(sequence: int, *, key: int, **parts: Any) -> Any:
    """A signal of the new journal, whose sequences begin anew."""
    made = signal(key, **parts)
    return signal(sequence, activity=made.activity, **parts)


def test_an_adopted_finding_shows_the_same_as_before() -> None:
    before = left_behind(
        actor=Actor(id="jane@example.com", via="Direct"),
        attribution="Audited",
        changes=(Change("spec.retention.daily", 30, 1),),
    )
    after = only(successor(written(before)))
    shown, was = status(after), status(before)
    shown.pop("watermark")
    was.pop("watermark")

    assert shown == was
    assert manifest(after) == manifest(before)
    assert (after.journal_id, after.revision, after.novel) == (NEW, 0, 0)


def test_counting_goes_on_in_the_same_object() -> None:
    before = left_behind()
    book = successor(written(before))
    book.apply([fresh(1, key=50, after=60), fresh(2, key=51, after=61)])

    after = only(book)
    assert (after.name, after.count, after.revision, after.epoch) == (before.name, 5, 2, 1)


def test_activity_the_object_lists_as_evidence_is_not_counted_again() -> None:
    book = successor(written(left_behind()))
    book.apply([fresh(1, key=3, after=3), fresh(2, key=50, after=60)])

    assert only(book).count == 4
    assert book.duplicates == 1


def test_a_finding_of_this_journal_is_not_adopted() -> None:
    finding = written(left_behind())

    assert adopted(finding, journal_id="journal-a", cluster="prod") is None


@pytest.mark.parametrize(
    "path", ["spec.fingerprint", "spec.rule", "spec.watchRef.name", "status.firstSeenTime", "status.watermark"]
)
def test_a_finding_whose_identity_does_not_hold_is_not_adopted(path: str) -> None:
    finding = written(left_behind())
    *parents, last = path.split(".")
    place: Any = finding
    for part in parents:
        place = place[part]
    place[last] = "forged"

    assert adopted(finding, journal_id=NEW, cluster="prod") is None


def test_a_finding_of_another_cluster_is_not_adopted() -> None:
    assert adopted(written(left_behind()), journal_id=NEW, cluster="elsewhere") is None


def test_a_finding_in_a_namespace_its_watch_may_not_write_to_is_not_adopted() -> None:
    finding = written(left_behind())
    finding["metadata"]["namespace"] = "intruder"

    assert states(successor(finding)) == []


def test_a_finding_waits_until_its_watch_is_configured() -> None:
    book = ledger(journal_id=NEW)
    book.adopt(written(left_behind()))
    assert states(book) == []

    book.configure(WATCH, FindingPolicy(reopen_after_seconds=7))
    assert only(book).reopen_after == 7


def test_adopting_twice_is_adopting_once() -> None:
    finding = written(left_behind())
    book = successor(finding)
    book.apply([fresh(1, key=50, after=60)])
    book.adopt(finding)

    assert only(book).count == 4


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_incidents_the_later_one_is_continued(order: int) -> None:
    past = ledger()
    past.apply([signal(1), signal(2, after=100_000)])
    findings = [written(state) for state in states(past)][::order]
    book = successor(*findings)
    book.take_dirty()
    book.apply([fresh(1, key=50, after=100_001)])

    assert (only(book).epoch, only_count(book)) == (2, 2)


def only_count(book: Ledger) -> int:
    return max(state.count for state in book.states())


def test_an_adopted_incident_that_is_over_gives_its_epoch_to_the_next() -> None:
    book = successor(written(left_behind()))
    book.take_dirty()
    book.apply([fresh(1, key=50, after=100_000)])

    assert only(book).epoch == 2


def test_what_this_journal_has_begun_itself_is_not_overrun_by_an_older_object() -> None:
    book = successor()
    book.apply([fresh(1, key=50, after=60)])
    book.adopt(written(left_behind()))

    assert only(book).count == 1


def test_a_roll_up_is_continued_as_one() -> None:
    past = ledger()
    past.configure(WATCH, FindingPolicy(max_per_rule=1))
    past.apply([signal(index, name=f"policy-{index}", after=index) for index in range(1, 5)])
    findings = [written(state) for state in states(past)]
    book = successor(*findings, policy=FindingPolicy(max_per_rule=1))
    book.take_dirty()
    book.apply([fresh(1, key=50, name="policy-9", after=60)])

    folded = only(book)
    assert (folded.count, folded.target_count, folded.folded_since is not None) == (4, 4, True)
    title = status(folded)["title"]
    assert title.count("folded; the latest:") == 1


def test_the_sentence_about_the_actor_is_not_added_again_and_again() -> None:
    state = left_behind()
    for journal in ("b", "c", "d"):
        again = adopted(written(state), journal_id=journal, cluster="prod")
        assert again is not None
        state = again

    assert status(state)["description"].count("a hint, not proof") == 1


def test_an_adopted_finding_is_not_new_to_whoever_triaged_it() -> None:
    after = adopted(written(left_behind()), journal_id=NEW, cluster="prod")

    assert after is not None
    assert after.novel == 0
    assert after.first_seen == START + 1


EVERYTHING = [
    of(audited(1), audited(2, TAKEN_ON), hinted(3)),
    of(audited(1, changed(MALLORY, pod="shell", node="worker-1", name="mallory"), outcome="Denied")),
    of(ambiguous(1, MALLORY, BOB)),
    of(audited(1, Actor(kind="Unauthenticated", via="Direct", user=""))),
]


@pytest.mark.parametrize("before", EVERYTHING, ids=["several", "pod", "ambiguous", "unauthenticated"])
def test_actors_addresses_and_credentials_outlive_the_journal(before: FindingState) -> None:
    after = adopted(written(before), journal_id=NEW, cluster="prod")
    assert after is not None
    shown, was = status(after), status(before)
    shown.pop("watermark")
    was.pop("watermark")

    assert shown == was
    assert [actor.name for actor in after.actors] == [actor.name for actor in before.actors]


def test_somebody_adopted_is_nobody_new_and_neither_is_their_network() -> None:
    book = successor(written(of(audited(1))))
    book.apply([signal(1, group=GROUP, after=60, activity=audited(50))])

    after = only(book)
    assert (after.count, after.novel, len(after.actors), len(after.clients)) == (2, 0, 1, 1)


def test_an_actor_of_an_earlier_version_is_known_as_its_finding_says() -> None:
    finding = written(of(audited(1), hinted(2)))
    for actor in finding["status"]["actors"]:
        del actor["attribution"]
    del finding["status"]["clients"]
    after = adopted(finding, journal_id=NEW, cluster="prod")

    assert after is not None
    assert [actor.attribution for actor in after.actors] == ["Audited", "FieldManager"]
    assert after.clients == []


def test_no_more_is_read_than_is_kept() -> None:
    finding = written(of(audited(1)))
    finding["status"]["clients"] = [{"ip": f"10.0.0.{n}"} for n in range(99)]
    finding["status"]["actors"][0] |= {"credentialIDs": ["JTI=1"] * 99, "clientIPs": ["10.0.0.1", 7, *["x"] * 99]}
    after = adopted(finding, journal_id=NEW, cluster="prod")

    assert after is not None
    assert len(after.clients) == 10
    assert (len(after.actors[0].credential_ids), after.actors[0].client_ips[:2]) == (5, ("10.0.0.1", "x"))
