"""The requests by which audit sources prove themselves: against a server that can fail, and a real journal."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditEvent, AuditRecord, ObjectReference, UserInfo
from auditwatch.events.canary import Probe
from auditwatch.events.keys import gap_key
from auditwatch.journal.errors import JournalFullError
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.canaries import CANARY_NAME, AuditCanaries, Proven
from auditwatch.runtime.observing import OBSERVED, Observing, Witness
from auditwatch.runtime.proving import AuditProver, Telling, know_our_own
from tests.unit.runtime.apiserver import US, ApiServer, Asked, api_server, connected, until
from tests.unit.sources.file.committing import open_journal
from tests.unit.sources.webhook.making import JournalIntake

GROUP = "config.kio.kasten.io"
FILE = Proven(source="file", deadline=20.0, survives_downtime=True)
WEBHOOK = Proven(source="webhook", deadline=75.0, survives_downtime=False)


@dataclass
class Rig:
    """One life of a prover; time goes by only where a test says so."""

    server: ApiServer
    intake: JournalIntake
    cluster: Cluster
    sources: list[Proven] = field(default_factory=lambda: [FILE, WEBHOOK])
    instances: list[K10Instance] = field(default_factory=lambda: [K10Instance()])
    now: float = 1_000.0
    set_back: float = 0.0
    """By how much the clock was, until now."""
    nonces: itertools.count[int] = field(default_factory=itertools.count)
    board: AuditCanaries = field(init=False)
    observing: Observing = field(init=False)

    @asynccontextmanager
    async def life(self) -> AsyncIterator[asyncio.Task[None]]:
        self.board = AuditCanaries(self.sources, cluster="c")
        self.observing = Observing()
        prover = AuditProver(
            self.board,
            self.observing,
            cluster=self.cluster,
            intake=self.intake,
            instances=lambda: self.instances,
            clock=lambda: self.now,
            monotonic=lambda: self.now + self.set_back,
            new_nonce=lambda: f"nonce-{next(self.nonces):016d}",
        )
        task = asyncio.create_task(prover.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def echo(self, *sources: str) -> None:
        """From now on the API server's log reaches us through these."""
        witness = Witness(self.board, self.observing)

        def back(asked: Asked) -> None:
            for source in sources:
                witness.sees(told(asked, source))

        self.server.canary = back

    async def passing(self, holds: Callable[[], bool]) -> None:
        """Let time go by, a round every few moments, until something holds."""

        def step() -> bool:
            self.now += 5.0
            return holds()

        await until(step)

    async def asked(self, rounds: int) -> None:
        """Wait until this many rounds were sent, and one look was taken after the last."""
        await until(lambda: len(self.server.canaries()) >= 2 * rounds * len(self.instances), what="a round of requests")
        before = self.intake.put_count
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert self.intake.put_count >= before

    def gaps(self) -> list[tuple[str, str, float, float]]:
        rows = [msgspec.json.decode(row.payload, type=Gap) for row in self.intake.journal.unsettled(limit=1_000)]
        return [(gap.source, gap.reason, gap.start, gap.end) for gap in rows]

    def sent(self) -> list[Probe]:
        """What the journal holds as ours."""
        saved = self.intake.journal.mark("canary/sent")
        return msgspec.json.decode(saved, type=list[Probe]) if saved else []


def told(asked: Asked, source: str) -> AuditRecord:
    """The event of one of our requests, as a source hands it over."""
    event = AuditEvent(
        level="Metadata",
        verb={"GET": "get", "DELETE": "delete"}[asked.method],
        request_uri=f"{asked.path}?canary={asked.query['canary']}",
        user=UserInfo(username=US),
        object_ref=ObjectReference(
            resource="policies",
            namespace=asked.path.split("/")[5],
            name=CANARY_NAME,
            api_group=asked.path.split("/")[2],
        ),
        stage_timestamp="1970-01-01T00:16:40Z",
    )
    return AuditRecord(key="k", cluster="c", source=source, instance="cp-1", received=0.0, event=event)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr("auditwatch.runtime.proving.TICK_SECONDS", 0.002)
    journal = open_journal(tmp_path / "journal.db")
    async with api_server(tmp_path) as server, connected(server) as cluster:
        yield Rig(server, JournalIntake(journal), cluster)
    journal.close()


