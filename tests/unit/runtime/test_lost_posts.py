"""What a webhook's sender gave up is a gap, although our own requests stood in every post that was refused."""

from __future__ import annotations

from pathlib import Path

from auditwatch.events.canary import Probe
from auditwatch.journal.errors import JournalFullError
from auditwatch.runtime.canaries import CANARY_NAME, AuditCanaries, Proven
from auditwatch.runtime.observing import Observing, Witness
from tests.unit.runtime.apiserver import US
from tests.unit.sources.file.committing import open_journal
from tests.unit.sources.webhook.making import NOW, SOURCE, event, event_list, running

GROUP = "config.kio.kasten.io"
DEADLINE = 75.0


def asked(nonce: str) -> dict[str, object]:
    """The event of a request of ours."""
    path = f"/apis/{GROUP}/v1alpha1/namespaces/kasten-io/policies/{CANARY_NAME}"
    target = {"resource": "policies", "namespace": "kasten-io", "name": CANARY_NAME, "apiGroup": GROUP}
    uri = f"{path}?canary={nonce}"
    return event(verb="get", auditID=nonce, requestURI=uri, user={"username": US}, objectRef=target)


def probe(nonce: str, now: float) -> Probe:
    return Probe(
        nonce=nonce,
        verb="get",
        group=GROUP,
        resource="policies",
        namespace="kasten-io",
        name=CANARY_NAME,
        sent=now,
        deadline=now + DEADLINE,
    )


async def test_posts_refused_until_they_are_given_up_are_a_gap_from_the_last_one_taken_to_the_next(
    tmp_path: Path,
) -> None:
    board = AuditCanaries([Proven(source=SOURCE, deadline=DEADLINE, survives_downtime=False)], cluster="prod")
    board.recall(US, {})
    journal = open_journal(tmp_path / "journal.db")
    statuses, gaps = [], []
    async with running(tmp_path, journal, seen=Witness(board, Observing()).sees) as rig:
        for turn in range(12):
            now, nonce = NOW + 20.0 * turn, f"nonce-{turn:016d}"
            is_full = 0 < turn < 11
            rig.intake.fails = JournalFullError(Path("/j"), "its limit is reached", "raise it") if is_full else None
            board.sent({SOURCE: probe(nonce, now)})
            statuses.append((await rig.post(event_list(asked(nonce), event(turn))))[0])
            gaps += board.overdue(now)
    journal.close()

    assert statuses == [200, *[503] * 10, 200]
    assert {gap.reason for gap in gaps} == {"Silent"}
    assert min(gap.start for gap in gaps) == NOW
    assert max(gap.end for gap in gaps) == NOW + 220.0
    assert board.proofs() == {SOURCE: NOW + 220.0}
