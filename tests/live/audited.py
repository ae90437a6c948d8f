"""A control plane whose audit log reaches the operator by file and by webhook, as an installer would connect both."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.audit import METADATA, Audit, Webhook
from tests.cluster.certificates import Authority, write_secret
from tests.cluster.controlplane import ControlPlane
from tests.cluster.ports import PortReservation

FILE, WEBHOOK, INSTANCE = "audit-log", "audit-webhook", "cp-1"
TOKEN = "a-token-that-only-the-api-server-knows"


class AuditedPlane:
    """``with AuditedPlane(directory) as plane:``: ``plane.cluster``, and ``plane.sources`` for the operator's settings.

    ``by``: which of ``file`` and ``webhook`` are connected. Batches are sent after 100 ms, so that tests are quick.
    """

    cluster: ControlPlane

    def __init__(
        self,
        directory: Path,
        *,
        binary: Path | None = None,
        policy: str = METADATA,
        by: tuple[str, ...] = ("file", "webhook"),
        log_options: dict[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._binary = binary
        self._policy = policy
        self._by = by
        self._log_options = log_options or {}
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        try:
            return self._start()
        except BaseException:
            self._resources.close()
            raise

    def _start(self) -> Self:
        reservation = PortReservation.take()
        self._resources.callback(reservation.release)
        self._port = reservation.number
        self._directory.mkdir(parents=True, exist_ok=True)
        authority = Authority.create("auditwatch", now=dt.datetime.now(dt.UTC))
        authority.issue("auditwatch", hosts=["127.0.0.1"]).write(self._directory, "webhook")
        write_secret(self._directory / "token", TOKEN.encode())
        audit = Audit(
            policy=self._policy,
            log="file" in self._by,
            log_options=self._log_options,
            webhook=self._webhook(authority.pair.certificate_pem) if "webhook" in self._by else None,
        )
        self.cluster = self._resources.enter_context(ControlPlane(binary=self._binary, audit=audit))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The installer's configuration of what reads this log."""
        listed: list[dict[str, Any]] = [{"type": "State"}, {"type": "K10Stream"}]
        if "file" in self._by:
            listed.append({"type": "File", "name": FILE, "path": str(self.cluster.audit_log), "instance": INSTANCE})
        if "webhook" in self._by:
            files = {"certFile": str(self._directory / "webhook.crt"), "keyFile": str(self._directory / "webhook.key")}
            sender = {"name": INSTANCE, "tokenFile": str(self._directory / "token")}
            listed.append(
                {
                    "type": "Webhook",
                    "name": WEBHOOK,
                    "listen": {"address": "127.0.0.1", "port": self._port},
                    "tls": files,
                    "instances": [sender],
                }
            )
        return listed

    def _webhook(self, authority: bytes) -> Webhook:
        return Webhook(
            url=f"https://127.0.0.1:{self._port}/ingest/v1/{WEBHOOK}/{INSTANCE}",
            token=TOKEN,
            authority=authority,
            options={"batch-max-wait": "100ms", "initial-backoff": "1s", "batch-throttle-qps": "50"},
        )