async def test_each_k10_is_asked_for_one_object_by_a_get_and_a_delete_each_with_a_nonce_of_its_own(rig: Rig) -> None:
    rig.instances = [K10Instance(), K10Instance(name="b", namespace="backup", api_domain="kio.example.org")]
    async with rig.life():
        await rig.asked(1)

    asked = rig.server.canaries()
    assert [(each.method, each.path) for each in asked] == [
        (method, f"/apis/config.{domain}/v1alpha1/namespaces/{namespace}/policies/{CANARY_NAME}")
        for domain, namespace in (("kio.kasten.io", "kasten-io"), ("kio.example.org", "backup"))
        for method in ("GET", "DELETE")
    ]
    assert len({each.query["canary"] for each in asked}) == 4


async def test_the_journal_knows_a_request_as_ours_before_the_server_sees_it(rig: Rig) -> None:
    known: list[bool] = []
    async with rig.life():
        rig.server.canary = lambda asked: known.append(asked.query["canary"] in {probe.nonce for probe in rig.sent()})
        await rig.asked(1)

    assert known == [True, True]


async def test_a_round_is_sent_every_twenty_seconds_and_not_sooner(rig: Rig) -> None:
    async with rig.life():
        await rig.asked(1)
        rig.now += 19.9
        await rig.asked(1)
        assert len(rig.server.canaries()) == 2
        rig.now += 0.1
        await rig.asked(2)

    assert len(rig.server.canaries()) == 4


async def test_a_clock_that_is_set_back_holds_no_request_up_and_hides_no_silence(rig: Rig) -> None:
    rig.now = 1_000_000.0
    async with rig.life():
        rig.echo("file")
        await rig.asked(1)
        await until(lambda: "file" in rig.board.proofs())
        rig.server.canary = lambda _asked: None
        rig.now, rig.set_back = rig.now - 3_600.0, 3_600.0

        for turn in range(5):
            rig.now += 20.0
            await rig.asked(2 + turn)
        await until(lambda: bool(rig.gaps()))

        assert rig.board.is_silent("file")
        assert [(source, reason, start) for source, reason, start, _ in rig.gaps()] == [("file", "Silent", 996_420.0)]
        rig.echo("file")
        rig.now += 20.0
        await until(lambda: len(rig.gaps()) > 1)
        assert not rig.board.is_silent("file")
        assert rig.board.proofs() == {"file": rig.now}


async def test_where_no_audit_source_is_installed_nothing_is_asked(rig: Rig) -> None:
    rig.sources = []
    async with rig.life():
        await until(lambda: rig.server.asked, what="the question who we are")
        await rig.asked(0)

    assert rig.server.canaries() == []


async def test_what_comes_back_is_a_proof_that_is_written_down_once(rig: Rig) -> None:
    async with rig.life():
        rig.echo("file")
        await rig.asked(1)
        await until(lambda: rig.intake.journal.mark("canary/proof/file"), what="the proof")
        puts = rig.intake.put_count
        await rig.asked(1)

    assert rig.intake.journal.mark("canary/proof/file") == b"1000.0"
    assert rig.intake.journal.mark("canary/proof/webhook") is None
    assert rig.intake.put_count == puts


