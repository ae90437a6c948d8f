"""Probes answer what the kubelet asks: is it alive, may it be trusted with work, and what does it count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from auditwatch.runtime.probes import LoopLag, Probes, verdict


@pytest.fixture
async def checks() -> dict[str, str]:
    return {"engine": "", "lease": ""}


@pytest.fixture
async def probes(checks: dict[str, str]) -> AsyncIterator[Probes]:
    registry = CollectorRegistry()
    Gauge("auditwatch_answer", "of a test", registry=registry).set(42)
    server = Probes(health=lambda: {"loop": ""}, readiness=lambda: checks, metrics=registry)
    await server.start(address="127.0.0.1", port=0)
    yield server
    await server.stop()


async def fetch(probes: Probes, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{probes.port}{path}") as answer:
        return answer.status, await answer.text()


def test_a_verdict_is_good_only_when_every_check_holds() -> None:
    assert verdict({"engine": "", "lease": ""}) == (200, "[+] engine: ok\n[+] lease: ok\n")
    assert verdict({"engine": "", "lease": "held by another"}) == (503, "[+] engine: ok\n[-] lease: held by another\n")


@pytest.mark.parametrize(("address", "why"), [("127.0.0.1", "already in use"), ("256.1.1.1", "256.1.1.1")])
async def test_a_port_that_cannot_be_had_is_named_with_the_settings_that_choose_it(
    probes: Probes, address: str, why: str
) -> None:
    another = Probes(health=dict, readiness=dict, metrics=CollectorRegistry())

    with pytest.raises(OSError, match=rf"on {address}:{probes.port}.*probes\.address and probes\.port") as caught:
        await another.start(address=address, port=probes.port)
    assert why in str(caught.value)


async def test_readiness_follows_its_checks(probes: Probes, checks: dict[str, str]) -> None:
    assert (await fetch(probes, "/readyz"))[0] == 200

    checks["lease"] = "held by another"

    status, text = await fetch(probes, "/readyz")
    assert status == 503
    assert "held by another" in text


async def test_health_does_not_depend_on_readiness(probes: Probes, checks: dict[str, str]) -> None:
    checks["lease"] = "held by another"

    assert (await fetch(probes, "/healthz"))[0] == 200


async def test_metrics_are_in_prometheus_text(probes: Probes) -> None:
    status, text = await fetch(probes, "/metrics")

    assert status == 200
    assert "auditwatch_answer 42.0" in text


async def test_a_blocked_loop_shows_as_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.runtime.probes.MEASURE_SECONDS", 0.01)
    lag = LoopLag()
    task = asyncio.create_task(lag.measure())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.2
    while loop.time() < until:
        pass
    while not lag.seconds:  # noqa: ASYNC110 - what is waited for is a plain number
        await asyncio.sleep(0)
    task.cancel()

    assert lag.seconds > 0.1
