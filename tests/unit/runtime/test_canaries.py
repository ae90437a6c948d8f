"""Our own requests prove sources alive, meet no rule, and are missed when they do not come back."""

from __future__ import annotations

import msgspec

from auditwatch.events.audit import AuditEvent, AuditRecord, ObjectReference, UserInfo
from auditwatch.events.canary import Probe
from auditwatch.runtime.canaries import CANARY_NAME, AuditCanaries, Proven

US = "system:serviceaccount:k10-auditwatch:k10-auditwatch"
NONCE = "0123456789abcdef"
GROUP = "config.kio.kasten.io"


def canaries(*sources: str, survives: bool = True) -> AuditCanaries:
    board = AuditCanaries(
        [Proven(source=source, deadline=20.0, survives_downtime=survives) for source in sources], cluster="c"
    )
    board.recall(US, {})
    return board


def probe(sent: float, *, nonce: str = NONCE, verb: str = "get") -> Probe:
    return Probe(
        nonce=nonce,
        verb=verb,
        group=GROUP,
        resource="policies",
        namespace="kasten-io",
        name=CANARY_NAME,
        sent=sent,
        deadline=sent + 20.0,
    )


def record(
    source: str, *, nonce: str = NONCE, user: str = US, verb: str = "get", instance: str = "cp-1"
) -> AuditRecord:
    event = AuditEvent(
        verb=verb,
        request_uri=f"/apis/{GROUP}/v1alpha1/namespaces/kasten-io/policies/{CANARY_NAME}?canary={nonce}",
        user=UserInfo(username=user),
        object_ref=ObjectReference(
            resource="policies", namespace="kasten-io", name=CANARY_NAME, api_group=GROUP, api_version="v1alpha1"
        ),
    )
    return AuditRecord(key="k", cluster="c", source=source, instance=instance, received=0.0, event=event)


def test_a_request_that_comes_back_proves_its_source_and_its_instance() -> None:
    board = canaries("file", "webhook")
    board.sent({"file": probe(100.0), "webhook": probe(100.0)})

    assert board.proves(record("file"))

    assert board.proofs() == {"file": 100.0}
    assert board.proofs_of("file") == {"cp-1": 100.0}
    assert board.proofs_of("webhook") == {}


def test_the_same_request_told_again_is_still_ours() -> None:
    board = canaries("file")
    board.sent({"file": probe(100.0)})

    assert [board.proves(record("file")), board.proves(record("file"))] == [True, False]
    assert board.is_own(record("file"))


def test_nobody_else_is_exempt_with_our_nonce() -> None:
    board = canaries("file")
    board.sent({"file": probe(100.0)})

    for stranger in (record("file", user="mallory"), record("file", verb="delete"), record("file", nonce="f" * 16)):
        assert not board.proves(stranger)
        assert not board.is_own(stranger)
    assert board.proofs() == {}


def test_what_other_sources_ask_for_is_ours_as_well() -> None:
    board = canaries("file")
    board.also([lambda each: each.instance == "of a stream"])

    assert board.is_own(record("file", instance="of a stream"))
    assert not board.is_own(record("file"))


def test_a_silent_source_is_told_once_and_again_when_it_speaks() -> None:
    board = canaries("file")
    board.sent({"file": probe(100.0)})
    board.proves(record("file"))
    board.sent({"file": probe(120.0, nonce="1" * 16)})

    assert board.overdue(139.0) == []
    silent = board.overdue(141.0)
    assert board.is_silent("file")
    assert board.overdue(150.0) == []
    board.sent({"file": probe(160.0, nonce="2" * 16)})
    board.proves(record("file", nonce="2" * 16))
    over = board.overdue(161.0)

    assert [(gap.reason, gap.start, gap.end) for gap in silent] == [("Silent", 100.0, 141.0)]
    assert [(gap.reason, gap.start, gap.end) for gap in over] == [("Silent", 141.0, 160.0)]
    assert not board.is_silent("file")


def test_a_request_that_never_reached_the_server_is_not_missed() -> None:
    board = canaries("file")
    board.sent({"file": probe(100.0)})
    board.proves(record("file"))
    late = {"file": probe(120.0, nonce="1" * 16)}
    board.sent(late)
    board.withdrawn(late)

    assert board.overdue(1000.0) == []
    assert not board.is_silent("file")


def test_what_a_webhook_was_sent_while_we_were_down_may_be_lost_and_a_file_waits() -> None:
    told = {}
    for survives in (True, False):
        board = AuditCanaries([Proven(source="s", deadline=20.0, survives_downtime=survives)], cluster="c")
        board.recall(US, {"s": 100.0})
        board.sent({"s": probe(500.0)})
        assert board.proves(record("s"))
        told[survives] = [(gap.reason, gap.start, gap.end) for gap in board.overdue(501.0)]

    assert told == {True: [], False: [("Downtime", 100.0, 500.0)]}


def test_a_short_restart_is_bridged_by_the_senders_patience() -> None:
    board = AuditCanaries([Proven(source="s", deadline=20.0, survives_downtime=False)], cluster="c")
    board.recall(US, {"s": 100.0})
    board.sent({"s": probe(115.0)})
    board.proves(record("s"))

    assert board.overdue(116.0) == []


def test_before_we_know_our_own_name_nothing_is_ours() -> None:
    board = AuditCanaries([Proven(source="s", deadline=20.0, survives_downtime=True)], cluster="c")
    board.sent({"s": probe(100.0)})

    assert not board.is_own(record("s"))
    assert not board.is_own(msgspec.structs.replace(record("s"), event=AuditEvent()))


def test_every_source_proves_itself_with_one_request() -> None:
    board = canaries("file", "webhook")
    board.sent({"file": probe(100.0), "webhook": probe(100.0)})

    assert (board.proves(record("file")), board.proves(record("webhook"))) == (True, True)
    assert board.proofs() == {"file": 100.0, "webhook": 100.0}


def test_a_request_sent_before_a_restart_is_still_ours_and_proves_nothing() -> None:
    before = canaries("file")
    before.sent({"file": probe(100.0)})
    after = AuditCanaries([Proven(source="file", deadline=20.0, survives_downtime=True)], cluster="c")
    after.recall(US, {}, before.known())

    assert after.is_own(record("file"))
    assert not after.proves(record("file"))
    assert after.overdue(1000.0) == []