async def test_a_source_that_goes_silent_leaves_a_gap_from_its_last_proof_and_the_other_does_not(rig: Rig) -> None:
    async with rig.life():
        rig.echo("file", "webhook")
        await rig.asked(1)
        rig.echo("webhook")
        rig.now = 1_020.0
        await rig.asked(2)
        assert rig.gaps() == []
        rig.now = 1_040.0
        await until(rig.gaps, what="a gap")

        assert rig.gaps() == [("file", "Silent", 1_000.0, 1_040.0)]
        assert (rig.board.is_silent("file"), rig.board.is_silent("webhook")) == (True, False)


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_source_is_not_blamed_for_requests_the_server_did_not_take(rig: Rig, status: int) -> None:
    async with rig.life():
        rig.echo("file", "webhook")
        await rig.asked(1)
        rig.server.refused[CANARY_NAME] = status
        for passed in range(20, 121, 20):
            rig.now = 1_000.0 + passed
            await rig.asked(1 + passed // 20)

        assert rig.gaps() == []
        assert not rig.board.is_silent("file")


async def test_an_outage_of_the_api_server_is_said_once_for_each_request_and_the_next_one_again(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    async with rig.life() as task:
        rig.echo("file", "webhook")
        await rig.asked(1)
        for _ in range(2):
            rig.server.is_down = True
            before = rig.server.cut
            await rig.passing(lambda before=before: rig.server.cut >= before + 9)  # type: ignore[misc]  # bound now
            rig.server.is_down, over = False, rig.now
            await rig.passing(lambda over=over: rig.board.proofs()["file"] > over + 40.0)  # type: ignore[misc]  # bound now
            said.append(capsys.readouterr().out.count("the API server does not answer"))

        assert not task.done()
        assert rig.gaps() == []
    assert said == [2, 2]


async def test_a_request_that_was_granted_is_expected_back_like_one_that_was_refused(rig: Rig) -> None:
    """Somebody may have made an object of that name, or given us the right: the log tells of it all the same."""
    async with rig.life():
        rig.server.refused[CANARY_NAME] = 200
        await rig.asked(1)
        rig.now = 1_020.0
        await until(lambda: rig.board.is_silent("file"), what="the silence of the file")


async def test_who_we_are_is_asked_until_it_is_answered_and_nothing_is_sent_before(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AuditProver.__init__.__kwdefaults__ or {}, "interval", 0.01)
    rig.server.refused["selfsubjectreviews"] = 503
    async with rig.life():
        await until(lambda: len(rig.server.asked) >= 3, what="the question asked again")
        assert rig.server.canaries() == []
        rig.server.refused.clear()
        rig.echo("file")
        await rig.asked(1)

        assert rig.board.proofs()["file"] == 1_000.0


async def test_a_gap_waits_for_room_in_a_full_journal_and_is_told_once(rig: Rig) -> None:
    async with rig.life():
        rig.echo("file", "webhook")
        await rig.asked(1)
        rig.server.canary = lambda _asked: None
        rig.now = 1_020.0
        await rig.asked(2)
        rig.intake.fails = JournalFullError(rig.intake.journal.path, "is full", "wait")
        rig.now = 1_040.0
        before = rig.intake.put_count
        await until(lambda: rig.intake.put_count >= before + 3, what="another try")
        assert rig.gaps() == []
        rig.intake.fails = None
        await until(rig.gaps, what="the gap")

    assert rig.gaps() == [("file", "Silent", 1_000.0, 1_040.0)]


async def test_after_a_restart_a_webhook_may_have_missed_something_and_a_file_waited(rig: Rig) -> None:
    async with rig.life():
        rig.echo("file", "webhook")
        await rig.asked(1)
        await until(lambda: rig.intake.journal.mark("canary/proof/webhook"), what="the proof")
    rig.now = 1_500.0
    async with rig.life():
        rig.echo("file", "webhook")
        await until(rig.gaps, what="a gap")

    assert rig.gaps() == [("webhook", "Downtime", 1_000.0, 1_500.0)]


async def test_requests_of_the_life_before_are_still_ours_after_a_restart(rig: Rig) -> None:
    async with rig.life():
        await rig.asked(1)
    before = rig.server.canaries()
    async with rig.life():
        await until(lambda: len(rig.server.canaries()) > len(before), what="the next life")

        assert all(rig.board.is_own(told(asked, "file")) for asked in before)
        assert not any(rig.board.proves(told(asked, "file")) for asked in before)


async def test_requests_of_the_life_before_are_ours_before_the_api_server_says_who_we_are(rig: Rig) -> None:
    async with rig.life():
        await rig.asked(1)
    after = AuditCanaries(rig.sources, cluster="c")

    await know_our_own(after, rig.intake)

    assert all(after.is_own(told(asked, "file")) for asked in rig.server.canaries())


async def test_in_a_new_journal_nothing_is_ours_yet(rig: Rig) -> None:
    board = AuditCanaries([FILE], cluster="c")

    await know_our_own(board, rig.intake)

    assert (board.known(), board.proofs()) == ([], {})


async def test_levels_seen_in_the_life_before_are_proof_in_the_next(rig: Rig) -> None:
    async with rig.life():
        rig.observing.ask([], [(GROUP, "policies")])
        rig.echo("file")
        await until(lambda: dict(rig.intake.journal.snapshots(OBSERVED)), what="the observed levels")
    async with rig.life():
        rig.server.canary = lambda _asked: None
        await rig.asked(2)
        rig.observing.ask([], [(GROUP, "policies")])
        sight = rig.observing.sight("file", "Audited", silence="", now=rig.now)

        assert sight.level(GROUP, "policies", "read") == "Metadata"
        assert sight.level(GROUP, "policies", "write") is None


def test_the_same_gap_told_twice_is_one_row(tmp_path: Path) -> None:
    gap = Gap(cluster="c", source="file", subject="file", reason="Silent", message="m", start=1.0, end=2.0)
    journal = open_journal(tmp_path / "journal.db")
    for _ in range(2):
        with journal.transaction():
            Telling(gaps=[gap]).record(journal)

    assert [row.source for row in journal.unsettled(limit=10)] == ["file"]
    assert gap_key(gap) == gap_key(msgspec.structs.replace(gap))
    journal.close()
