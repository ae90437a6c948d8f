"""The self-made CA where senders find it: in ConfigMaps that follow it, so that nobody has to copy a file.

What fails is told and tried again, and keeps nobody from posting: senders that know the CA already go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from auditwatch.cluster.configmaps import Kept
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError
from auditwatch.sources.webhook.plan import ConfigMapName

KEY: Final = "ca.crt"
log = structlog.get_logger()


class ConfigMaps(Protocol):
    """Who can keep a ConfigMap as it should be."""

    async def keep(self, namespace: str, name: str, data: Mapping[str, str]) -> Kept:
        """See to it that it holds these keys. Raises :class:`ClusterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    look: float = 5.0
    """Between two looks at the CA's file."""
    check: float = 600.0
    """Between two looks at a ConfigMap that was right: somebody may have changed or deleted it."""
    retry: float = 5.0
    """After the first failure; twice as long after each further one."""
    longest: float = 300.0

    def pause(self, failures: int) -> float:
        """How long to wait after so many failures in a row, one or more."""
        return min(self.retry * 2.0 ** min(failures - 1, 16), self.longest)


class CAPublication:
    """``run`` in an event loop until cancelled; ``problem`` may be read from any thread."""

    def __init__(
        self,
        source: str,
        places: Sequence[ConfigMapName],
        *,
        file: Path,
        config_maps: ConfigMaps | None,
        monotonic: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._file = file
        self._config_maps = config_maps
        self._monotonic = monotonic
        self._pace = pace or Pace()
        self._problems = dict.fromkeys(places, "")

    @property
    def problem(self) -> str:
        """What keeps the CA from being published; empty where nothing does."""
        return "; ".join(filter(None, list(self._problems.values())))

    async def run(self) -> None:
        """Publish now, whenever the CA changes, and where a ConfigMap is not as it was left."""
        async with asyncio.TaskGroup() as group:
            for place in self._problems:
                group.create_task(self._follow(place), name=f"{self._source} publishes its CA in {place}")

    async def _follow(self, place: ConfigMapName) -> None:
        published, due, failures = "", 0.0, 0
        while True:
            authority = await asyncio.to_thread(_content, self._file)
            if authority and (authority != published or self._monotonic() >= due):
                is_kept = await self._keep(place, authority)
                published, due = (authority, self._monotonic() + self._pace.check) if is_kept else ("", 0.0)
                failures = 0 if is_kept else failures + 1
            await asyncio.sleep(self._pace.pause(failures) if failures else self._pace.look)

    async def _keep(self, place: ConfigMapName, authority: str) -> bool:
        if self._config_maps is None:
            self._note(place, "there is no API server to write it to")
            return False
        try:
            done = await self._config_maps.keep(place.namespace, place.name, {KEY: authority})
        except ClusterError as error:
            self._note(place, reason_of(error, place))
            return False
        self._problems[place] = ""
        if done != "Unchanged":
            log.info("the webhook's CA is published", source=self._source, config_map=str(place), done=done)
        return True

    def _note(self, place: ConfigMapName, reason: str) -> None:
        problem = f"the CA is not published in ConfigMap {place}: {reason}"
        if self._problems[place] != problem:
            log.warning("the webhook's CA is not published", source=self._source, reason=problem)
        self._problems[place] = problem


def reason_of(error: ClusterError, place: ConfigMapName) -> str:
    """Why it failed, and the fix where there is one."""
    if isinstance(error, ForbiddenError):
        return f"not permitted: grant the operator's service account {error.request}"
    if isinstance(error, NotFoundError):
        return f"there is no namespace {place.namespace}: create it, or name another in tls.caConfigMaps"
    return str(error)


def _content(file: Path) -> str:
    """The CA in PEM; empty where it cannot be read, which the source tells of itself."""
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
