"""kopf, in a thread and a loop of its own: it reconciles AuditWatch and nothing else.

It leaves no finalizer, runs no daemon, posts no event and writes nothing into an AuditWatch: deleting one or the
operator never hangs, and no request of ours stands beside the one that made a change. It only watches. What it sees
goes to the :class:`Reconciler`, which knows by the generation what is new. The status of an AuditWatch is written
elsewhere, by one writer. Deletions that happen while the connection is down are not told to kopf at all, and what a
handler fails on is not tried again; the repair loop finds both.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import kopf

from auditwatch.cluster.credentials import Connection

GROUP, VERSION, PLURAL = "k10auditwatch.io", "v1alpha1", "auditwatches"
STOP_SECONDS = 3.0


class Reconciler(Protocol):
    """What the handlers report to; called in kopf's thread."""

    def seen(self, body: Mapping[str, Any]) -> None:
        """The AuditWatch exists and looks like this."""

    def gone(self, uid: str) -> None:
        """The AuditWatch of this uid was deleted."""


Login = Callable[[kopf.OperatorSettings], kopf.ConnectionInfo | None]


def login_with(connection: Callable[[], Connection]) -> Login:
    """How kopf finds the API server: in a pod by its own means, elsewhere as the rest of the operator does.

    ``connection`` is asked at every login, which is when kopf was refused: a token may be a new one by then.
    """

    def login(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo | None:
        now = connection()
        if now.is_service_account:
            return kopf.login_with_service_account(settings=settings)
        return kopf.ConnectionInfo(
            server=now.server,
            ca_path=now.ca_path,
            insecure=now.insecure,
            certificate_path=now.certificate_path,
            private_key_path=now.private_key_path,
            token=now.token,
        )

    return login


def settings_for_kopf() -> kopf.OperatorSettings:
    """Settings: alone (a Lease guards us), silent (we record events), no scanning (no rights to CRDs needed)."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.client_timeout = 600
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.execution.default_backoff = 15
    return settings


def build_registry(reconciler: Reconciler, *, login: Login) -> kopf.OperatorRegistry:
    """The handlers of this operator, in a registry of their own so that several can live in one process."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def authenticate(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
        return login(settings)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    def observe(type: str | None, body: kopf.Body, uid: str, **_: Any) -> None:  # noqa: A002 - kopf passes it by this name
        if type == "DELETED":
            reconciler.gone(uid)
        else:
            reconciler.seen(dict(body))

    return registry


class KopfThread:
    """Runs ``kopf.operator`` until stopped; ``failure`` says why it ended on its own, if it did."""

    def __init__(
        self,
        reconciler: Reconciler,
        *,
        identity: str,
        login: Login,
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._registry = build_registry(reconciler, login=login)
        self._identity = identity
        self._ended = ended
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread; kopf lists AuditWatches soon after."""
        self._thread.start()

    def stop(self) -> None:
        """End it from any thread; kopf gives its own tasks a moment and then lets go."""
        self._stopping = True
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            asyncio.run(self._operate())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever ended kopf, the operator must know and end too
            failure = error
        if not self._stopping:
            self._ended(failure)

    async def _operate(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._stopping:
            return  # told before there was a task to cancel
        await kopf.operator(
            registry=self._registry,
            settings=settings_for_kopf(),
            identity=self._identity,  # type: ignore[arg-type]  # a NewType of str that kopf does not export
            clusterwide=True,
        )
