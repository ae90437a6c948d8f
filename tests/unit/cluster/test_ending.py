"""Who is asked to end while the API server cannot be reached ends, and does not take that for one more failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from auditwatch.cluster.access import Permission, missing
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import UnreachableError
from tests.unit.runtime.apiserver import api_server

RIGHTS = (Permission("list", "", "pods"), Permission("watch", "", "pods"))


class Cut:
    """A server that cuts connections, the first in the moment in which ``meanwhile`` happens."""

    def __init__(self) -> None:
        self.meanwhile: list[Callable[[], object]] = []

    async def create(self, *_what: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        for happening in self.meanwhile:
            happening()
        self.meanwhile = []
        raise UnreachableError(RIGHTS[0], "Server disconnected")


async def test_who_is_asked_to_end_while_its_question_about_rights_fails_ends() -> None:
    cut = Cut()
    asking = asyncio.create_task(missing(cast(Cluster, cut), RIGHTS))
    cut.meanwhile = [asking.cancel]
    await asyncio.gather(asking, return_exceptions=True)

    assert asking.cancelled()


async def test_a_question_about_rights_that_fails_is_told() -> None:
    with pytest.raises(UnreachableError, match="Server disconnected"):
        await missing(cast(Cluster, Cut()), RIGHTS)


async def test_who_is_asked_to_end_while_it_closes_a_client_ends_and_the_client_is_closed(tmp_path: Path) -> None:
    async with api_server(tmp_path) as server:
        cluster = await Cluster.connect(kubeconfig=server.kubeconfig)
        cluster._refresh.cancel()
        cluster._refresh = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        closing = asyncio.create_task(cluster.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

        assert closing.cancelled()
        assert cluster._connections.closed
