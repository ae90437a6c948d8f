"""What sources were seen to log is remembered, bounded, and saved no oftener than needed; proofs are taken once."""

from __future__ import annotations

import msgspec

from auditwatch.events.audit import AuditEvent, AuditRecord, ObjectReference
from auditwatch.runtime.canaries import AuditCanaries, Proven
from auditwatch.runtime.observing import GRAIN_SECONDS, Observing, Witness
from auditwatch.runtime.settling import Proof
from tests.unit.runtime.test_canaries import US, probe, record
from tests.unit.runtime.test_needing import rules

CONFIG, VAULT = "config.kio.kasten.io", "vault.kio.kasten.io"
POLICIES, PASSKEYS = (CONFIG, "policies"), (VAULT, "passkeys")
NOON = 1_800_000_000.0


def seen(
    kind: tuple[str, str] = POLICIES,
    *,
    source: str = "file",
    level: str = "Request",
    at: float = NOON,
    verb: str = "get",
) -> AuditRecord:
    event = AuditEvent(level=level, verb=verb, object_ref=ObjectReference(api_group=kind[0], resource=kind[1]))
    return AuditRecord(key="k", cluster="c", source=source, instance="cp-1", received=at, event=event)


def level(observing: Observing, kind: tuple[str, str] = POLICIES, *, source: str = "file", at: float = NOON) -> object:
    return observing.sight(source, "Audited", silence="", now=at).level(*kind, "read")


def test_only_kinds_that_rules_name_or_that_are_watched_are_kept() -> None:
    observing = Observing()
    observing.ask([rules("a/one", *PASSKEYS)], [POLICIES])
    for kind in (POLICIES, PASSKEYS, ("example.org", "made-up-by-a-client")):
        observing.note(seen(kind))

    assert level(observing) == level(observing, PASSKEYS) == "Request"
    assert level(observing, ("example.org", "made-up-by-a-client")) is None


def test_a_pattern_names_no_kind() -> None:
    observing = Observing()
    observing.ask([rules("a/one", "config.kio.kasten.io", "pol*")], [])
    observing.note(seen((CONFIG, "pol*")))
    observing.note(seen())

    assert observing.take_dirty() == {}


def test_a_kind_nobody_asks_about_any_more_is_forgotten_and_the_others_stay() -> None:
    observing = Observing()
    observing.ask([rules("a/one", *PASSKEYS)], [POLICIES])
    observing.note(seen())
    observing.note(seen(PASSKEYS))
    observing.ask([], [POLICIES])
    observing.ask([rules("a/one", *PASSKEYS)], [POLICIES])

    assert level(observing) == "Request"
    assert level(observing, PASSKEYS) is None


def test_what_one_source_logs_proves_nothing_about_another() -> None:
    observing = Observing()
    observing.ask([], [POLICIES])
    observing.note(seen(source="file"))

    assert level(observing, source="webhook") is None


def test_what_was_seen_is_saved_once_and_again_an_hour_later() -> None:
    observing = Observing()
    observing.ask([], [POLICIES])
    start = NOON - NOON % GRAIN_SECONDS
    observing.note(seen(at=start))
    assert set(observing.take_dirty()) == {"file"}

    observing.note(seen(at=start + GRAIN_SECONDS - 1.0))
    assert observing.take_dirty() == {}

    observing.note(seen(at=start + GRAIN_SECONDS))
    assert set(observing.take_dirty()) == {"file"}


def test_a_higher_level_is_saved_at_once_and_only_for_its_source() -> None:
    observing = Observing()
    observing.ask([], [POLICIES])
    observing.note(seen(level="Metadata"))
    observing.note(seen(source="webhook"))
    observing.take_dirty()
    observing.note(seen(level="RequestResponse"))

    assert set(observing.take_dirty()) == {"file"}


def test_what_was_saved_is_known_in_the_next_life_and_what_cannot_be_read_is_seen_again() -> None:
    before, after = Observing(), Observing()
    before.ask([], [POLICIES])
    before.note(seen())
    saved = {name: value for name, value in before.take_dirty().items() if value is not None}
    after.restore([("webhook", b"\xff not ours"), *saved.items()])
    after.ask([], [POLICIES])

    assert level(after) == "Request"
    assert level(after, source="webhook") is None


def test_a_proof_of_the_life_before_does_not_hide_a_newer_one() -> None:
    observing = Observing()
    observing.ask([], [POLICIES])
    observing.note(seen(at=NOON))
    observing.restore([("file", msgspec.msgpack.encode([(*POLICIES, "read", "Request", NOON - 40 * 86_400.0)]))])

    assert level(observing, at=NOON + 1.0) == "Request"


def test_a_sight_once_taken_is_not_changed_by_what_comes_after() -> None:
    observing = Observing()
    observing.ask([], [POLICIES])
    sight = observing.sight("file", "Audited", silence="cut off", now=NOON)
    observing.note(seen())

    assert sight.level(*POLICIES, "read") is None
    assert (sight.name, sight.evidence, sight.silence) == ("file", "Audited", "cut off")


def witness() -> Witness:
    board = AuditCanaries([Proven(source="file", deadline=20.0, survives_downtime=True)], cluster="c")
    board.recall(US, {})
    board.sent({"file": probe(NOON)})
    return Witness(board, Observing())


def test_a_proof_of_life_is_taken_once_with_the_servers_own_time() -> None:
    watching = witness()
    back = record("file")
    back = msgspec.structs.replace(
        back,
        received=NOON + 1,
        event=msgspec.structs.replace(back.event, stage_timestamp="2027-01-15T08:00:00.500000Z"),
    )
    watching.sees(back)
    watching.sees(back)

    assert watching.take_proofs() == [Proof("file", "cp-1", "Audited", NOON + 0.5)]
    assert watching.take_proofs() == []


def test_what_others_do_is_no_proof_and_not_ours() -> None:
    watching = witness()
    stranger = record("file", user="mallory")
    watching.sees(stranger)

    assert watching.take_proofs() == []
    assert (watching.is_own(stranger), watching.is_own(record("file"))) == (False, True)
