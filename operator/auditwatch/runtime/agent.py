"""The agent as a whole: a checkpoint, a tail, a poster, and one thread that turns them until told to stop."""

from __future__ import annotations

import random
import threading
import time

import structlog

from auditwatch.runtime.agentsettings import AgentSettings
from auditwatch.sources.file.checkpoint import Checkpoint
from auditwatch.sources.file.forwarding import ForwardingSink
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.posting import Endpoint, Poster
from auditwatch.sources.file.pumping import Pump
from auditwatch.sources.file.report import FileReport, report_of
from auditwatch.sources.file.tail import FileTail

EXIT_DONE, EXIT_FAILED = 0, 1
STOP_SECONDS = 2.5
TELL_SECONDS = 60.0
_WATCH_SECONDS = 1.0
log = structlog.get_logger()


class Agent:
    """Raises :class:`CheckpointError` where it cannot keep its position."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._checkpoint = Checkpoint(settings.state_file)
        self._poster = Poster(endpoint_of(settings))
        self._sink = ForwardingSink(
            self._poster,
            self._checkpoint,
            stop=self._stop,
            monotonic=time.monotonic,
            jitter=random.random,
            compress=settings.compress,
        )
        self._tail = FileTail(
            settings.path,
            self._checkpoint.load(),
            clock=time.time,
            monotonic=time.monotonic,
            habits=Habits(start=settings.start, line_limit=settings.line_limit_bytes),
        )
        self._thread = threading.Thread(target=self._pump, name="agent", daemon=True)

    def stop(self) -> None:
        """Let :meth:`run` return; from any thread or signal handler."""
        self._stop.set()

    def run(self) -> int:
        """Read and post until stopped; the exit code. A post under way is not waited for longer than 2.5 s.

        What it carried is posted again by the next agent, and is not counted twice there.
        """
        log.info("agent started", path=str(self._settings.path), url=self._settings.url)
        self._thread.start()
        self._watch()
        self._thread.join(STOP_SECONDS)
        report = self.report()
        log.info("agent stopped", read=report.read, selected=report.selected, posts=self._sink.posts)
        return EXIT_FAILED if self._failure else EXIT_DONE

    def report(self) -> FileReport:
        """How it stands."""
        settings = self._settings
        return report_of(
            self._sink.tally,
            self._tail.figures,
            source=settings.source,
            instance=settings.instance,
            path=str(settings.path),
            now=time.time(),
        )

    def _pump(self) -> None:
        try:
            Pump(self._tail, self._sink, stop=self._stop, monotonic=time.monotonic).run()
        except Exception as error:  # noqa: BLE001 - a thread's last word; run() ends the process with it
            log.critical("agent failed", error=repr(error))
            self._failure = error
        finally:
            self._stop.set()
            self._poster.close()

    def _watch(self) -> None:
        """Tell every change of state, and every minute how it goes."""
        told, told_at = ("Starting", ""), time.monotonic()
        while not self._stop.wait(_WATCH_SECONDS):
            report = self.report()
            now = report.state, report.message
            if now != told or time.monotonic() - told_at >= TELL_SECONDS:
                told, told_at = now, time.monotonic()
                _tell(report)


def endpoint_of(settings: AgentSettings) -> Endpoint:
    """Where the settings say to post, and as whom."""
    return Endpoint(
        url=settings.url,
        source=settings.source,
        instance=settings.instance,
        server_authority=settings.tls.server_ca_file,
        client_certificate=settings.tls.cert_file,
        client_key=settings.tls.key_file,
        token_file=settings.token_file,
    )


def _tell(report: FileReport) -> None:
    say = log.info if report.state == "Reading" else log.warning
    say(
        "audit log",
        state=report.state,
        problem=report.message,
        read=report.read,
        selected=report.selected,
        lag_seconds=report.lag,
        lag_bytes=report.lag_bytes,
        files_waiting=report.files_waiting,
    )
