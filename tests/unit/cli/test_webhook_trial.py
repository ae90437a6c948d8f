"""What ``auditwatch webhook-config`` prints to see that it works: the state there is, and a request to paste."""

from __future__ import annotations

import datetime as dt
import shlex
import shutil
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import get_args

import pytest

from auditwatch.api.watchstatus import SourceState
from tests.cluster.certificates import Authority

from .conftest import TOKEN
from .test_webhook_config import ALL, printed


def commands(text: str) -> list[str]:
    """What is to be pasted: lines of comments that are set in further than others."""
    return [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#      ")]


@pytest.mark.parametrize("platform", ALL)
def test_it_names_the_state_that_a_source_has_and_the_command_that_shows_it(files: Path, platform: str) -> None:
    text = printed(files, platform, "--token-file", files / "token", "--source", "hook")
    (command,) = [each for each in commands(text) if "auditwatches" in each]
    path = '.items[*].status.sources[?(@.name=="hook")]'
    told = r'{.name}{"\t"}{.state}{"\t"}{.message}{"\n"}'
    assert shlex.split(command)[-1] == f"jsonpath={{range {path}}}{told}{{end}}"
    assert "Live" in get_args(SourceState)
    assert "prints Live within a minute" in text
    assert "Receiving" not in text


def test_the_request_to_try_names_files_and_holds_no_secret(files: Path) -> None:
    with_token = printed(files, "kubeadm")
    pair = ("--client-cert", files / "client.crt", "--client-key", files / "client.key")
    with_pair = printed(files, "kubeadm", *pair)
    for text in (with_token, with_pair):
        curl = commands(text)[-1]
        assert TOKEN not in curl
        assert f"--cacert {files / 'ca.crt'}" in curl
    assert f"$(cat {files / 'token'})" in commands(with_token)[-1]
    assert f"--cert {files / 'client.crt'} --key {files / 'client.key'}" in commands(with_pair)[-1]


@pytest.mark.parametrize(
    ("server", "name", "words"),
    [
        ("https://10.0.0.7:8443", "", ["https://10.0.0.7:8443/ingest/v1/audit-webhook/kube-apiserver/needles"]),
        (
            "https://10.0.0.7:8443",
            "k10-auditwatch",
            [
                *("--resolve", "k10-auditwatch:8443:10.0.0.7"),
                "https://k10-auditwatch:8443/ingest/v1/audit-webhook/kube-apiserver/needles",
            ],
        ),
        (
            "https://[fd00::1]:8443",
            "k10-auditwatch",
            [
                *("--resolve", "k10-auditwatch:8443:[fd00::1]"),
                "https://k10-auditwatch:8443/ingest/v1/audit-webhook/kube-apiserver/needles",
            ],
        ),
        (
            "https://lb.example:443",
            "k10-auditwatch",
            [
                *("--connect-to", "k10-auditwatch:443:lb.example:443"),
                "https://k10-auditwatch:443/ingest/v1/audit-webhook/kube-apiserver/needles",
            ],
        ),
    ],
)
def test_the_request_to_try_goes_where_the_api_server_goes(
    files: Path, server: str, name: str, words: list[str]
) -> None:
    more = ("--tls-server-name", name) if name else ()
    pair = ("--client-cert", files / "client.crt", "--client-key", files / "client.key")
    curl = shlex.split(commands(printed(files, "k3s", *pair, *more, server=server))[-1])
    assert curl[7:] == words


class Door(BaseHTTPRequestHandler):
    """Answers with the path and what the client proves itself with."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers.get('Authorization')}".encode())

    def log_message(self, *_told: object) -> None:
        """Nothing."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("proof", ["token", "pair"])
def test_what_is_printed_to_try_can_be_pasted_and_reaches_the_server(files: Path, proof: str) -> None:
    authority = Authority.create("door CA", now=dt.datetime.now(dt.UTC))
    (files / "ca.crt").write_bytes(authority.pair.certificate_pem)
    authority.issue("door", hosts=["k10-auditwatch"]).write(files, "door")
    authority.issue("kube-apiserver").write(files, "client")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files / "door.crt", files / "door.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    if proof == "pair":
        tls.load_verify_locations(files / "ca.crt")
        tls.verify_mode = ssl.CERT_REQUIRED
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    pair = ("--client-cert", files / "client.crt", "--client-key", files / "client.key")
    proven = pair if proof == "pair" else ("--token-file", files / "token")
    text = printed(
        *(files, "k3s", *proven, "--tls-server-name", "k10-auditwatch"),
        server=f"https://127.0.0.1:{server.server_port}",
    )

    done = subprocess.run(["bash", "-c", commands(text)[-1]], capture_output=True, text=True, check=False, timeout=30)
    server.shutdown()
    server.server_close()

    told = f"Bearer {TOKEN}" if proof == "token" else "None"
    assert done.stdout == f"/ingest/v1/audit-webhook/kube-apiserver/needles {told}", done.stderr
