"""Connections from the machine into another network, with real sockets in a network namespace of the test's own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.node import forward
from tests.cluster.node.namespaces import beside
from tests.cluster.ports import PortReservation
from tests.cluster.waiting import eventually

PROGRAM = Path(forward.__file__)
ECHO = """\
import socket, sys, threading

def serve(connection):
    with connection:
        received = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.sendall(received[::-1])

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"""
"""Answers only after the other side has said that it is done."""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def port(stack: ExitStack) -> int:
    reserved = PortReservation.take()
    stack.callback(reserved.release)
    return reserved.number


def started(stack: ExitStack, argv: list[str]) -> subprocess.Popen[str]:
    process = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    return process


@pytest.fixture
def network(stack: ExitStack) -> int:
    """The pid of a process in a network with nothing but loopback."""
    if os.geteuid() != 0:
        pytest.skip("makes a network namespace: needs root")
    holder = started(stack, ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"])
    assert holder.stdout
    assert holder.stdout.readline() == "up\n"
    return holder.pid


@pytest.fixture
def forwarded(stack: ExitStack, network: int, port: int) -> int:
    started(stack, [sys.executable, "-I", "-S", str(PROGRAM), str(port), str(network)])
    eventually(lambda: listens(port))
    return port


@pytest.fixture
def echo(stack: ExitStack, network: int, port: int) -> None:
    server = started(stack, beside(network, [sys.executable, "-c", ECHO, str(port)]))
    assert server.stdout
    assert server.stdout.readline() == "listening\n"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.usefixtures("echo")
def test_a_server_in_the_other_network_is_reached_and_one_direction_may_end_first(forwarded: int) -> None:
    assert ask(forwarded, b"abc") == b"cba"


@pytest.mark.usefixtures("echo")
def test_much_is_carried_both_ways_on_many_connections(forwarded: int) -> None:
    texts = [os.urandom(3_000_000) for _ in range(4)]

    assert [ask(forwarded, text) for text in texts] == [text[::-1] for text in texts]


def test_a_connection_ends_where_nobody_listens_inside_and_the_next_is_taken(forwarded: int) -> None:
    assert ask(forwarded, b"") == b""
    assert listens(forwarded)


def test_a_port_that_is_taken_is_told_before_anything_else(stack: ExitStack, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        process = started(stack, [sys.executable, "-I", "-S", str(PROGRAM), str(port), str(os.getpid())])

        assert process.wait(60) == 1
        assert process.stderr
        assert "Address already in use" in process.stderr.read()
