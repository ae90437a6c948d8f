"""The operator from the webhook's port to the journal, as a process of its own without a cluster.

``python -m tests.benchmarks.receiver DIRECTORY commit|whole``. Writes its port; then, for each line it is sent, the
seconds of the processor it has used, once everything it took is done with. ``commit``: the engine only commits;
``whole``: it joins, matches and counts as well, short of writing to an API server.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path
from typing import Final

from auditwatch.cli.logs import configure_logging
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import needles_of
from auditwatch.events.redaction import Redactor
from auditwatch.findings.ledger import Ledger
from auditwatch.journal.journal import Journal
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10
from auditwatch.runtime.canaries import CANARY_NEEDLE, AuditCanaries, Proven
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.observing import Observing, Witness
from auditwatch.runtime.reading import Reading
from auditwatch.scan.rules import Asked, rules_of
from auditwatch.sources.webhook.plan import Sender, TLSFiles, WebhookPlan
from auditwatch.sources.webhook.source import WebhookSource

SOURCE: Final = "audit-webhook"
INSTANCE: Final = "cp-1"
PATH: Final = f"/ingest/v1/{SOURCE}/{INSTANCE}"
COMMIT, WHOLE = "commit", "whole"
_CLUSTER: Final = "bench"
_K10: Final = K10Instance()
_POLL_SECONDS: Final = 0.05


class Served:
    """The parts. ``rule_sets`` are those of the shipped pack."""

    def __init__(self, directory: Path) -> None:
        self.rule_sets = rules_of(Asked(), k10=InstalledK10(_K10), now=time.time()).rule_sets
        canaries = AuditCanaries([Proven(source=SOURCE, deadline=75.0, survives_downtime=False)], cluster=_CLUSTER)
        observing = Observing()
        observing.ask(self.rule_sets, ())
        self._witness = Witness(canaries, observing)
        self.engine = EngineThread(
            lambda: Journal.open(
                directory / "journal.db", clock=time.time, new_id=lambda: "bench", new_key=lambda: b"key" * 8
            ),
            Detector(),
            lambda opened: Ledger(journal_id=opened.id, cluster=_CLUSTER),
            cluster=_CLUSTER,
            clock=time.time,
            on_dirty=lambda _sequence, _findings: None,
            own=self._witness,
        )
        self.engine.start()
        needles = needles_of(self.rule_sets, also=[CANARY_NEEDLE])
        self.source = WebhookSource(
            _plan(directory),
            intake=self.engine,
            redactor=Redactor(b"key" * 8),
            needles=lambda: needles,
            reviewer=None,
            clock=time.time,
            monotonic=time.monotonic,
            serial=lambda: secrets.randbits(159) | 1,
            seen=self._witness.sees,
        )

    def match(self) -> None:
        """Join, match and count from now on."""
        for rule_set in self.rule_sets:
            self.engine.install_rule_set(rule_set).result()
        self.engine.read_with(Reading((_K10,), rule_sets=lambda: self.rule_sets)).result()
        self.engine.enable_matching().result()

    async def done(self) -> None:
        """Until all that was taken is matched."""
        while self.engine.call(lambda engine: engine.journal.unsettled_count()).result() or self._backlog():  # noqa: ASYNC110 - another thread's figures
            await asyncio.sleep(_POLL_SECONDS)

    def _backlog(self) -> int:
        return self.engine.call(lambda engine: engine.journal.last_sequence()).result() - (
            self.engine.figures().detected_sequence
        )


def _plan(directory: Path) -> WebhookPlan:
    sender = Sender(source=SOURCE, instance=INSTANCE, token_file=directory / "token")
    return WebhookPlan(
        name=SOURCE,
        cluster=_CLUSTER,
        address="127.0.0.1",
        port=0,
        tls=TLSFiles(certificate=directory / "webhook.crt", key=directory / "webhook.key"),
        senders=(sender,),
        accepts_forgeries=False,
    )


async def serve(directory: Path, *, whole: bool) -> None:
    """Until nothing more is asked."""
    served = Served(directory)
    if whole:
        served.match()
    await served.source.start()
    print(served.source.port, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        if whole:
            await served.done()
        print(time.process_time(), flush=True)
    await served.source.stop()
    served.engine.stop()


if __name__ == "__main__":
    configure_logging(verbose=False)
    asyncio.run(serve(Path(sys.argv[1]), whole=sys.argv[2] == WHOLE))
