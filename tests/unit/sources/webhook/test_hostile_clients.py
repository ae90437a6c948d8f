"""Slow, lying, bombing and vanishing clients: each costs bounded time and memory, and the next client is served."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from pathlib import Path

import pytest

from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.budget import Budget, NoRoomError
from auditwatch.sources.webhook.plan import MIB, Limits
from tests.unit.sources.webhook.making import IMPATIENT, PATH, Rig, event, event_list, head, read_all, running

BODY = event_list(event(1))


async def still_serves(rig: Rig) -> bool:
    return (await rig.post(event_list(event(99))))[0] == 200


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def test_a_body_shorter_than_promised_is_given_up(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {len(BODY) + 1000}") + BODY)
        return read_all(connection)

    async with running(tmp_path, journal, limits=IMPATIENT) as rig:
        assert status_of(await rig.converse(talk)) == 408
        assert rig.report().refused == {"TooSlow": 1}
        assert rig.intake.records() == []


async def test_a_body_that_drips_is_given_up_in_the_end(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head("Content-Length: 100000"))
        connection.settimeout(0.05)
        for _ in range(1_000):
            connection.sendall(b" ")
            try:
                return connection.recv(4096)
            except TimeoutError:
                continue
        return b""

    async with running(tmp_path, journal, limits=IMPATIENT) as rig:
        assert status_of(await rig.converse(talk)) == 408


async def test_what_follows_the_promised_body_is_no_part_of_it(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {len(BODY)}") + BODY + b"and more that is no request\r\n\r\n")
        return read_all(connection)

    async with running(tmp_path, journal) as rig:
        answer = await rig.converse(talk)

        assert b" 400 " in answer
        assert rig.intake.names() == (["p1"] if status_of(answer) == 200 else []), "what is acknowledged is recorded"
        assert await still_serves(rig)


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999999999", "1_000", "0x10"])
async def test_a_length_that_is_none_is_refused(tmp_path: Path, journal: Journal, length: str) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {length}") + BODY)
        return read_all(connection)

    async with running(tmp_path, journal) as rig:
        assert status_of(await rig.converse(talk)) in {400, 503}
        assert rig.intake.records() == []
        assert await still_serves(rig)


async def test_chunks_are_put_together(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head("Transfer-Encoding: chunked", "Connection: close"))
        for start in range(0, len(BODY), 50):
            piece = BODY[start : start + 50]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return read_all(connection)

    async with running(tmp_path, journal) as rig:
        assert status_of(await rig.converse(talk)) == 200
        assert rig.intake.names() == ["p1"]


async def test_a_chunk_that_is_none_is_refused(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head("Transfer-Encoding: chunked") + b"5\r\nhello\r\nzz\r\nbroken")
        return read_all(connection)

    async with running(tmp_path, journal) as rig:
        assert status_of(await rig.converse(talk)) in {0, 400}
        assert rig.intake.records() == []
        assert await still_serves(rig)


async def test_chunks_without_end_are_stopped_by_the_budget(tmp_path: Path, journal: Journal) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head("Transfer-Encoding: chunked"))
        connection.settimeout(10)
        try:
            while True:
                connection.sendall(piece)
        except OSError:
            return b"closed"

    async with running(tmp_path, journal, limits=Limits(flight_bytes=1 * MIB, stall_seconds=0.5)) as rig:
        assert await rig.converse(talk) == b"closed"
        assert rig.report().refused == {"BodyTooLarge": 1}
        assert "maxBytesInFlight" in rig.report().message
        assert await still_serves(rig)


async def test_a_gzip_bomb_is_unpacked_no_further_than_there_is_room(tmp_path: Path, journal: Journal) -> None:
    bomb = gzip.compress(b" " * (64 * MIB))
    assert len(bomb) < MIB

    async with running(tmp_path, journal, limits=Limits(flight_bytes=8 * MIB)) as rig:
        status, _, headers = await rig.post(bomb, headers={"Content-Encoding": "gzip"})

        assert (status, headers["Retry-After"]) == (503, "2")
        assert rig.report().refused == {"BodyTooLarge": 1}
        assert await still_serves(rig)


async def test_a_promise_larger_than_the_room_is_answered_before_the_body(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {2 * MIB}"))
        return connection.recv(4096)

    async with running(tmp_path, journal, limits=Limits(flight_bytes=1 * MIB, stall_seconds=5)) as rig:
        answer = await rig.converse(talk)

        assert status_of(answer) == 503
        assert b"Retry-After: 2" in answer


async def test_who_finds_no_room_is_to_come_again_while_others_hold_it(tmp_path: Path, journal: Journal) -> None:
    limits = Limits(flight_bytes=1 * MIB)
    large = event_list(event(1, requestObject={"text": "x" * (700 * 1024)}))

    async with running(tmp_path, journal, limits=limits) as rig:
        rig.intake.gate = asyncio.Event()
        first = asyncio.create_task(rig.post(large))
        await rig.intake.arrived.wait()

        status, _, headers = await rig.post(large)
        assert (status, headers["Retry-After"], rig.report().refused) == (503, "2", {"NoRoom": 1})

        rig.intake.gate.set()
        assert (await first)[0] == 200
        assert (await rig.post(large))[0] == 200, "what was held is given back"


def test_the_budget_says_whether_there_will_ever_be_room() -> None:
    budget = Budget(100)
    with budget.flight() as one, budget.flight() as other:
        one.grow(60)
        with pytest.raises(NoRoomError) as soon:
            other.grow(60)
        with pytest.raises(NoRoomError) as never:
            one.grow(60)
        assert (soon.value.ever, never.value.ever, budget.used) == (True, False, 60)
    assert budget.used == 0


async def test_a_client_that_closes_its_half_is_answered_or_let_go(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {len(BODY)}") + BODY)
        raw = connection.detach()
        plain = socket.socket(fileno=raw)
        plain.settimeout(10)
        plain.shutdown(socket.SHUT_WR)
        with plain:
            return plain.recv(4096)

    async with running(tmp_path, journal) as rig:
        await rig.converse(talk)
        assert await still_serves(rig)


async def test_a_client_that_vanishes_inside_its_body_leaves_nothing_behind(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head("Content-Length: 100000") + BODY)
        return b""

    async with running(tmp_path, journal) as rig:
        await rig.converse(talk)
        for _ in range(1_000):
            if rig.report().refused:
                break
            await asyncio.sleep(0.01)

        assert rig.report().refused == {"Interrupted": 1}
        assert await still_serves(rig)
        assert rig.intake.names() == ["p99"]


async def test_half_a_head_is_closed_after_a_while(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode())
        connection.settimeout(10)
        try:
            return connection.recv(4096)
        except ConnectionError:
            return b""

    async with running(tmp_path, journal, limits=Limits(head_seconds=0.5)) as rig:
        assert await rig.converse(talk) == b""


async def test_a_head_of_megabytes_is_refused(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        try:
            connection.sendall(head(f"X-Long: {'x' * (4 * MIB)}"))
            return connection.recv(4096)
        except OSError:
            return b""

    async with running(tmp_path, journal) as rig:
        assert status_of(await rig.converse(talk)) in {0, 400}
        assert await still_serves(rig)


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.0\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff", b""])
async def test_who_does_not_speak_tls_is_let_go(tmp_path: Path, journal: Journal, greeting: bytes) -> None:
    def shout(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(greeting)
            try:
                return plain.recv(4096)
            except ConnectionError:
                return b""

    async with running(tmp_path, journal, limits=Limits(handshake_seconds=0.3)) as rig:
        answer = await asyncio.to_thread(shout, rig.source.port)

        assert not answer.startswith(b"HTTP")


async def test_silent_strangers_make_room_for_who_proves_to_be_somebody(tmp_path: Path, journal: Journal) -> None:
    limits = Limits(connections=4, head_seconds=30)

    async with running(tmp_path, journal, limits=limits) as rig:
        strangers = [await asyncio.to_thread(rig.connect) for _ in range(12)]
        try:
            assert await still_serves(rig)
            assert len(rig.source._connections) <= 4
        finally:
            for stranger in strangers:
                stranger.close()


async def test_handshakes_that_never_end_do_not_keep_others_out(tmp_path: Path, journal: Journal) -> None:
    limits = Limits(handshakes=2, handshake_seconds=30)

    async with running(tmp_path, journal, limits=limits) as rig:
        silent = [socket.create_connection(("127.0.0.1", rig.source.port)) for _ in range(6)]
        try:
            assert await still_serves(rig)
        finally:
            for each in silent:
                each.close()


async def test_a_waiting_client_is_asked_to_go_on(tmp_path: Path, journal: Journal) -> None:
    def talk(connection: ssl.SSLSocket) -> bytes:
        connection.sendall(head(f"Content-Length: {len(BODY)}", "Expect: 100-continue", "Connection: close"))
        assert b"100 Continue" in connection.recv(4096)
        connection.sendall(BODY)
        return read_all(connection)

    async with running(tmp_path, journal) as rig:
        assert status_of(await rig.converse(talk)) == 200
