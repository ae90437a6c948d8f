"""Credentials inside a kubeconfig: read by TLS, and on no disk when the process is killed."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.embedded import PREFIX, clear
from auditwatch.cluster.errors import ConfigurationError
from tests.cluster.certificates import Authority

needs_memory_files = pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
URL = "https://127.0.0.1:1"
CONNECT = """
import asyncio, sys, time
from pathlib import Path
from auditwatch.cluster import embedded
from auditwatch.cluster.client import Cluster

embedded.IN_MEMORY = embedded.IN_MEMORY and sys.argv[2] == "memory"

async def main():
    async with await Cluster.connect(kubeconfig=Path(sys.argv[1])):
        print("connected", flush=True)
        time.sleep(60)

asyncio.run(main())
"""


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kubeconfig(folder: Path, *, user: dict[str, Any] | None = None, ca: str = "") -> Path:
    """One with everything inside."""
    authority = Authority.create("CA", now=dt.datetime.now(dt.UTC))
    authority.issue("me").write(folder, "me")
    certificate, key = (folder / f"me.{end}" for end in ("crt", "key"))
    embedded = {
        "client-certificate-data": encoded(certificate.read_bytes()),
        "client-key-data": encoded(key.read_bytes()),
    }
    trusted = ca or encoded(authority.pair.certificate_pem)
    document = {
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": URL, "certificate-authority-data": trusted}}],
        "users": [{"name": "u", "user": embedded if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "config"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def killed(config: Path, temporary: Path, how: str) -> list[str]:
    """What a process that is killed while it is connected leaves in its temporary directory."""
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-c", CONNECT, str(config), how]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    return sorted(each.name for each in temporary.iterdir())


@needs_memory_files
def test_a_killed_process_leaves_no_credentials(tmp_path: Path) -> None:
    assert killed(kubeconfig(tmp_path), tmp_path / "tmp", "memory") == []


def test_without_files_in_memory_the_next_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    (left,) = killed(kubeconfig(tmp_path), tmp_path / "tmp", "disk")
    assert left.startswith(PREFIX)
    assert (tmp_path / "tmp" / left).stat().st_mode & 0o777 == 0o700

    (other,) = killed(kubeconfig(tmp_path), tmp_path / "tmp", "disk")
    clear(tmp_path / "tmp")

    assert other != left
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_directory_of_a_process_that_lives_and_what_is_not_ours_stay(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}empty").mkdir()
    (tmp_path / "others").mkdir()

    clear(tmp_path)

    assert sorted(each.name for each in tmp_path.iterdir()) == [f"{PREFIX}empty", "others"]


def test_tls_reads_what_was_embedded_and_every_connection_the_same(tmp_path: Path) -> None:
    async def paths() -> tuple[str | None, str | None, str | None]:
        async with await Cluster.connect(kubeconfig=kubeconfig_path) as cluster:
            held = cluster.connection()
            return held.ca_path, held.certificate_path, held.private_key_path

    kubeconfig_path = kubeconfig(tmp_path)
    authority, certificate, key = first = asyncio.run(paths())
    assert asyncio.run(paths()) == first

    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(str(certificate), str(key))
    assert Path(str(key)).read_bytes() == (tmp_path / "me.key").read_bytes()


async def test_files_that_a_kubeconfig_names_are_used_where_they_are(tmp_path: Path) -> None:
    named = {"client-certificate": "me.crt", "client-key": str(tmp_path / "me.key")}
    async with await Cluster.connect(kubeconfig=kubeconfig(tmp_path, user=named)) as cluster:
        held = cluster.connection()

    assert (held.certificate_path, held.private_key_path) == (str(tmp_path / "me.crt"), str(tmp_path / "me.key"))


async def test_what_is_not_base64_is_a_kubeconfig_that_cannot_be_used(tmp_path: Path) -> None:
    broken = kubeconfig(tmp_path, ca="a")
    with pytest.raises(ConfigurationError, match="config: not a usable kubeconfig"):
        await Cluster.connect(kubeconfig=broken)


async def test_a_user_without_anything_is_nobody(tmp_path: Path) -> None:
    async with await Cluster.connect(kubeconfig=kubeconfig(tmp_path, user={})) as cluster:
        assert cluster.connection().certificate_path is None
